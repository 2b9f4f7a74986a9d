"""Politeness that survives a restart and a flushed queue: when a host may be asked next, and who is asking it now."""

from __future__ import annotations

import sqlalchemy as sa

from toolscout.catalogue.engine import insert
from toolscout.catalogue.tables import hosts


def take_turn(conn: sa.Connection, host: str, owner: str, now: float, lease_s: float) -> float:
    """Takes the host for one request. Returns 0, or else the seconds after which to ask again."""
    conn.execute(insert(conn, hosts).values(host=host).on_conflict_do_nothing())
    row = conn.execute(sa.select(hosts).where(hosts.c.host == host).with_for_update()).one()
    busy = row.lease_until is not None and row.lease_until > now and row.lease_owner != owner
    wait = max(row.next_at - now, min(row.lease_until - now, 1.0) if busy else 0.0)
    if wait > 0:
        return wait
    conn.execute(sa.update(hosts).where(hosts.c.host == host).values(lease_owner=owner, lease_until=now + lease_s))
    return 0.0


def end_turn(conn: sa.Connection, host: str, owner: str, next_at: float) -> None:
    """Gives the host back; it may be asked again at `next_at`, or later where it was postponed meanwhile."""
    stmt = sa.update(hosts).where(hosts.c.host == host, hosts.c.lease_owner == owner)
    later = sa.case((hosts.c.next_at > next_at, hosts.c.next_at), else_=next_at)
    conn.execute(stmt.values(lease_owner=None, lease_until=None, next_at=later))


def postpone(conn: sa.Connection, host: str, next_at: float) -> None:
    """Nobody asks this host before `next_at` (Retry-After, backoff)."""
    stmt = sa.update(hosts).where(hosts.c.host == host, hosts.c.next_at < next_at)
    conn.execute(stmt.values(next_at=next_at))


def robots(conn: sa.Connection, host: str) -> sa.Row | None:
    columns = (
        hosts.c.robots_status,
        hosts.c.robots_text,
        hosts.c.robots_fetched_at,
        hosts.c.robots_expires_at,
    )
    return conn.execute(
        sa.select(*columns).where(hosts.c.host == host, hosts.c.robots_status.is_not(None))
    ).one_or_none()


def put_robots(
    conn: sa.Connection, host: str, *, status: str, text: str | None, fetched_at: float, expires_at: float
) -> None:
    values = {
        "robots_status": status,
        "robots_text": text,
        "robots_fetched_at": fetched_at,
        "robots_expires_at": expires_at,
    }
    stmt = insert(conn, hosts).values(host=host, **values)
    conn.execute(stmt.on_conflict_do_update(index_elements=["host"], set_=values))
