"""The search log as training reads it: searches that somebody rated or marked, with what they were shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import sqlalchemy as sa
from toolscout.catalogue import Catalogue
from toolscout.catalogue.tables import clicks, feedback, marks, searches, surveys

BATCH = 500
ANSWER = 0


@dataclass(slots=True)
class Logged:
    """One search. `shown` is [(tool id, score, chunk ids)]; `cited` maps a citation's number to its chunk.

    `votes` maps a tool's id (ANSWER: the answer as a whole) to 1, -1 or 0 (neither good nor bad).
    """

    id: str
    at: float
    session: str
    network: str | None
    group: str
    query: str
    no_match: bool
    shown: list[tuple[int, float, list[int]]]
    answer: str = ""
    source: str = ""
    cited: dict[int, int] = field(default_factory=dict)
    passages: list[int] = field(default_factory=list)
    votes: dict[int, int] = field(default_factory=dict)
    clicked: set[int] = field(default_factory=set)
    verdict: str | None = None
    should_find: int | None = None


class SearchLog(Protocol):
    """`counts`: {searches, not_counted, no_signal}; `batches`: the others, oldest first."""

    def counts(self) -> dict[str, int]: ...
    def batches(self) -> Iterator[list[Logged]]: ...


def vote(rating: str | None, score: int | None) -> int:
    """
    >>> vote("up", None), vote(None, 2), vote(None, 3)
    (1, -1, 0)
    """
    if rating:
        return 1 if rating == "up" else -1
    return 0 if score is None or score == 3 else (1 if score > 3 else -1)


class CatalogueLog:
    """The search log as the catalogue holds it."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def counts(self) -> dict[str, int]:
        count = sa.func.count()
        with self._catalogue.read() as conn:
            every = conn.execute(sa.select(count).select_from(searches)).scalar_one()
            counted = conn.execute(sa.select(count).select_from(searches).where(searches.c.counted)).scalar_one()
            used = conn.execute(sa.select(count).select_from(searches).where(_SIGNAL)).scalar_one()
        return {"searches": every, "not_counted": every - counted, "no_signal": counted - used}

    def batches(self) -> Iterator[list[Logged]]:
        after = (-1.0, "")
        while True:
            with self._catalogue.read() as conn:
                rows = list(conn.execute(_page(after)))
                found = {row.id: _logged(row) for row in rows}
                _add_signals(conn, found)
            if not rows:
                return
            yield list(found.values())
            after = (rows[-1].created_at, rows[-1].id)


def _has(table: sa.Table, *terms: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    return sa.select(table.c.search_id).where(table.c.search_id == searches.c.id, *terms).exists()


# A click alone says more of where the result stood than of what it is worth.
_SIGNAL = sa.and_(searches.c.counted, sa.or_(_has(feedback), _has(surveys, surveys.c.score.is_not(None)), _has(marks)))


def _page(after: tuple[float, str]) -> sa.Select[Any]:
    s = searches.c
    later = sa.or_(s.created_at > after[0], sa.and_(s.created_at == after[0], s.id > after[1]))
    columns = (s.id, s.created_at, s.session_id, s.network, s.ab_group, s.query, s.no_match, s.results, s.answer, s.arm)
    return sa.select(*columns).where(later, _SIGNAL).order_by(s.created_at, s.id).limit(BATCH)


def _logged(row: sa.Row) -> Logged:
    answer = row.answer or {}
    return Logged(
        id=row.id,
        at=row.created_at,
        session=row.session_id,
        network=row.network,
        group=row.ab_group,
        query=row.query,
        no_match=row.no_match,
        shown=[(one["tool_id"], one["score"], one["chunks"]) for one in row.results],
        answer=answer.get("text") or "",
        source=answer.get("source") or "",
        cited={one["n"]: one["chunk_id"] for one in answer.get("citations") or []},
        passages=list((row.arm or {}).get("passages") or []),
    )


def _add_signals(conn: sa.Connection, found: dict[str, Logged]) -> None:
    ids: Sequence[str] = list(found)
    f, v, m = feedback.c, surveys.c, marks.c
    surveyed = sa.select(v.search_id, v.score).where(v.search_id.in_(ids), v.score.is_not(None))
    for search_id, score in conn.execute(surveyed):
        found[search_id].votes[ANSWER] = vote(None, score)
    # What was said of the answer itself outranks the survey.
    stmt = sa.select(f.search_id, f.tool_id, f.rating, f.score).where(f.search_id.in_(ids))
    for search_id, tool, rating, score in conn.execute(stmt.order_by(f.created_at)):
        found[search_id].votes[tool] = vote(rating, score)
    for search_id, tool in conn.execute(
        sa.select(clicks.c.search_id, clicks.c.tool_id).where(clicks.c.search_id.in_(ids))
    ):
        found[search_id].clicked.add(tool)
    for search_id, verdict, tool in conn.execute(
        sa.select(m.search_id, m.verdict, m.tool_id).where(m.search_id.in_(ids))
    ):
        found[search_id].verdict, found[search_id].should_find = verdict, tool
