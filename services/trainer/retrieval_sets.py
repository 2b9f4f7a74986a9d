"""Tool retrieval sets: pairs to train a query adapter on, and how well the index ranks with one."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from toolscout.encoder import pack, unpack
from toolscout.index import Index
from toolscout.query_adapter import QueryAdapter

from services.trainer.query_adapter import Pairs

# Queries nearer than that say about the same. At .85, 174 of the 3,397 queries of our sets have such a neighbour, and
# the largest cluster has 12.
ALIKE = 0.85
TOP = 10
# People also type a tool's name, and such queries must still find it: they are learnt with, at less weight.
NAMES_A_QUERY, NAME_WEIGHT = 0.5, 0.3


class _Row(NamedTuple):
    """A document as the change log would give it."""

    id: int
    tool_id: int
    title: str
    text: str
    vector: bytes


@dataclass(slots=True)
class Encoded:
    """A set with its vectors: `queries` (n, 384), `docs` (m, 384), `names` (k, 384) of the documents `named`.

    `relevant` has {document number: degree} a query.
    """

    texts: list[str]
    queries: np.ndarray
    docs: np.ndarray
    named: list[int]
    names: np.ndarray
    relevant: list[dict[int, float]]
    index: Index

    @classmethod
    def of(
        cls,
        docs: Sequence[dict],
        queries: Sequence[dict],
        relevant: Mapping,
        vectors: np.ndarray,
        names: np.ndarray | None = None,
    ) -> Encoded:
        """Of a set in BEIR form; `vectors` are of documents, then of queries.

        `names` are of the titles of `named`; without them, none is learnt.
        """
        of_docs, of_queries = np.split(vectors, [len(docs)])
        packed = pack(of_docs)
        number = {doc["_id"]: i for i, doc in enumerate(docs)}
        index = Index()
        rows = [_Row(i + 1, i + 1, doc.get("title", ""), doc["text"], packed[i]) for i, doc in enumerate(docs)]
        index.apply(rows, [], 1)
        return cls(
            texts=[query["text"] for query in queries],
            queries=of_queries,
            docs=unpack(packed),
            named=[] if names is None else named(docs, len(queries)),
            names=of_docs[:0] if names is None else names,
            relevant=[{number[doc]: float(n) for doc, n in relevant[query["_id"]].items()} for query in queries],
            index=index,
        )

    def ndcg(self, rows: Iterable[int], adapter: QueryAdapter | None = None) -> np.ndarray:
        """nDCG@10 of each of these queries, as the index ranks."""
        return np.array([self._ndcg(int(row), adapter) for row in rows])

    def _ndcg(self, row: int, adapter: QueryAdapter | None) -> float:
        vector = adapter.apply(self.queries[row]) if adapter else self.queries[row]
        hits = self.index.search(self.texts[row], vector, TOP).hits
        return ndcg([hit.chunk_id - 1 for hit in hits], self.relevant[row])


def named(docs: Sequence[dict], queries: int) -> list[int]:
    """The numbers of documents whose titles are learnt as queries, in random order: in step with the queries."""
    titled = [i for i, doc in enumerate(docs) if doc.get("title")]
    return np.random.default_rng(0).permutation(titled)[: math.ceil(NAMES_A_QUERY * queries)].astype(int).tolist()


def ndcg(ranking: Sequence[int], relevant: Mapping[int, float]) -> float:
    """nDCG@10 with linear gain (Järvelin and Kekäläinen, 2002)."""
    ideal = sorted(relevant.values(), reverse=True)[:TOP]
    return _dcg([relevant.get(i, 0.0) for i in ranking[:TOP]]) / _dcg(ideal)


def _dcg(gains: Sequence[float]) -> float:
    return float(np.asarray(gains) @ (1 / np.log2(np.arange(2, len(gains) + 2))))


def pairs_of(parts: Sequence[tuple[Encoded, np.ndarray]]) -> Pairs:
    """Each of these queries with each document that answers it, and names in step with them. A set is a group."""
    found = [_pairs(one, rows) for one, rows in parts]
    return Pairs(
        queries=np.concatenate([pairs.queries for pairs in found]),
        positives=np.concatenate([pairs.positives for pairs in found]),
        pool=np.concatenate([pairs.pool for pairs in found]),
        weights=np.concatenate([pairs.weights for pairs in found if pairs.weights is not None]),
        groups=np.repeat(np.arange(len(found)), [len(pairs) for pairs in found]),
        pool_groups=np.repeat(np.arange(len(found)), [len(pairs.pool) for pairs in found]),
    )


def _pairs(one: Encoded, rows: np.ndarray) -> Pairs:
    """Of one set; a query weighs one in all."""
    asked = [(row, doc) for row in rows for doc in one.relevant[row]]
    names = math.ceil(NAMES_A_QUERY * len(rows))
    answers = [doc for _, doc in asked] + one.named[:names]
    weights = [1 / len(one.relevant[row]) for row, _ in asked] + [NAME_WEIGHT] * len(one.named[:names])
    queries = np.concatenate([one.queries[[row for row, _ in asked]], one.names[:names]])
    return Pairs(queries, one.docs[answers], one.docs, weights=np.array(weights))


def halves(sets: Mapping[str, Encoded], seed: int = 0) -> dict[str, np.ndarray]:
    """For each set, 0 or 1 for each query; queries that say about the same, in whatever sets, are in the same half."""
    found = clusters(np.concatenate([one.queries for one in sets.values()]))
    names = np.unique(found)
    side = np.random.default_rng(seed).permutation(len(names)) % 2
    half = side[np.searchsorted(names, found)]
    return dict(zip(sets, np.split(half, np.cumsum([len(one.queries) for one in sets.values()])[:-1]), strict=True))


def clusters(vectors: np.ndarray) -> np.ndarray:
    """A number a vector, equal where a chain of neighbours nearer than ALIKE joins two."""
    number = np.arange(len(vectors))
    for row in range(len(vectors)):
        near = np.flatnonzero(vectors[row:] @ vectors[row] >= ALIKE) + row
        joined = np.unique(number[near])
        if len(joined) > 1:
            number[np.isin(number, joined)] = joined[0]
    return number
