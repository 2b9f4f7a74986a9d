"""What a query adapter gains in nDCG@10 of the fused ranking, on queries that it has not seen.

`halves`: trained on half of the queries of all sets, tried on the other half; near-duplicate queries lie in the same
half. `leave_one_out`: trained on all other sets, tried on one of which neither queries nor documents were seen.
Intervals are paired bootstraps (95%). Also: seconds to train on all pairs, ms that an adapter adds to a query (the
median of many calls on a warm vector), and whether the index is byte for byte what it was.

Sets are folders in BEIR form. By default queries and documents are sampled, every relevant document kept.
"""

from __future__ import annotations

import argparse
import hashlib
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from toolscout.domain import Chunk
from toolscout.encoder import Encoder
from toolscout.query_adapter import QueryAdapter
from toolscout.settings import Settings

from benchmarks.retrieval import read
from benchmarks.system import SHARED
from benchmarks.vectors import vectors_of
from services.trainer.query_adapter import FOREIGN, Gate, Options, train
from services.trainer.retrieval_sets import Encoded, halves, named, pairs_of

CALLS = 2000
HALVES_FLOOR, LEFT_OUT_FLOOR = -0.005, -0.01


def add_options(parser: argparse.ArgumentParser) -> None:
    where = [SHARED / "data" / "retrieval"]
    parser.add_argument("--data", type=Path, nargs="+", default=where, help="folders of sets in BEIR form, or sets")
    parser.add_argument("--queries", type=int, default=600, help="queries a set at most, 0: all")
    parser.add_argument("--docs", type=int, default=1000, help="documents a set at most beside relevant ones, 0: all")
    parser.add_argument("--seed", type=int, default=0)


def run(options: argparse.Namespace) -> dict[str, Any]:
    sets = encoded(options.data, options.queries, options.docs)
    before = {name: one.ndcg(range(len(one.queries))) for name, one in sets.items()}
    digest = _digest(sets)
    half = by_halves(sets, before, options.seed)
    left = leave_one_out(sets, before, options.seed) if len(sets) > 1 else None
    start = time.perf_counter()
    adapter = train(pairs_of([(one, np.arange(len(one.queries))) for one in sets.values()]), options.seed)
    train_s = time.perf_counter() - start
    return {
        "ndcg10_gain_mean": half["gain"],
        "ndcg10_worst": _worst(half),
        "leave_one_out_mean": left and left["gain"],
        "leave_one_out_worst": left and _worst(left),
        "train_s": round(train_s, 2),
        "query_ms": round(query_ms(adapter, next(iter(sets.values())).queries[0]), 4),
        "index_unchanged": _digest(sets) == digest,
        "halves": half,
        "leave_one_out": left,
        "size": {name: {"docs": len(one.docs), "queries": len(one.queries)} for name, one in sets.items()},
    }


def encoded(folders: Sequence[Path], queries: int, docs: int) -> dict[str, Encoded]:
    """The sets in these folders, by name. SystemExit where there is none."""
    found = sorted(
        {path.parent for folder in folders for path in (*folder.glob("qrels.tsv"), *folder.glob("*/qrels.tsv"))}
    )
    if not found:
        raise SystemExit(f"there is no set in {', '.join(map(str, folders))}: name a folder with --data")
    encoder = Encoder(Settings().encoder_dir, threads=2)
    return {folder.name: _encoded(folder, queries, docs, encoder) for folder in found}


def _encoded(folder: Path, queries: int, docs: int, encoder: Encoder) -> Encoded:
    data = read(folder, queries, docs)
    texts = [Chunk(0, 0, doc.get("title", ""), doc["text"]).indexed_text for doc in data.docs]
    names = [data.docs[i]["title"] for i in named(data.docs, len(data.queries))]
    vectors = vectors_of(encoder, [*texts, *(query["text"] for query in data.queries)])
    return Encoded.of(data.docs, data.queries, data.relevant, vectors, vectors_of(encoder, names))


def by_halves(
    sets: Mapping[str, Encoded], before: Mapping[str, np.ndarray], seed: int, options: Options | None = None
) -> dict[str, Any]:
    """The gate's report on the half that was not trained on."""
    side = halves(sets, seed)
    adapter = train(pairs_of([(one, np.flatnonzero(side[name] == 0)) for name, one in sets.items()]), seed, options)
    held = {name: np.flatnonzero(side[name] == 1) for name in sets}
    held = {name: rows for name, rows in held.items() if len(rows)}
    after = {name: sets[name].ndcg(rows, adapter) for name, rows in held.items()}
    return Gate(floor=HALVES_FLOOR).judge({name: before[name][rows] for name, rows in held.items()}, after)


def leave_one_out(sets: Mapping[str, Encoded], before: Mapping[str, np.ndarray], seed: int) -> dict[str, Any]:
    """The gate's report on each set by an adapter of all others."""
    after = {}
    for name, one in sets.items():
        others = [(other, np.arange(len(other.queries))) for n, other in sets.items() if n != name]
        after[name] = one.ndcg(range(len(one.queries)), train(pairs_of(others), seed, FOREIGN))
    return Gate(floor=LEFT_OUT_FLOOR).judge(before, after)


def query_ms(adapter: QueryAdapter, vector: np.ndarray) -> float:
    """The median time of an adapter on one vector."""
    took = []
    for _ in range(CALLS):
        start = time.perf_counter()
        adapter.apply(vector)
        took.append(time.perf_counter() - start)
    return float(np.median(took)) * 1000


def _digest(sets: Mapping[str, Encoded]) -> list[tuple[int, str]]:
    """(version, sha256 of the vectors) of each index."""
    views = [one.index._view for one in sets.values()]
    return [(v.version, hashlib.sha256(b"".join(s.codes.tobytes() for s in v.segments)).hexdigest()) for v in views]


def _worst(report: dict[str, Any]) -> float:
    return min(one["gain"] for one in report["sets"].values())
