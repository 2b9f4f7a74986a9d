"""nDCG@10 of each arm alone, of reciprocal rank fusion and of the index's own fusion, on tool retrieval sets.

Sets are folders in BEIR form (corpus.jsonl, queries.jsonl, qrels.tsv). By default queries and corpora are sampled,
with every relevant document kept, so that a run fits into 50 s; the `size` of a set says how much was taken of it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ir_measures
import numpy as np
from ir_measures import nDCG
from toolscout.domain import Chunk
from toolscout.encoder import Encoder, pack
from toolscout.index import Index
from toolscout.settings import Settings

from benchmarks.system import SHARED
from benchmarks.vectors import vectors_of

DEPTH = 100
RRF_K = 60

Ranking = Sequence[int]
Relevant = dict[str, dict[str, int]]


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, default=SHARED / "data" / "retrieval", help="folder of sets in BEIR form")
    parser.add_argument("--queries", type=int, default=100, help="queries a set at most, 0: all")
    parser.add_argument("--docs", type=int, default=500, help="documents a set at most beside relevant ones, 0: all")


@dataclass(slots=True)
class Set:
    """A retrieval set; `relevant` maps query ids to document ids to degrees."""

    docs: list[dict]
    queries: list[dict]
    relevant: Relevant


@dataclass(slots=True)
class Row:
    """A passage as the change log would give it."""

    id: int
    tool_id: int
    title: str
    text: str
    vector: bytes


def run(options: argparse.Namespace) -> dict[str, Any]:
    folders = sorted(path.parent for path in options.data.glob("*/qrels.tsv"))
    if not folders:
        raise SystemExit(f"there is no set in {options.data}: name a folder with --data")
    encoder = Encoder(Settings().encoder_dir, threads=2)
    return {folder.name: measure(read(folder, options.queries, options.docs), encoder) for folder in folders}


def read(folder: Path, queries: int, docs: int) -> Set:
    """The set, sampled evenly; queries without a relevant document are left out."""
    corpus = _rows(folder / "corpus.jsonl")
    known = {doc["_id"] for doc in corpus}
    relevant: Relevant = {}
    for line in (folder / "qrels.tsv").read_text(encoding="utf-8").splitlines()[1:]:
        query, doc, degree = line.split("\t")
        if int(degree) > 0 and doc in known:
            relevant.setdefault(query, {})[doc] = int(degree)
    asked = _evenly([query for query in _rows(folder / "queries.jsonl") if query["_id"] in relevant], queries)
    needed = {doc for query in asked for doc in relevant[query["_id"]]}
    others = {doc["_id"] for doc in _evenly([doc for doc in corpus if doc["_id"] not in needed], docs)}
    return Set([doc for doc in corpus if doc["_id"] in needed | others], asked, relevant)


def measure(data: Set, encoder: Encoder) -> dict[str, Any]:
    texts = [Chunk(0, 0, doc.get("title", ""), doc["text"]).indexed_text for doc in data.docs]
    vectors = vectors_of(encoder, [*texts, *(query["text"] for query in data.queries)])
    index = Index()
    index.apply(list(_passages(data.docs, vectors)), [], 1)
    runs: dict[str, dict[str, dict[str, float]]] = {"words": {}, "vectors": {}, "rrf": {}, "fused": {}}
    for query, vector in zip(data.queries, vectors[len(data.docs) :], strict=True):
        for name, ranking in rankings(index, query["text"], vector).items():
            runs[name][query["_id"]] = {data.docs[i - 1]["_id"]: -float(n) for n, i in enumerate(ranking)}
    relevant = {query["_id"]: data.relevant[query["_id"]] for query in data.queries}
    figures: dict[str, Any] = {
        name: {"ndcg10": round(ir_measures.calc_aggregate([nDCG @ 10], relevant, found)[nDCG @ 10], 4)}
        for name, found in runs.items()
    }
    return {**figures, "size": {"docs": len(data.docs), "queries": len(data.queries)}}


def rankings(index: Index, text: str, vector: np.ndarray) -> dict[str, Ranking]:
    """Chunk ids, best first, of each way to rank."""
    vectors, words = index.arms(text, vector, DEPTH)
    fused = [hit.chunk_id for hit in index.search(text, vector, 10).hits]
    return {"words": words, "vectors": vectors, "rrf": reciprocal_rank_fusion(vectors, words), "fused": fused}


def reciprocal_rank_fusion(*arms: Ranking) -> Ranking:
    """Sum of 1/(k + rank), ranks from 1, k = 60 (Cormack, Clarke and Büttcher, SIGIR 2009)."""
    scores: dict[int, float] = {}
    for arm in arms:
        for rank, i in enumerate(arm, 1):
            scores[i] = scores.get(i, 0.0) + 1 / (RRF_K + rank)
    return sorted(scores, key=lambda i: -scores[i])


def _passages(docs: Sequence[dict], vectors: np.ndarray) -> Iterator[Row]:
    for i, (doc, vector) in enumerate(zip(docs, pack(vectors[: len(docs)]), strict=True), 1):
        yield Row(i, i, doc.get("title", ""), doc["text"], vector)


def _evenly(rows: list[dict], most: int) -> list[dict]:
    """At most `most` of them, spread over the whole; 0: all."""
    if not most or len(rows) <= most:
        return rows
    return [rows[int(i)] for i in np.linspace(0, len(rows) - 1, most)]


def _rows(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
