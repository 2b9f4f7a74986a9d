"""The search log, and what people thought of the results."""

from __future__ import annotations

import sqlalchemy as sa

from toolscout.catalogue.engine import insert
from toolscout.catalogue.tables import clicks, feedback, searches

# Built once: it stands between a visitor and the answer.
_ADD = sa.insert(searches)
_FINISH = (
    sa.update(searches)
    .where(searches.c.id == sa.bindparam("search_id"))
    .values({name: sa.bindparam(f"new_{name}") for name in ("answer", "arm", "timings")})
)


def add(conn: sa.Connection, row: dict) -> None:
    conn.execute(_ADD, row)


def finish(conn: sa.Connection, search_id: str, answer: dict, arm: dict, timings: dict) -> None:
    """Adds what a model answered to a search that its visitor has seen already."""
    row = {"search_id": search_id, "new_answer": answer, "new_arm": arm, "new_timings": timings}
    conn.execute(_FINISH, row)


def get(conn: sa.Connection, search_id: str) -> sa.Row | None:
    return conn.execute(sa.select(searches).where(searches.c.id == search_id)).one_or_none()


def rate(conn: sa.Connection, row: dict) -> None:
    """Stores a rating; the last one of a session for the same thing wins."""
    values = {name: row[name] for name in ("rating", "score", "comment", "created_at")}
    stmt = insert(conn, feedback).values(**row)
    conn.execute(stmt.on_conflict_do_update(index_elements=["search_id", "session_id", "tool_id"], set_=values))


def click(conn: sa.Connection, row: dict) -> None:
    conn.execute(sa.insert(clicks).values(**row))
