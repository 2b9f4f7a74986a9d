"""What somebody asked to have read: a job, its URLs as submitted, and how each ended."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from toolscout.catalogue import pages as page_rows
from toolscout.catalogue.engine import plain
from toolscout.catalogue.tables import job_urls, jobs, pages
from toolscout.domain import FINAL, State, job_state


@dataclass(slots=True)
class Wanted:
    """One URL of a request: as submitted, and normalised with its host and site, or the reason why it is refused.

    `digest` names a body that came with the request and lies in the raw page store already.
    """

    submitted: str
    url: str = ""
    host: str = ""
    site: str = ""
    refused: str = ""
    detail: str = ""
    digest: str = ""
    content_type: str = ""


@dataclass(slots=True)
class Job:
    id: str
    to_fetch: list[int] = field(default_factory=list)
    to_process: list[int] = field(default_factory=list)
    # Bodies that no page needs any more once this is committed.
    unneeded: list[str] = field(default_factory=list)


def submit(conn: sa.Connection, wanted: Sequence[Wanted], now: float, max_age: float, session_id: str | None) -> Job:
    """One transaction: the job, its URLs, and their pages brought into the state from which they go on.

    A stored page younger than `max_age` seconds is not fetched again.
    """
    job = Job(uuid.uuid4().hex)
    conn.execute(sa.insert(jobs).values(id=job.id, created_at=now, session_id=session_id))
    rows = _pages(conn, [w for w in wanted if not w.refused], now)
    given = {w.url: w for w in wanted if w.digest}
    fresh = {url: _route(row, now, max_age, job) for url, row in rows.items() if url not in given}
    for url, w in given.items():
        job.unneeded += _take_body(conn, rows[url].id, w, now)
        job.to_process.append(rows[url].id)
        fresh[url] = False
    page_rows.requeue(conn, job.to_fetch, State.QUEUED, now)
    page_rows.requeue(conn, job.to_process, State.FETCHED, now)
    conn.execute(sa.insert(job_urls), [_job_url(job.id, n, w, rows, fresh) for n, w in enumerate(wanted)])
    return job


def _pages(conn: sa.Connection, wanted: Sequence[Wanted], now: float) -> dict[str, sa.Row]:
    new = {
        w.url: {
            "url": w.url,
            "host": w.host,
            "site": w.site,
            "submitted": True,
            "state": State.SKIPPED,
            "created_at": now,
            "updated_at": now,
        }
        for w in wanted
    }
    if not new:
        return {}
    rows = {row.url: row for row in page_rows.ensure(conn, list(new.values()))}
    conn.execute(sa.update(pages).where(pages.c.id.in_([r.id for r in rows.values()])).values(submitted=True))
    return rows


def _take_body(conn: sa.Connection, page_id: int, w: Wanted, now: float) -> list[str]:
    """What the operator gives replaces what was fetched, also while somebody fetches it; returns bodies to drop."""
    unneeded = page_rows.keep_version(conn, page_id, w.digest, now)
    values = {"digest": w.digest, "content_type": w.content_type, "final_url": w.url, "site": w.site}
    stmt = sa.update(pages).where(pages.c.id == page_id)
    conn.execute(stmt.values(fetched_at=now, etag=None, last_modified=None, **values))
    return unneeded


def _route(row: sa.Row, now: float, max_age: float, job: Job) -> bool:
    """Decides how a page goes on; True if it is up to date already."""
    if not State(row.state).final:
        return False
    if row.digest is None or row.fetched_at is None or row.fetched_at < now - max_age:
        job.to_fetch.append(row.id)
        return False
    if row.indexed_at is None:
        job.to_process.append(row.id)
        return False
    return True


def _job_url(job_id: str, position: int, w: Wanted, rows: dict[str, sa.Row], fresh: dict[str, bool]) -> dict:
    state, reason = None, None
    if w.refused:
        state, reason = State.FAILED, w.refused
    elif fresh[w.url]:
        state, reason = State.UNCHANGED, "fresh_copy"
    page_id = rows[w.url].id if not w.refused else None
    return {
        "job_id": job_id,
        "position": position,
        "url": w.submitted,
        "page_id": page_id,
        "state": state,
        "reason": reason,
    }


def status(conn: sa.Connection, job_id: str) -> dict | None:
    """{job_id, state, urls[{url, state, reason, …}]} in the order of submission; None if there is no such job."""
    columns = (
        job_urls.c.url,
        sa.func.coalesce(job_urls.c.state, pages.c.state).label("state"),
        sa.case((job_urls.c.state.is_not(None), job_urls.c.reason), else_=pages.c.reason).label("reason"),
        pages.c.detail,
        pages.c.tool_id,
    )
    found = conn.execute(
        sa.select(*columns)
        .select_from(job_urls.outerjoin(pages, job_urls.c.page_id == pages.c.id))
        .where(job_urls.c.job_id == job_id)
        .order_by(job_urls.c.position)
    ).all()
    if not found:
        return None
    urls = [plain(row) for row in found]
    return {"job_id": job_id, "state": job_state([State(u["state"]) for u in urls]), "urls": urls}


def open_count(conn: sa.Connection, job_id: str) -> int:
    """URLs of a job that have not ended yet."""
    stmt = sa.select(sa.func.count()).where(job_urls.c.job_id == job_id, job_urls.c.state.is_(None))
    return conn.execute(stmt).scalar_one()


def cancel(conn: sa.Connection, job_id: str, now: float) -> None:
    """Ends the open URLs of a job; a page that nobody else waits for and nobody works on is cancelled with them."""
    mine = sa.select(job_urls.c.page_id).where(job_urls.c.job_id == job_id, job_urls.c.state.is_(None))
    page_ids = list(conn.execute(mine).scalars())
    # Locked first, as everywhere: from here on no other job can begin to wait for them unseen.
    conn.execute(sa.select(pages.c.id).where(pages.c.id.in_(page_ids)).order_by(pages.c.id).with_for_update())
    stmt = sa.update(job_urls).where(job_urls.c.job_id == job_id, job_urls.c.state.is_(None))
    conn.execute(stmt.values(state=State.CANCELLED, reason="cancelled"))
    others = sa.select(job_urls.c.page_id).where(job_urls.c.page_id.in_(page_ids), job_urls.c.state.is_(None))
    idle = sa.select(pages.c.id).where(
        pages.c.id.in_(page_ids),
        pages.c.id.not_in(others),
        pages.c.state.not_in(FINAL),
        pages.c.lease_owner.is_(None),
    )
    ids = list(conn.execute(idle).scalars())
    if ids:
        page_rows.close(conn, ids, State.CANCELLED, "cancelled", now)
