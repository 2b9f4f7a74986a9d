"""Waits until the pages that have come are read and indexed, so that what follows sees them."""

from __future__ import annotations

import sqlalchemy as sa
from toolscout import queue
from toolscout.catalogue.tables import pages as page_table
from toolscout.domain import FINAL, State

from services.trainer import steps
from services.trainer.crawl import wait_for
from services.trainer.job import Job, Skip


def run(job: Job) -> None:
    if not job.settings.broker_url:
        raise Skip("There is no task queue to wake the processor by.", reason="no_queue", remedy="Start toolscout up.")
    p = page_table.c
    with job.catalogue.read() as conn:
        rows = list(conn.execute(sa.select(p.id, p.state).where(p.state.not_in(FINAL)).order_by(p.id)))
    ids = [row.id for row in rows]
    waiting = {state: [row.id for row in rows if row.state == state] for state in (State.QUEUED, State.FETCHED)}
    app = queue.create_celery(job.settings)
    queue.wake_pages(app, job.settings, to_fetch=waiting[State.QUEUED], to_process=waiting[State.FETCHED])
    job.figures |= {"pages": len(ids), "by_state": wait_for(job, "reading pages", ids)}


if __name__ == "__main__":
    steps.script(__name__)
