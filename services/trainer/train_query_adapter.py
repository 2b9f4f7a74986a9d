"""Trains a query adapter on what visitors said, and measures on their held-out questions whether it may serve."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import sqlalchemy as sa
from toolscout import query_adapter
from toolscout.catalogue import changes
from toolscout.catalogue.tables import chunks
from toolscout.domain import STABLE, Chunk
from toolscout.encoder import DIM, Encoder, unpack
from toolscout.errors import ToolscoutError
from toolscout.index import Index
from toolscout.query_adapter import FOLDER, QueryAdapter

from services.trainer import steps
from services.trainer.job import Job, Skip
from services.trainer.query_adapter import Gate, Options, Pairs, train
from services.trainer.retrieval_sets import Encoded, ndcg
from services.trainer.split import SPLITS, TEST, TRAIN, VALIDATION

# With fewer of the visitors' own questions nothing could be told from chance.
FEWEST_TRAINED, FEWEST_HELD = 50, 20
# Passages to draw negatives from, passages that are ranked for a held-out question, and negatives of a pair.
POOL, DEPTH, NEGATIVES = 5000, 50, 8
STEP = 5000

Row = dict[str, Any]


@dataclass(slots=True)
class Held:
    """A question that did not train: its vector, and the tools that answer it."""

    query: str
    vector: np.ndarray
    tools: dict[int, float]


def run(job: Job) -> None:
    rows = {split: _triples(job, split) for split in SPLITS}
    held = [row for split in (VALIDATION, TEST) for row in rows[split] if row["source"] != "synthetic"]
    _enough(rows[TRAIN], held)
    encoder = Encoder(job.settings.encoder_dir, threads=1)
    pairs = _pairs(job, encoder, rows[TRAIN])
    served = query_adapter.serving(job.settings.models_dir, STABLE, encoder.sha)
    job.progress("training")
    start = time.perf_counter()
    made = _on_top_of(served, pairs, job.seed, job.run_id)
    job.figures |= {"pairs": len(pairs), "train_s": round(time.perf_counter() - start, 2)}
    job.progress("measuring")
    report = _judged(job, encoder, held, made, served)
    where = job.settings.models_dir / FOLDER / job.run_id
    _publish(job, where, made, report, encoder.sha, served)
    job.figures |= {name: report[name] for name in ("passed", "why_not", "gain", "interval")}


def _triples(job: Job, split: str) -> list[Row]:
    found = job.find("combine_datasets", f"triples.{split}.jsonl")
    if found is None:
        raise ToolscoutError(
            "There is no data set yet.",
            reason="no_data_set",
            remedy="Make one: toolscout train --step combine_datasets",
        )
    return list(job.read_rows(found))


def _enough(trained: Sequence[Row], held: Sequence[Row]) -> None:
    said = len({row["query"] for row in trained if row["source"] != "synthetic"})
    kept = len({row["query"] for row in held})
    if said < FEWEST_TRAINED or kept < FEWEST_HELD:
        raise Skip(
            f"Visitors have rated {said} questions to learn from and {kept} to measure on.",
            reason="too_few_ratings",
            remedy=f"{FEWEST_TRAINED} and {FEWEST_HELD} are needed.",
        )


def _pairs(job: Job, encoder: Encoder, rows: Sequence[Row]) -> Pairs:
    """Triples as vectors, without those whose passage is no longer there."""
    wanted = {row["chunk_id"] for row in rows} | {chunk for row in rows for chunk in row["negatives"]}
    vectors = _vectors(job, encoder.sha, wanted)
    kept = [row for row in rows if row["chunk_id"] in vectors]
    if len(kept) < len(rows):
        job.drop("page_changed", len(rows) - len(kept))
    if not kept:
        raise Skip("Every page that was rated has changed since.", reason="page_changed")
    against = np.zeros((len(kept), NEGATIVES, DIM), np.float32)
    for n, row in enumerate(kept):
        for k, chunk in enumerate([c for c in row["negatives"] if c in vectors][:NEGATIVES]):
            against[n, k] = vectors[chunk]
    return Pairs(
        queries=_encoded(job, encoder, [row["query"] for row in kept]),
        positives=np.array([vectors[row["chunk_id"]] for row in kept]),
        pool=_pool(job, encoder.sha),
        weights=np.array([row["weight"] for row in kept], np.float32),
        negatives=against,
    )


def _on_top_of(served: QueryAdapter | None, pairs: Pairs, seed: int, name: str) -> QueryAdapter:
    """Learns what is left to learn where an adapter serves already, and makes one map of the two.

    The second map sees what the first has brought to length one; as one map it sees it as long as it is on average.
    """
    if served is None:
        return train(pairs, seed, name=name)
    lengths = np.linalg.norm(pairs.queries @ served.weight.T + served.bias, axis=1)
    made = train(replace(pairs, queries=served.apply(pairs.queries)), seed, name=name)
    weight = made.weight @ served.weight
    bias = made.weight @ served.bias + float(lengths.mean()) * made.bias
    return QueryAdapter(name, *(part.astype("<f2").astype(np.float32) for part in (weight, bias)))


def _encoded(job: Job, encoder: Encoder, queries: Sequence[str]) -> np.ndarray:
    """float32 (queries, 384); the same question is read once."""
    unique = list(dict.fromkeys(queries))
    found: list[np.ndarray] = []
    for start in range(0, len(unique), 256):
        job.progress("reading questions", start, len(unique))
        found.append(encoder.encode(unique[start : start + 256]))
    number = {query: n for n, query in enumerate(unique)}
    return np.concatenate(found)[[number[query] for query in queries]]


def _vectors(job: Job, encoder_sha: str, wanted: Iterable[int]) -> dict[int, np.ndarray]:
    ids = sorted(wanted)
    found: dict[int, np.ndarray] = {}
    columns = (chunks.c.id, chunks.c.vector)
    for start in range(0, len(ids), STEP):
        some = chunks.c.id.in_(ids[start : start + STEP])
        with job.catalogue.read() as conn:
            rows = list(conn.execute(sa.select(*columns).where(some, chunks.c.encoder == encoder_sha)))
        if rows:
            found |= zip((row.id for row in rows), unpack([bytes(row.vector) for row in rows]), strict=True)
    return found


def _pool(job: Job, encoder_sha: str) -> np.ndarray:
    """Passages of the whole catalogue, drawn by the seed."""
    with job.catalogue.read() as conn:
        stmt = sa.select(chunks.c.id).where(chunks.c.encoder == encoder_sha).order_by(chunks.c.id)
        ids = np.array(list(conn.execute(stmt).scalars()))
    if len(ids) > POOL:
        ids = np.random.default_rng(job.seed).choice(ids, POOL, replace=False)
    found = _vectors(job, encoder_sha, ids.tolist())
    return np.array([found[n] for n in sorted(found)])


# The gate.


def _judged(
    job: Job, encoder: Encoder, rows: Sequence[Row], made: QueryAdapter, served: QueryAdapter | None
) -> dict[str, Any]:
    """nDCG@10 on the visitors' held-out questions and on frozen sets, against what stable serves."""
    held = _held(job, encoder, rows)
    index = read_index(job)
    before: dict[str, np.ndarray] = {}
    after: dict[str, np.ndarray] = {}
    for side, adapter in ((before, served), (after, made)):
        side["visitors"] = np.array([_ndcg(index, one, adapter) for one in held])
    for name, one in _frozen(job, encoder).items():
        job.progress(f"measuring {name}")
        before[name], after[name] = (one.ndcg(range(len(one.queries)), adapter) for adapter in (served, made))
    return Gate().judge(before, after)


def _held(job: Job, encoder: Encoder, rows: Sequence[Row]) -> list[Held]:
    tools: dict[str, dict[int, float]] = {}
    for row in rows:
        tools.setdefault(row["query"], {})[row["tool_id"]] = 1.0
    vectors = _encoded(job, encoder, list(tools))
    return [Held(query, vector, tools[query]) for query, vector in zip(tools, vectors, strict=True)]


def _ndcg(index: Index, one: Held, adapter: QueryAdapter | None) -> float:
    vector = adapter.apply(one.vector) if adapter else one.vector
    hits = index.search(one.query, vector, DEPTH).hits
    return ndcg(list(dict.fromkeys(hit.tool_id for hit in hits)), one.tools)


def read_index(job: Job) -> Index:
    """The catalogue's passages as a gateway would search them now."""
    index = Index()
    while True:
        with job.catalogue.read() as conn:
            found = changes.since(conn, index.version, STEP)
        if found.version == index.version:
            return index
        index.apply(found.added, found.deleted, found.version)
        job.progress("reading the index", index.ntotal)


def _frozen(job: Job, encoder: Encoder) -> dict[str, Encoded]:
    """Sets in BEIR form in evaluation_dir."""
    folders = sorted(path.parent for path in job.settings.evaluation_dir.glob("*/qrels.tsv"))
    return {folder.name: _read_set(folder, encoder) for folder in folders}


def _read_set(folder: Path, encoder: Encoder) -> Encoded:
    docs, queries = (
        [orjson.loads(line) for line in (folder / name).read_bytes().splitlines()]
        for name in ("corpus.jsonl", "queries.jsonl")
    )
    known = {doc["_id"] for doc in docs}
    relevant: dict[str, dict[str, float]] = {}
    for line in (folder / "qrels.tsv").read_text(encoding="utf-8").splitlines()[1:]:
        query, doc, degree = line.split("\t")
        if float(degree) > 0 and doc in known:
            relevant.setdefault(query, {})[doc] = float(degree)
    queries = [query for query in queries if query["_id"] in relevant]
    texts = [Chunk(0, 0, doc.get("title", ""), doc["text"]).indexed_text for doc in docs]
    vectors = encoder.encode([*texts, *(query["text"] for query in queries)])
    # Names of tools are asked for in training alone.
    return Encoded.of(docs, queries, relevant, vectors, np.empty((0, DIM), np.float32))


# What is left behind.


def _publish(
    job: Job, where: Path, made: QueryAdapter, report: Mapping[str, Any], encoder_sha: str, served: QueryAdapter | None
) -> None:
    """The adapter with its card and report, also where it may not serve: somebody may ask why."""
    sources = [job.find("combine_datasets", f"triples.{split}.jsonl") for split in SPLITS]
    provenance = {
        "run": job.run_id,
        "encoder": encoder_sha,
        "start": served.id if served else None,
        "data": {one["name"]: {"rows": one["rows"], "sha256": one["sha256"]} for one in sources if one},
        "seed": job.seed,
        "options": Options().asdict(),
        "gate": {"passed": report["passed"], "why_not": report["why_not"]},
        "metrics": {"gain": report["gain"], "interval": report["interval"]},
    }
    made.save(where, provenance, _card(job, report, provenance))
    text = orjson.dumps(report, option=orjson.OPT_INDENT_2, default=str)
    (where / "report.json").write_bytes(text + b"\n")
    for file in sorted(where.iterdir()):
        job.note(file)


def _card(job: Job, report: Mapping[str, Any], provenance: Mapping[str, Any]) -> str:
    lines = [
        f"# Query adapter {job.run_id}",
        "",
        f"Trained on {job.figures['pairs']} pairs of visitors' ratings and made-up questions, from"
        f" {provenance['start'] or 'identity'}; seed {job.seed}, encoder {provenance['encoder']}.",
        "",
        "| held-out set | questions | nDCG@10 before | after | gain, 95% |",
        "|---|---|---|---|---|",
    ]
    for name, one in report["sets"].items():
        low, high = one["interval"]
        figures = f"{one['before']:.3f} | {one['after']:.3f} | {one['gain']:+.3f} ({low:+.3f} to {high:+.3f})"
        lines.append(f"| {name} | {one['queries']} | {figures} |")
    why = "; ".join(report["why_not"])
    lines += ["", f"The gate {'let it pass' if report['passed'] else f'did not let it pass: {why}'}."]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    steps.script(__name__)
