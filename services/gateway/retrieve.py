"""From a query to tools with the passages that speak for them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa
from toolscout.catalogue import Catalogue, tools
from toolscout.domain import Hit
from toolscout.encoder import Encoder
from toolscout.index import Index
from toolscout.query_adapter import QueryAdapter

HIGHLIGHTS = 3
# Hits to look at for one tool of the answer: a site may fill many of the first places.
HITS_PER_TOOL = 5
SPARE_HITS = 30

Filters = Mapping[str, Sequence[str]]


@dataclass(slots=True)
class Result:
    """A tool with the passages that matched, best first."""

    tool: sa.Row
    score: float
    passages: list[sa.Row]


@dataclass(slots=True)
class Found:
    """`results` is one page of the ranking; times in ms.

    `top_score` is the best fused score by the query's own vector, as no_match is decided by it: a threshold means the
    same under every adapter. `adapter` is the id of the one that ranked.
    """

    results: list[Result] = field(default_factory=list)
    no_match: bool = True
    top_score: float | None = None
    adapter: str | None = None
    index_version: int = 0
    ntotal: int = 0
    timings: dict[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class Retriever:
    catalogue: Catalogue
    encoder: Encoder
    no_match_score: float
    adapter: QueryAdapter | None = None

    def find(self, index: Index, query: str, limit: int, offset: int = 0, filters: Filters | None = None) -> Found:
        """Tools number `offset` to `offset + limit` of the ranking for `query`."""
        start = time.perf_counter()
        own = self.encoder.encode_query(query)
        vector = self.adapter.apply(own) if self.adapter else own
        embedded = time.perf_counter()
        allowed = self._allowed(filters or {})
        depth = (offset + limit) * HITS_PER_TOOL + SPARE_HITS
        hits = index.search(query, vector, depth, allowed, own if self.adapter else None)
        searched = time.perf_counter()
        found = Found(index_version=hits.version, ntotal=hits.ntotal, no_match=not hits.fits(self.no_match_score))
        found.top_score = hits.top_score
        found.adapter = self.adapter.id if self.adapter else None
        found.results = self._hydrate(hits.hits, limit, offset)
        hydrated = time.perf_counter()
        found.timings = {
            "embed": (embedded - start) * 1000,
            "search": (searched - embedded) * 1000,
            "hydrate": (hydrated - searched) * 1000,
        }
        return found

    def _allowed(self, filters: Filters) -> set[int] | None:
        if not any(filters.values()):
            return None
        with self.catalogue.read() as conn:
            return tools.ids_matching(conn, filters)

    def _hydrate(self, hits: Sequence[Hit], limit: int, offset: int) -> list[Result]:
        by_tool = list(by_best_hit(hits).items())[offset : offset + limit]
        with self.catalogue.read() as conn:
            rows = tools.many(conn, [tool_id for tool_id, _ in by_tool])
            passages = tools.passages(conn, [hit.chunk_id for _, some in by_tool for hit in some])
        results = []
        for tool_id, some in by_tool:
            shown = [passages[hit.chunk_id] for hit in some if hit.chunk_id in passages]
            # A tool that was hidden or changed a moment ago: the index follows soon.
            if tool_id in rows and shown:
                results.append(Result(rows[tool_id], some[0].score, shown))
        return results


def by_best_hit(hits: Sequence[Hit]) -> dict[int, list[Hit]]:
    """Hits by tool, the tools in the order of their best hit, at most HIGHLIGHTS each."""
    out: dict[int, list[Hit]] = {}
    for hit in hits:
        some = out.setdefault(hit.tool_id, [])
        if len(some) < HIGHLIGHTS:
            some.append(hit)
    return out
