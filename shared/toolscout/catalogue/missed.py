"""Questions that were answered badly, what operators said of them, and the one question that visitors are asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from toolscout.catalogue.engine import insert, plain
from toolscout.catalogue.tables import feedback, leads, marks, searches, surveys
from toolscout.experiments import chance

NO_MATCH, UNGROUNDED, RATED_DOWN = "no_match", "ungrounded", "rated_down"
REASONS = (NO_MATCH, UNGROUNDED, RATED_DOWN)
# Newest missed searches that are grouped, and how far back they are looked for.
MOST_MISSED, MOST_SEARCHES = 1000, 50_000

DAY = 86_400
SURVEY_AFTER_SEARCHES, SURVEY_SHARE, SURVEY_DAYS = 3, 0.25, 30
# A session that searched so often is a program, or asked enough.
SURVEY_MOST_SEARCHES = 1000

_REASON = searches.c.answer["reason"].as_string()
_IS_DOWN = sa.or_(feedback.c.rating == "down", feedback.c.score <= 2)


def _why(s: sa.FromClause) -> list[sa.ColumnElement[bool]]:
    """Columns of truth, one for each of REASONS, over searches `s` with their answer's `reason`."""
    down = sa.select(feedback.c.search_id).where(feedback.c.search_id == s.c.id, _IS_DOWN).exists()
    ungrounded = sa.func.coalesce(s.c.reason == UNGROUNDED, sa.false())
    # Found by the index, but a model that read the passages says that nothing fits.
    nothing = sa.or_(s.c.no_match, sa.func.coalesce(s.c.reason == NO_MATCH, sa.false()))
    return [nothing.label(NO_MATCH), ungrounded.label(UNGROUNDED), down.label(RATED_DOWN)]


def open_searches(conn: sa.Connection) -> list[sa.Row]:
    """(id, query, no_match, ungrounded, rated_down) of missed searches without a mark, newest first."""
    columns = (searches.c.id, searches.c.query, searches.c.no_match, searches.c.created_at, _REASON.label("reason"))
    recent = sa.select(*columns).order_by(searches.c.created_at.desc()).limit(MOST_SEARCHES).subquery()
    why = _why(recent)
    marked = sa.select(marks.c.search_id).where(marks.c.search_id == recent.c.id).exists()
    stmt = sa.select(recent.c.id, recent.c.query, *why).where(sa.or_(*why), ~marked)
    return list(conn.execute(stmt.order_by(recent.c.created_at.desc(), recent.c.id).limit(MOST_MISSED)))


def marked_searches(conn: sa.Connection, group: str | None = None) -> list[sa.Row]:
    """The same, with group_id, of the searches that were marked last, or of one group."""
    columns = (searches.c.id, searches.c.query, searches.c.no_match, searches.c.created_at, _REASON.label("reason"))
    all_marked = sa.select(*columns, marks.c.group_id, marks.c.created_at.label("marked_at")).join_from(marks, searches)
    if group is not None:
        all_marked = all_marked.where(marks.c.group_id == group)
    recent = all_marked.order_by(marks.c.created_at.desc(), searches.c.id).limit(MOST_MISSED).subquery()
    stmt = sa.select(recent.c.id, recent.c.query, recent.c.group_id, *_why(recent))
    return list(conn.execute(stmt.order_by(recent.c.marked_at.desc(), recent.c.created_at.desc(), recent.c.id)))


def shown(conn: sa.Connection, ids: Sequence[str]) -> dict[str, sa.Row]:
    """(id, query, created_at, ab_group, answer, results) by id: what a visitor saw."""
    s = searches.c
    stmt = sa.select(s.id, s.query, s.created_at, s.ab_group, s.answer, s.results).where(s.id.in_(ids))
    return {row.id: row for row in conn.execute(stmt)}


def comments(conn: sa.Connection, ids: Sequence[str]) -> dict[str, str]:
    """The last comment on each search."""
    stmt = sa.select(feedback.c.search_id, feedback.c.comment)
    stmt = stmt.where(feedback.c.search_id.in_(ids), feedback.c.comment.is_not(None))
    return {row.search_id: row.comment for row in conn.execute(stmt.order_by(feedback.c.created_at))}


def marks_of(conn: sa.Connection, groups: Sequence[str]) -> dict[str, dict[str, Any]]:
    """{verdict, tool_id, url, note, at} by group."""
    m = marks.c
    stmt = sa.select(m.group_id, m.verdict, m.tool_id, m.url, m.note, m.created_at.label("at"))
    rows = map(plain, conn.execute(stmt.where(m.group_id.in_(groups)).distinct()))
    return {row.pop("group_id"): row for row in rows}


def mark(conn: sa.Connection, group: str, search_ids: Sequence[str], values: dict[str, Any], now: float) -> None:
    """Says the same {verdict, tool_id, url, note} of every search of a group. A URL becomes a lead of the crawler."""
    values = values | {"group_id": group, "created_at": now}
    stmt = insert(conn, marks)
    update = {name: stmt.excluded[name] for name in values}
    stmt = stmt.on_conflict_do_update(index_elements=["search_id"], set_=update)
    conn.execute(stmt, [{"search_id": search_id} | values for search_id in search_ids])
    if values["url"]:
        lead = {"url": values["url"], "created_at": now}
        conn.execute(insert(conn, leads).values(**lead).on_conflict_do_nothing())


def unmark(conn: sa.Connection, group: str) -> int:
    """Takes the marks of a group back; returns how many there were."""
    return conn.execute(sa.delete(marks).where(marks.c.group_id == group)).rowcount


# The survey. Its statements are built once: they run within a visitor's search.

_MINE = searches.c.session_id == sa.bindparam("session")
_SEARCHED = sa.select(sa.func.count()).select_from(
    sa.select(searches.c.id).where(_MINE).limit(SURVEY_MOST_SEARCHES).subquery()
)
_NEWEST = sa.select(searches.c.id).where(_MINE).order_by(searches.c.created_at.desc()).limit(1)
_ASKED = (
    sa.select(surveys.c.search_id)
    .where(surveys.c.session_id == sa.bindparam("session"), surveys.c.created_at > sa.bindparam("since"))
    .limit(1)
)


def survey_due(conn: sa.Connection, session: str, now: float) -> bool:
    """Whether to ask the session after its newest search. If so that is noted, and it is left alone for 30 days.

    A fixed quarter of the searches from the third on asks, but never an API client.
    """
    if session.startswith("api:"):
        return False
    n = conn.execute(_SEARCHED, {"session": session}).scalar_one()
    if not SURVEY_AFTER_SEARCHES <= n < SURVEY_MOST_SEARCHES or chance("survey", f"{session}:{n}") >= SURVEY_SHARE:
        return False
    if conn.execute(_ASKED, {"session": session, "since": now - SURVEY_DAYS * DAY}).first():
        return False
    answer_survey(conn, conn.execute(_NEWEST, {"session": session}).scalar_one(), session, None, now)
    return True


def answer_survey(conn: sa.Connection, search_id: str, session: str, score: int | None, now: float) -> None:
    """Stores an answer, or with None that there was none; the last one wins."""
    values = {"score": score, "created_at": now}
    stmt = insert(conn, surveys).values(search_id=search_id, session_id=session, **values)
    conn.execute(stmt.on_conflict_do_update(index_elements=["search_id"], set_=values))
