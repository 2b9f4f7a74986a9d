"""The life of a page: who may work on it, for how long, and how it ends.

A worker claims pages under a lease that it renews while it works and that is checked again when it writes. A page whose
lease ran out was left by a worker that died; from then on it is claimed alone and its attempts are counted, so that a
page that kills workers ends as `failed: poison` and its neighbours don't.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from toolscout.catalogue.engine import insert
from toolscout.catalogue.tables import job_urls, page_versions, pages
from toolscout.domain import FINAL, State

MAX_ATTEMPTS = 3
KEPT_VERSIONS = 3
MAX_SWEPT = 2000
# Nobody's, and without a past.
UNHELD = {"lease_owner": None, "lease_until": None}
FRESH = UNHELD | {"attempts": 0, "tries": 0}


@dataclass(frozen=True, slots=True)
class Stage:
    """One kind of work: pages wait in one state and are worked on in another."""

    waiting: State
    working: State


FETCH = Stage(State.QUEUED, State.FETCHING)
PROCESS = Stage(State.FETCHED, State.PROCESSING)


@dataclass(slots=True)
class Claim:
    """`fresh` rows are ours now; `shaky` ids were left by a dead worker or failed before: claim each alone."""

    fresh: list[sa.Row] = field(default_factory=list)
    shaky: list[int] = field(default_factory=list)


def ensure(conn: sa.Connection, rows: Sequence[dict]) -> list[sa.Row]:
    """Adds pages that are not there yet ({url, host, site, …}); returns the rows of all, locked until commit.

    Added and locked in one order, so that two callers with the same URLs never wait for each other.
    """
    urls = [row["url"] for row in rows]
    if rows:
        ordered = sorted(rows, key=lambda row: row["url"])
        conn.execute(insert(conn, pages).on_conflict_do_nothing(index_elements=["url"]), ordered)
    found = sa.select(pages).where(pages.c.url.in_(urls)).order_by(pages.c.id).with_for_update()
    return list(conn.execute(found))


def get(conn: sa.Connection, page_id: int) -> sa.Row | None:
    return conn.execute(sa.select(pages).where(pages.c.id == page_id)).one_or_none()


def claim(conn: sa.Connection, stage: Stage, ids: Iterable[int], owner: str, now: float, lease_s: float) -> Claim:
    """Takes those of `ids` that wait, are due and that nobody holds."""
    due = sa.select(pages).where(pages.c.id.in_(list(ids)), *_free(stage, now)).order_by(pages.c.id)
    result = Claim()
    for row in conn.execute(due.with_for_update(skip_locked=True)):
        if row.lease_owner is None and row.attempts == 0:
            result.fresh.append(row)
        else:
            result.shaky.append(row.id)
    _take(conn, stage, [row.id for row in result.fresh], owner, now, lease_s)
    return result


def claim_one(conn: sa.Connection, stage: Stage, page_id: int, owner: str, now: float, lease_s: float) -> sa.Row | None:
    """Takes one page and counts the attempt; a page that used up its attempts ends as `failed: poison`."""
    due = sa.select(pages).where(
        pages.c.id == page_id, sa.or_(sa.and_(*_free(stage, now)), pages.c.lease_owner == owner)
    )
    row = conn.execute(due.with_for_update(skip_locked=True)).one_or_none()
    if row is None or State(row.state).final:
        return None
    if row.attempts >= MAX_ATTEMPTS:
        close(conn, [page_id], State.FAILED, "poison", now)
        return None
    _take(conn, stage, [page_id], owner, now, lease_s, attempts=row.attempts + 1)
    return row


def _free(stage: Stage, now: float) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        pages.c.state.in_([stage.waiting, stage.working]),
        sa.or_(pages.c.lease_until.is_(None), pages.c.lease_until < now),
        pages.c.not_before <= now,
    )


def _take(
    conn: sa.Connection,
    stage: Stage,
    ids: list[int],
    owner: str,
    now: float,
    lease_s: float,
    **values: object,
) -> None:
    if ids:
        values |= {
            "state": stage.working,
            "lease_owner": owner,
            "lease_until": now + lease_s,
            "updated_at": now,
        }
        conn.execute(sa.update(pages).where(pages.c.id.in_(ids)).values(**values))


def renew(conn: sa.Connection, owner: str, now: float, lease_s: float) -> None:
    """Keeps what `owner` still holds; a lease that ran out stays lost."""
    # What another transaction has locked is skipped: the next beat comes in time, and nobody waits in a circle.
    mine = sa.select(pages.c.id).where(pages.c.lease_owner == owner, pages.c.lease_until >= now)
    ids = list(conn.execute(mine.with_for_update(skip_locked=True)).scalars())
    if ids:
        conn.execute(sa.update(pages).where(pages.c.id.in_(ids)).values(lease_until=now + lease_s))


def held(conn: sa.Connection, ids: Iterable[int], owner: str, now: float) -> set[int]:
    """Which of `ids` are still ours; asked first in the transaction that writes the result."""
    stmt = sa.select(pages.c.id).where(
        pages.c.id.in_(list(ids)), pages.c.lease_owner == owner, pages.c.lease_until >= now
    )
    return set(conn.execute(stmt.order_by(pages.c.id).with_for_update()).scalars())


def release(conn: sa.Connection, stage: Stage, owner: str, now: float, not_before: float = 0.0) -> None:
    """Hands back everything that `owner` holds of a stage, unfinished."""
    stmt = sa.update(pages).where(pages.c.lease_owner == owner, pages.c.state == stage.working)
    conn.execute(stmt.values(state=stage.waiting, not_before=not_before, updated_at=now, **UNHELD))


def hand_back(
    conn: sa.Connection, stage: Stage, page_id: int, owner: str, now: float, not_before: float, **values: object
) -> None:
    """Hands one page back, to be taken again at `not_before`; that is no failed attempt."""
    stmt = sa.update(pages).where(pages.c.id == page_id, pages.c.lease_owner == owner)
    values |= UNHELD | {"state": stage.waiting, "attempts": 0}
    conn.execute(stmt.values(not_before=not_before, woken_at=now, updated_at=now, **values))


def advance(conn: sa.Connection, page_id: int, state: State, now: float, **values: object) -> None:
    """To the next waiting state, with what was learnt."""
    values |= FRESH | {"state": state, "reason": None, "detail": None}
    conn.execute(
        sa.update(pages).where(pages.c.id == page_id).values(updated_at=now, woken_at=now, not_before=0, **values)
    )


def close(
    conn: sa.Connection, ids: Sequence[int], state: State, reason: str | None, now: float, **values: object
) -> None:
    """To a final state; every open URL of a job that waits for these pages gets the same outcome."""
    assert state in FINAL
    values |= FRESH | {"state": state, "reason": reason}
    conn.execute(sa.update(pages).where(pages.c.id.in_(ids)).values(updated_at=now, **values))
    waiting = sa.update(job_urls).where(job_urls.c.page_id.in_(ids), job_urls.c.state.is_(None))
    conn.execute(waiting.values(state=state, reason=reason))


def requeue(conn: sa.Connection, ids: Sequence[int], state: State, now: float) -> None:
    """Starts pages again from a waiting state."""
    fresh = FRESH | {"not_before": 0, "reason": None, "detail": None}
    conn.execute(sa.update(pages).where(pages.c.id.in_(ids)).values(state=state, woken_at=now, updated_at=now, **fresh))


def standing_still(conn: sa.Connection, stage: Stage, now: float, patience_s: float) -> list[int]:
    """Pages that nobody holds and that were last woken longer than `patience_s` ago; marks them as woken."""
    still = sa.select(pages.c.id).where(*_free(stage, now), pages.c.woken_at < now - patience_s)
    ids = list(conn.execute(still.order_by(pages.c.id).limit(MAX_SWEPT).with_for_update(skip_locked=True)).scalars())
    if ids:
        conn.execute(sa.update(pages).where(pages.c.id.in_(ids)).values(woken_at=now))
    return ids


def keep_version(conn: sa.Connection, page_id: int, digest: str, now: float) -> list[str]:
    """Notes a body of a page; returns digests whose bodies no page refers to any more (beyond the last three)."""
    stmt = insert(conn, page_versions).values(page_id=page_id, digest=digest, fetched_at=now)
    conn.execute(stmt.on_conflict_do_update(index_elements=["page_id", "digest"], set_={"fetched_at": now}))
    # The one just noted stays whatever the clock says.
    others = sa.select(page_versions.c.digest).where(
        page_versions.c.page_id == page_id, page_versions.c.digest != digest
    )
    old = list(conn.execute(others.order_by(page_versions.c.fetched_at.desc()).offset(KEPT_VERSIONS - 1)).scalars())
    conn.execute(sa.delete(page_versions).where(page_versions.c.page_id == page_id, page_versions.c.digest.in_(old)))
    used = set(conn.execute(sa.select(page_versions.c.digest).where(page_versions.c.digest.in_(old))).scalars())
    return [digest for digest in old if digest not in used]


def counts(conn: sa.Connection) -> dict[str, int]:
    stmt = sa.select(pages.c.state, sa.func.count()).group_by(pages.c.state)
    return dict(tuple(row) for row in conn.execute(stmt))
