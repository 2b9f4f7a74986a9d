"""Vectors and words of all passages, in memory: a replica that follows the catalogue's change log.

Vectors lie in a few immutable FAISS segments (exact search over float16), as FAISS forbids adding while it searches;
small segments are merged as they gather, deletions are a mask beside each. Words lie in a tantivy index. A search works
on one `_View` of both, so readers never wait and never see half a change. One thread applies changes.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol

import faiss
import numpy as np
import tantivy

from toolscout.domain import Hit
from toolscout.encoder import DIM, unpack
from toolscout.words import query_words, searchable

# score = cosine + WORDS · BM25: never lost to one arm alone by much on eight sets (docs/decisions/0004).
WORDS = 0.02
# Candidates that each arm gives, at least. A passage that only its vector found counts as without words: looking its
# BM25 up by asking four times deeper changed no set's nDCG@10 by more than 0.0015.
CANDIDATES = 50
# With more tools allowed than this, the word index isn't asked for them one by one.
FEW_TOOLS = 200
# Then so many times more than needed is looked at first.
DEEPER = 4
# Sums in another order differ by less.
ROUNDING = 1e-5
# So many deleted passages of a segment are passed over by looking deeper.
SKIPPED = 300
# A segment of which less than this lives is written anew.
FULL = 0.8
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
    """What a search found, best first, and in which state of the index.

    `top_score` is the best score by the query's own vector, whatever vector ranked; None where nothing was found.
    """

    hits: list[Hit]
    version: int
    ntotal: int
    top_score: float | None

    def fits(self, threshold: float) -> bool:
        """Whether anything found answers the query: the best score reaches the threshold."""
        return self.top_score is not None and self.top_score >= threshold


class _Found(NamedTuple):
    """Passages, each with its chunk id, tool id and exact cosine to the query."""

    ids: np.ndarray
    tools: np.ndarray
    cosines: np.ndarray

    def best(self, k: int) -> _Found:
        order = np.argsort(-self.cosines, kind="stable")[:k]
        return _Found(self.ids[order], self.tools[order], self.cosines[order])


def _joined(found: Sequence[_Found]) -> _Found:
    return found[0] if len(found) == 1 else _Found(*(np.concatenate(part) for part in zip(_NONE, *found, strict=True)))


_NONE = _Found(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))


@dataclass(frozen=True, slots=True)
class _Segment:
    """Vectors with the ids of their chunks, ascending; `alive` is a mask of those `count` that are not deleted.

    `codes` is FAISS's own memory, bytes (passages, 768): a few rows are read faster from there.
    """

    ids: np.ndarray
    tools: np.ndarray
    alive: np.ndarray
    count: int
    vectors: Any
    codes: np.ndarray

    @classmethod
    def of(cls, ids: np.ndarray, tools: np.ndarray, vectors: np.ndarray) -> _Segment:
        order = np.argsort(ids)
        index = faiss.IndexScalarQuantizer(DIM, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
        index.add(np.ascontiguousarray(vectors[order], np.float32))
        codes = faiss.rev_swig_ptr(index.codes.data(), index.codes.size()).reshape(len(ids), index.code_size)
        return cls(ids[order], tools[order], np.ones(len(ids), bool), len(ids), index, codes)

    def joined(self, *others: _Segment) -> _Segment:
        """All in one, without what was deleted. float16 survives the way through float32 unchanged."""
        parts = [(s.ids[s.alive], s.tools[s.alive], s.vectors.sa_decode(s.codes[s.alive])) for s in (self, *others)]
        return _Segment.of(*(np.concatenate(part) for part in zip(*parts, strict=True)))

    def without(self, deleted: np.ndarray) -> _Segment:
        alive = self.alive & ~np.isin(self.ids, deleted)
        count = int(np.count_nonzero(alive))
        return self if count == self.count else replace(self, alive=alive, count=count)

    def nearest(self, query: np.ndarray, k: int, allowed: np.ndarray | None) -> _Found:
        """The best k, best first."""
        dead = len(self.ids) - self.count
        if allowed is None and dead <= SKIPPED:
            # Looking so much deeper is many times faster than telling FAISS what to pass over.
            cosines, at = self.vectors.search(query[None], min(k + dead, len(self.ids)))
            found = self.alive[at[0]]
        else:
            mask = self.alive if allowed is None else self.alive & np.isin(self.tools, allowed)
            bits = np.packbits(mask, bitorder="little")
            passing = faiss.SearchParameters(sel=faiss.IDSelectorBitmap(bits))  # type: ignore[call-arg,arg-type]
            most = max(1, min(k, int(np.count_nonzero(mask))))
            cosines, at = self.vectors.search(query[None], most, params=passing)
            found = at[0] >= 0
        places = at[0][found][:k]
        return _Found(self.ids[places], self.tools[places], cosines[0][found][:k])

    def places(self, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(which of `ids` live here, at which place)."""
        at = np.searchsorted(self.ids, ids)
        at[at == len(self.ids)] = 0
        here = (self.ids[at] == ids) & self.alive[at]
        return np.flatnonzero(here), at[here]


@dataclass(frozen=True, slots=True)
class _View:
    """One state of the index, never changed."""

    version: int
    segments: tuple[_Segment, ...]
    searcher: Any

    @property
    def ntotal(self) -> int:
        return sum(segment.count for segment in self.segments)

    def nearest(self, query: np.ndarray, k: int, allowed: np.ndarray | None) -> _Found:
        """The k nearest passages, best first."""
        found = _joined([segment.nearest(query, k, allowed) for segment in self.segments])
        return found.best(k) if len(self.segments) > 1 else found

    def of_ids(self, query: np.ndarray, ids: np.ndarray) -> tuple[_Found, np.ndarray]:
        """Those of `ids` that are here, in any order, and which these are."""
        found, which = [_NONE], [_NONE.ids]
        for segment in self.segments if len(ids) else ():
            here, at = segment.places(ids)
            cosines = segment.vectors.sa_decode(segment.codes[at]) @ query
            found.append(_Found(segment.ids[at], segment.tools[at], cosines))
            which.append(here)
        return _joined(found), np.concatenate(which)

    def tools_of(self, ids: np.ndarray) -> np.ndarray:
        """Their tools; 0 where one is not here."""
        tools = np.zeros(len(ids), np.int64)
        for segment in self.segments:
            here, at = segment.places(ids)
            tools[here] = segment.tools[at]
        return tools

    def unknown(self, ids: np.ndarray) -> np.ndarray:
        """A mask of those of `ids` that no segment has had."""
        mask = np.ones(len(ids), bool)
        for segment in self.segments:
            mask &= ~np.isin(ids, segment.ids)
        return mask


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
        """Brings in what changed up to `version`; what is there already changes nothing. If it raises, nothing did."""
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
            if len(gone):
                # Deleting by term is silently nothing on unsigned fields (tantivy-py 0.27); by query it works.
                among = tantivy.Query.term_set_query(self._schema, "id", gone.tolist())
                self._writer.delete_documents_by_query(among)
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

    def search(
        self,
        text: str,
        vector: np.ndarray,
        k: int,
        allowed_tools: set[int] | None = None,
        own: np.ndarray | None = None,
    ) -> Hits:
        """The k best passages for a query, given as text and as its vector of length one (384,).

        Each arm gives its best candidates; a passage that only its words found gets its exact cosine. `allowed_tools`
        limits what may be found. `own` is the query's own vector where an adapter made `vector` of it.
        """
        view = self._view
        depth = max(k, CANDIDATES)
        near, words, bm25 = self._arms(view, text, vector, depth, allowed_tools)
        both, place = _matched(near.ids, words)
        weights = np.zeros(len(near.ids), np.float32)
        weights[place[both]] = WORDS * bm25[both]
        late = np.flatnonzero(~both & _may_reach(k, near.cosines, weights, WORDS * bm25))
        found, which = view.of_ids(vector, words[late])
        found = _joined([near, found])
        weights = np.concatenate([weights, WORDS * bm25[late[which]]])
        scores = found.cosines + weights
        best = np.lexsort((found.ids, -scores))[:k]
        top_score = _top_score(view, found.ids[best], scores[best], weights[best], own)
        rows = (part[best].tolist() for part in (found.ids, found.tools, scores, found.cosines, weights / WORDS))
        return Hits([Hit(*row) for row in zip(*rows, strict=True)], view.version, view.ntotal, top_score)

    def arms(self, text: str, vector: np.ndarray, depth: int) -> tuple[list[int], list[int]]:
        """What each arm alone finds: chunk ids, best first, by vectors and by words."""
        near, words, _ = self._arms(self._view, text, vector, depth, None)
        return near.ids.tolist(), words.tolist()

    def _arms(
        self, view: _View, text: str, vector: np.ndarray, depth: int, allowed_tools: set[int] | None
    ) -> tuple[_Found, np.ndarray, np.ndarray]:
        """The `depth` nearest; chunk ids and BM25 of the `depth` best by words. Best first."""
        allowed = None if allowed_tools is None else np.fromiter(allowed_tools, np.int64)
        # OpenMP counts threads for each calling thread anew, and its teams cost more than one query gains.
        faiss.omp_set_num_threads(self._threads)
        return view.nearest(vector, depth, allowed), *self._by_words(view, text, depth, allowed)

    def _by_words(
        self, view: _View, text: str, depth: int, allowed: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """(chunk ids, BM25) of `depth` passages, best first."""
        words = query_words(text)
        if not words or not view.segments:
            return _NONE.ids, _NONE.cosines
        terms = [(tantivy.Occur.Should, tantivy.Query.term_query(self._schema, "words", w, "freq")) for w in words]
        query = tantivy.Query.boolean_query(terms)
        if allowed is None:
            return _ids_and_scores(view.searcher, query, depth)
        if len(allowed) > FEW_TOOLS:
            # A long list of terms is slow. Where most is allowed, dropping the rest afterwards gives the same.
            ids, scores = _ids_and_scores(view.searcher, query, depth * DEEPER)
            kept = np.isin(view.tools_of(ids), allowed)
            if len(ids) < depth * DEEPER or np.count_nonzero(kept) >= depth:
                return ids[kept][:depth], scores[kept][:depth]
        among = tantivy.Query.boost_query(tantivy.Query.term_set_query(self._schema, "tool", allowed.tolist()), 0.0)
        both = tantivy.Query.boolean_query([(tantivy.Occur.Must, among), (tantivy.Occur.Must, query)])
        return _ids_and_scores(view.searcher, both, depth)


def _ids_and_scores(searcher: Any, query: Any, limit: int) -> tuple[np.ndarray, np.ndarray]:
    """(chunk ids, BM25) of the best by words, best first."""
    hits = searcher.search(query, limit, count=False).hits
    ids = searcher.fast_field_values("id", [address for _, address in hits])
    return np.array(ids, np.int64), np.array([score for score, _ in hits], np.float32)


def _top_score(
    view: _View, ids: np.ndarray, scores: np.ndarray, weights: np.ndarray, own: np.ndarray | None
) -> float | None:
    """The best score of these passages by the query's own vector; `weights` is what words add to each."""
    if own is not None:
        found, which = view.of_ids(own, ids)
        scores = found.cosines + weights[which]
    return float(scores.max()) if len(scores) else None


def _may_reach(k: int, cosines: np.ndarray, weights: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Which passages outside the nearest, whose words weigh `others`, may be among the best k.

    None of them is nearer than the last of the nearest, `cosines`; `weights` is what words add to these.
    """
    if not len(cosines):
        return np.zeros(len(others), bool)
    k = min(k, len(cosines))
    last = np.partition(cosines + weights, -k)[-k]
    return others + cosines[-1] >= last - ROUNDING


def _matched(ids: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(a mask of those of `wanted` that are among `ids`, the place of each there; without meaning for the others)."""
    if not len(ids):
        return np.zeros(len(wanted), bool), np.zeros(len(wanted), np.int64)
    order = np.argsort(ids)
    at = order[np.minimum(np.searchsorted(ids, wanted, sorter=order), len(ids) - 1)]
    return ids[at] == wanted, at


def _merged(segments: Sequence[_Segment]) -> tuple[_Segment, ...]:
    """Sizes fall by GROWTH at least from one to the next, so there are few; what was deleted goes before it is much."""
    kept: list[_Segment] = []
    for segment in segments:
        if not segment.count:
            continue
        kept.append(segment)
        while len(kept) > 1 and len(kept[-2].ids) < GROWTH * len(kept[-1].ids):
            last = kept.pop()
            kept[-1] = kept[-1].joined(last)
    return tuple(s.joined() if s.count < FULL * len(s.ids) else s for s in kept)
