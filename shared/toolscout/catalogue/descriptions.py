"""Which tools a language model is to describe, and who does it now."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa

from toolscout.catalogue import tools as tool_rows
from toolscout.catalogue.tables import chunks, tools

# The beginning of the landing page says what a tool is.
LEADING_CHUNKS = 4
# One batch after the other, and no second beside it: a small model would only slow both.
PAUSE_S = 120.0


@dataclass(slots=True)
class Claimed:
    """A tool to describe, with the text of its landing page; `digest` identifies that text."""

    id: int
    site: str
    name: str
    sources: dict
    tries: int
    digest: str | None
    text: str


def known(conn: sa.Connection, site: str) -> sa.Row | None:
    """(llm_facts, described_digest) of a site's tool."""
    return conn.execute(
        sa.select(tools.c.llm_facts, tools.c.described_digest).where(tools.c.site == site)
    ).one_or_none()


def due(conn: sa.Connection, now: float, limit: int) -> list[int]:
    """Tools to wake a worker for, the longest due first; none while a batch is being described."""
    busy = sa.select(tools.c.id).where(tools.c.describe_lease_until > now).limit(1)
    if conn.execute(busy).first():
        return []
    stmt = sa.select(tools.c.id).where(tools.c.describe_at <= now).order_by(tools.c.describe_at, tools.c.id)
    ids = list(conn.execute(stmt.limit(limit).with_for_update(skip_locked=True)).scalars())
    if ids:
        conn.execute(sa.update(tools).where(tools.c.id.in_(ids)).values(describe_at=now + PAUSE_S))
    return ids


def claim(conn: sa.Connection, ids: Iterable[int], now: float, lease_s: float) -> list[Claimed]:
    """Takes those of `ids` that are to be described and that nobody describes."""
    free = sa.or_(tools.c.describe_lease_until.is_(None), tools.c.describe_lease_until <= now)
    stmt = sa.select(tools).where(tools.c.id.in_(list(ids)), tools.c.describe_at.is_not(None), free)
    rows = list(conn.execute(stmt.order_by(tools.c.id).with_for_update(skip_locked=True)))
    if rows:
        mine = sa.update(tools).where(tools.c.id.in_([row.id for row in rows]))
        conn.execute(mine.values(describe_lease_until=now + lease_s))
    return [_claimed(conn, row) for row in rows]


def _claimed(conn: sa.Connection, row: sa.Row) -> Claimed:
    leading = tool_rows.leading_pages(conn, row.site)[:1]
    texts: list[str] = []
    for page in leading:
        stmt = sa.select(chunks.c.text).where(chunks.c.page_id == page.id).order_by(chunks.c.ordinal)
        texts = list(conn.execute(stmt.limit(LEADING_CHUNKS)).scalars())
    digest = leading[0].text_digest if leading else None
    return Claimed(row.id, row.site, row.name, row.sources, row.describe_tries, digest, "\n".join(texts))


def later(conn: sa.Connection, tool_id: int, tries: int, at: float | None) -> None:
    """Hands a tool back, to be described at `at`; None: not before its page changes."""
    values = {"describe_tries": tries, "describe_at": at, "describe_lease_until": None}
    conn.execute(sa.update(tools).where(tools.c.id == tool_id).values(**values))
