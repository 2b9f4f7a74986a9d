"""Has the pages that are due fetched again, and waits until each of them has ended."""

from __future__ import annotations

import time
from collections.abc import Sequence

import sqlalchemy as sa
from toolscout import queue
from toolscout.catalogue import pages
from toolscout.catalogue.tables import pages as page_table
from toolscout.domain import FINAL, State
from toolscout.settings import DAY

from services.trainer import steps
from services.trainer.job import Job, Skip

POLL_S = 1.0
BATCH = 1000


def run(job: Job) -> None:
    if not job.settings.broker_url:
        raise Skip("There is no task queue to wake the crawler by.", reason="no_queue", remedy="Start toolscout up.")
    ids = _due(job)
    for start in range(0, len(ids), BATCH):
        with job.catalogue.write() as conn:
            pages.requeue(conn, ids[start : start + BATCH], State.QUEUED, time.time())
    queue.wake_pages(queue.create_celery(job.settings), job.settings, to_fetch=ids)
    job.figures |= {"pages": len(ids), "by_state": wait_for(job, "fetching pages", ids)}


def _due(job: Job) -> list[int]:
    """Pages that were asked for by name or are indexed, and whose copy is older than the setting says."""
    p = page_table.c
    old = p.fetched_at < time.time() - job.settings.recrawl_days * DAY
    stmt = sa.select(p.id).where(p.state.in_(FINAL), old, sa.or_(p.submitted, p.indexed_at.is_not(None)))
    with job.catalogue.read() as conn:
        return list(conn.execute(stmt.order_by(p.id)).scalars())


def wait_for(job: Job, doing: str, ids: Sequence[int]) -> dict[str, int]:
    """Until all of these pages have ended; {state: pages}. The sweeper sees to those that stand still."""
    left = list(ids)
    ended: dict[str, int] = {}
    while left:
        job.progress(doing, len(ids) - len(left), len(ids))
        for page_id, state in _states(job, left):
            if state in FINAL:
                ended[state] = ended.get(state, 0) + 1
                left.remove(page_id)
        if left:
            time.sleep(POLL_S)
    return dict(sorted(ended.items()))


def _states(job: Job, ids: Sequence[int]) -> list[tuple[int, State]]:
    found: list[tuple[int, State]] = []
    for start in range(0, len(ids), BATCH):
        stmt = sa.select(page_table.c.id, page_table.c.state).where(page_table.c.id.in_(ids[start : start + BATCH]))
        with job.catalogue.read() as conn:
            found += [(page_id, State(state)) for page_id, state in conn.execute(stmt)]
    return found


if __name__ == "__main__":
    steps.script(__name__)
