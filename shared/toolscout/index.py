"""Vectors and words of all passages, in memory: a replica that follows the catalogue's change log.

Vectors lie in a few immutable FAISS segments (exact search over float16), as FAISS forbids adding while it searches;
small segments are merged as they gather, deletions are a mask beside each. Words lie in a tantivy index. A search works
on one `_View` of both, so readers never wait and never see half a change. One thread applies changes.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import faiss
import numpy as np
import tantivy

from toolscout.domain import Hit
from toolscout.encoder import DIM, unpack
from toolscout.words import query_words, searchable

# score = cosine + WORDS · BM25: never lost to one arm alone by much on eight sets (docs/decisions/0004).
WORDS = 0.02
# Candidates that each arm gives, at least.
CANDIDATES = 80
# Words are looked up so many times deeper: passages that only their vectors found get their BM25 from there. Beyond it
# BM25 is small, and counts as none.
WORDS_DEPTH = 4
# A segment is merged into the one before it unless that is at least so many times larger.
GROWTH = 3
WRITER_BYTES = 30_000_000


class ChunkRow(Protocol):
    """A passage as the change log gives it; `vector` is 384 float16, little endian."""

    @property
    def id(self) -> int: ...
    @property
    def tool_id(self) -> int: ...
    @property
    def title(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def vector(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Hits:
    """What a search found, best first, and in which state of the index."""

    hits: list[Hit]
    version: int
    ntotal: int

    def fits(self, threshold: float) -> bool:
        """Whether anything found answers the query: the best score reaches the threshold."""
        return bool(self.hits) and self.hits[0].score >= threshold


@dataclass(frozen=True, slots=True)
class _Segment:
    """Vectors with the ids of their chunks, ascending; `alive` is a mask of those `count` that are not deleted."""

    ids: np.ndarray
    tools: np.ndarray
    alive: np.ndarray
    count: int
    # Parameters of a search that passes over what was deleted; None where nothing was.
    passing: Any
    vectors: Any

    @classmethod
    def of(cls, ids: np.ndarray, tools: np.ndarray, vectors: np.ndarray) -> _Segment:
        order = np.argsort(ids)
        index = faiss.IndexScalarQuantizer(DIM, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
        index.add(np.ascontiguousarray(vectors[order], np.float32))
        return cls(ids[order], tools[order], np.ones(len(ids), bool), len(ids), None, index)

    def joined(self, other: _Segment) -> _Segment:
        """Both in one, without what was deleted. float16 survives the way through float32 unchanged."""
        parts = [(s, s.vectors.reconstruct_n(0, len(s.ids))[s.alive]) for s in (self, other)]
        ids = np.concatenate([s.ids[s.alive] for s, _ in parts])
        tools = np.concatenate([s.tools[s.alive] for s, _ in parts])
        return _Segment.of(ids, tools, np.concatenate([vectors for _, vectors in parts]))

    def without(self, deleted: np.ndarray) -> _Segment:
        gone = np.isin(self.ids, deleted) & self.alive
        if not gone.any():
            return self
        alive = self.alive & ~gone
        return replace(self, alive=alive, count=int(np.count_nonzero(alive)), passing=_passing(alive))

    def places(self, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(which of `ids` live here, at which place)."""
        at = np.searchsorted(self.ids, ids)
        at[at == len(self.ids)] = 0
        here = (self.ids[at] == ids) & self.alive[at]
        return np.flatnonzero(here), at[here]

    def nearest(self, query: np.ndarray, k: int, allowed: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """(ids, cosines) of the best k."""
        count, passing = self.count, self.passing
        if allowed is not None:
            mask = self.alive & np.isin(self.tools, allowed)
            count, passing = int(np.count_nonzero(mask)), _passing(mask)
        if not count:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        cosines, at = self.vectors.search(query[None], min(k, count), params=passing)
        found = at[0] >= 0
        return self.ids[at[0][found]], cosines[0][found]


def _passing(mask: np.ndarray) -> Any:
    """FAISS parameters that let through the places where `mask` is set."""
    return faiss.SearchParameters(sel=faiss.IDSelectorBitmap(np.packbits(mask, bitorder="little")))


@dataclass(frozen=True, slots=True)
class _View:
    """One state of the index, never changed."""

    version: int
    segments: tuple[_Segment, ...]
    searcher: Any

    @property
    def ntotal(self) -> int:
        return sum(segment.count for segment in self.segments)

    def nearest(self, query: np.ndarray, k: int, allowed: np.ndarray | None) -> dict[int, float]:
        """Cosines of the k nearest passages by chunk id."""
        found = [segment.nearest(query, k, allowed) for segment in self.segments]
        if not found:
            return {}
        ids, cosines = (np.concatenate(part) for part in zip(*found, strict=True))
        best = np.argsort(-cosines, kind="stable")[:k]
        return dict(zip(ids[best].tolist(), cosines[best].tolist(), strict=True))

    def unknown(self, ids: np.ndarray) -> np.ndarray:
        """A mask of those of `ids` that no segment has had."""
        known = [np.isin(ids, segment.ids) for segment in self.segments]
        return ~np.logical_or.reduce(known) if known else np.ones(len(ids), bool)

    def cosines(self, query: np.ndarray, ids: Sequence[int]) -> dict[int, float]:
        """The exact cosine of each of `ids` that is here."""
        wanted = np.array(ids, np.int64)
        out: dict[int, float] = {}
        for segment in self.segments:
            which, at = segment.places(wanted)
            if len(at):
                out |= zip(
                    wanted[which].tolist(), (segment.vectors.reconstruct_batch(at) @ query).tolist(), strict=True
                )
        return out

    def tools_of(self, ids: Sequence[int]) -> dict[int, int]:
        """Tools by chunk id."""
        wanted = np.array(ids, np.int64)
        out: dict[int, int] = {}
        for segment in self.segments:
            which, at = segment.places(wanted)
            out |= zip(wanted[which].tolist(), segment.tools[at].tolist(), strict=True)
        return out


class Index:
    """Empty at first; `apply` brings it to a version of the catalogue."""

    def __init__(self, threads: int = 1) -> None:
        self._threads = threads
        self._applying = threading.Lock()
        builder = tantivy.SchemaBuilder()
        builder.add_unsigned_field("id", indexed=True, fast=True)
        builder.add_unsigned_field("tool", indexed=True)
        builder.add_text_field("words", tokenizer_name="whitespace", index_option="freq")
        self._schema = builder.build()
        self._words = tantivy.Index(self._schema)
        self._writer = self._words.writer(WRITER_BYTES, 1)
        self._view = _View(0, (), self._words.searcher())

    @property
    def version(self) -> int:
        return self._view.version

    @property
    def ntotal(self) -> int:
        """Passages that can be found."""
        return self._view.ntotal

    def apply(self, added: Sequence[ChunkRow], deleted: Iterable[int], version: int) -> None:
        """Brings in what changed up to `version`; what is there already changes nothing. All of it, or (raising) none."""
        with self._applying:
            if version <= self.version:
                return
            gone = np.fromiter(deleted, np.int64)
            new = self._new(added, gone)
            segments = [segment.without(gone) for segment in self._view.segments]
            if new:
                ids, tools = (np.array(part, np.int64) for part in zip(*((r.id, r.tool_id) for r in new), strict=True))
                segments.append(_Segment.of(ids, tools, unpack([row.vector for row in new])))
            merged = _merged(segments)
            self._write_words(new, gone)
            self._view = _View(version, merged, self._words.searcher())

    def _new(self, added: Sequence[ChunkRow], gone: np.ndarray) -> list[ChunkRow]:
        """Each row once, without what is here and without what came and went between two looks."""
        rows = {row.id: row for row in added}
        ids = np.array(list(rows), np.int64)
        wanted = self._view.unknown(ids) & ~np.isin(ids, gone)
        return [rows[i] for i in ids[wanted].tolist()]

    def _write_words(self, new: Sequence[ChunkRow], gone: np.ndarray) -> None:
        if not new and not len(gone):
            return
        try:
            for chunk_id in gone.tolist():
                self._writer.delete_documents_by_term("id", chunk_id)
            for row in new:
                title_and_text = f"{row.title}. {row.text}" if row.title else row.text
                document = tantivy.Document(words=searchable(title_and_text))
                document.add_unsigned("id", row.id)
                document.add_unsigned("tool", row.tool_id)
                self._writer.add_document(document)
            self._writer.commit()
        except BaseException:
            self._writer.rollback()
            raise
        self._words.reload()

    def search(self, text: str, vector: np.ndarray, k: int, allowed_tools: set[int] | None = None) -> Hits:
        """The k best passages for a query, given as text and as its vector of length one (384,).

        Each arm gives its best candidates; a passage that only its words found gets its exact cosine. `allowed_tools`
        limits what may be found.
        """
        view = self._view
        depth = max(k, CANDIDATES)
        cosines, bm25 = self._arms(view, text, vector, depth, allowed_tools)
        by_words = [i for n, i in enumerate(bm25) if n < depth and i not in cosines]
        cosines |= view.cosines(vector, by_words)
        scores = {i: cosine + WORDS * bm25.get(i, 0.0) for i, cosine in cosines.items()}
        best = sorted(scores, key=lambda i: (-scores[i], i))[:k]
        tools = view.tools_of(best)
        hits = [Hit(i, tools[i], scores[i], cosines[i], bm25.get(i, 0.0)) for i in best]
        return Hits(hits, view.version, view.ntotal)

    def arms(self, text: str, vector: np.ndarray, depth: int) -> tuple[list[int], list[int]]:
        """What each arm alone finds: chunk ids, best first, by vectors and by words."""
        cosines, bm25 = self._arms(self._view, text, vector, depth, None)
        return list(cosines), list(bm25)[:depth]

    def _arms(
        self, view: _View, text: str, vector: np.ndarray, depth: int, allowed_tools: set[int] | None
    ) -> tuple[dict[int, float], dict[int, float]]:
        """(cosines of the `depth` nearest, BM25 of the best by words and WORDS_DEPTH times as many), best first."""
        allowed = None if allowed_tools is None else np.fromiter(allowed_tools, np.int64)
        # OpenMP counts threads for each calling thread anew, and its teams cost more than one query gains.
        faiss.omp_set_num_threads(self._threads)
        cosines = view.nearest(vector, depth, allowed)
        return cosines, self._bm25(view, text, depth * WORDS_DEPTH, allowed)

    def _bm25(self, view: _View, text: str, limit: int, allowed: np.ndarray | None) -> dict[int, float]:
        """BM25 by chunk id of the best by words, best first."""
        words = query_words(text)
        if not words or not view.segments:
            return {}
        terms = [tantivy.Query.term_query(self._schema, "words", word, "freq") for word in words]
        query = tantivy.Query.boolean_query([(tantivy.Occur.Should, term) for term in terms])
        if allowed is not None:
            query = self._only("tool", allowed.tolist(), query)
        hits = view.searcher.search(query, limit, count=False).hits
        ids = view.searcher.fast_field_values("id", [address for _, address in hits])
        return dict(zip(ids, (score for score, _ in hits), strict=True))

    def _only(self, field: str, values: list[int], query: Any) -> Any:
        """The query among documents that have one of `values`; what they have adds nothing to the score."""
        among = tantivy.Query.boost_query(tantivy.Query.term_set_query(self._schema, field, values), 0.0)
        return tantivy.Query.boolean_query([(tantivy.Occur.Must, among), (tantivy.Occur.Must, query)])


def _merged(segments: list[_Segment]) -> tuple[_Segment, ...]:
    """Sizes fall by GROWTH at least from one to the next, so there are few; empty ones go."""
    kept: list[_Segment] = []
    for segment in segments:
        if not segment.count:
            continue
        kept.append(segment)
        while len(kept) > 1 and len(kept[-2].ids) < GROWTH * len(kept[-1].ids):
            last = kept.pop()
            kept[-1] = kept[-1].joined(last)
    return tuple(kept)
