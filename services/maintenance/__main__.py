"""`python -m services.maintenance`: the worker that does housekeeping, and the clock that calls it."""

from __future__ import annotations

from celery import Celery
from celery.beat import EmbeddedService
from toolscout.settings import Settings
from toolscout.worker import run

from services.maintenance.tasks import create_worker


def with_clock(settings: Settings) -> Celery:
    """The worker's app, with Celery's beat in a thread: one process does both, so neither outlives the other."""
    app = create_worker(settings)
    # The schedule is fixed and in code: nothing of it needs a file.
    EmbeddedService(app, thread=True, scheduler_cls="celery.beat:Scheduler").start()
    return app


if __name__ == "__main__":
    run("maintenance", with_clock, concurrency=1, extra=["--pool=solo"])
