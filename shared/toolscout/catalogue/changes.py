"""The change log that every index follows: a version per committing write, deletions as rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from toolscout.catalogue.tables import chunk_deletions, chunks, counters


@dataclass(slots=True)
class Changes:
    """What happened up to `version`: rows of chunks (id, tool_id, title, text, vector), and ids of gone chunks."""

    version: int
    added: Sequence[sa.Row]
    deleted: list[int]


def draw(conn: sa.Connection) -> int:
    """The next version. Its row stays locked until commit, so commit order is version order; hence draw late."""
    stmt = sa.update(counters).where(counters.c.name == "change").values(value=counters.c.value + 1)
    return conn.execute(stmt.returning(counters.c.value)).scalar_one()


def current(conn: sa.Connection) -> int:
    return conn.execute(sa.select(counters.c.value).where(counters.c.name == "change")).scalar_one()


def since(conn: sa.Connection, version: int, limit: int | None = None) -> Changes:
    """Everything after `version`. With a limit, only as many whole versions as fit in about `limit` chunks."""
    upto = current(conn)
    if upto == version:
        return Changes(version, [], [])
    if limit:
        upto = _cut(conn, version, upto, limit)
    columns = (chunks.c.id, chunks.c.tool_id, chunks.c.title, chunks.c.text, chunks.c.vector)
    added = conn.execute(sa.select(*columns).where(*_between(chunks.c.version, version, upto)).order_by(chunks.c.id))
    gone = conn.execute(
        sa.select(chunk_deletions.c.chunk_id).where(*_between(chunk_deletions.c.version, version, upto))
    )
    return Changes(upto, added.all(), list(gone.scalars()))


def _between(column: sa.Column, after: int, upto: int) -> tuple[sa.ColumnElement, sa.ColumnElement]:
    return column > after, column <= upto


def _cut(conn: sa.Connection, version: int, upto: int, limit: int) -> int:
    stmt = sa.select(chunks.c.version).where(*_between(chunks.c.version, version, upto))
    found = conn.execute(stmt.order_by(chunks.c.version).offset(limit).limit(1)).scalar()
    return upto if found is None else found


def delete(conn: sa.Connection, chunk_ids: Iterable[int], version: int) -> None:
    ids = list(chunk_ids)
    if not ids:
        return
    conn.execute(sa.insert(chunk_deletions), [{"chunk_id": i, "version": version} for i in ids])
    conn.execute(sa.delete(chunks).where(chunks.c.id.in_(ids)))
