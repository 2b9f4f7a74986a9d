"""Keeps the house: what stands still is woken again."""

from __future__ import annotations

import time
from functools import cache

from celery import Celery
from toolscout import events, logs, queue
from toolscout.catalogue import Catalogue, pages, runs
from toolscout.errors import Conflict
from toolscout.settings import Settings


def create_worker(settings: Settings) -> Celery:
    app = queue.create_celery(settings)

    @cache
    def catalogue() -> Catalogue:
        return Catalogue(settings.db_url)

    @app.task(name=queue.SWEEP)
    def sweep() -> int:
        """Wakes pages that wait or whose worker died, and tools without a description; returns how many pages."""
        queue.wake_descriptions(app, settings, catalogue())
        sweep_runs(catalogue(), app, settings)
        return sweep_pages(catalogue(), app, settings)

    @app.task(name=queue.START_DUE)
    def start_due_run() -> str | None:
        """Starts a training run if enough was rated, or long enough ago the last one was; its id."""
        return start_if_due(catalogue(), app, settings, time.time())

    return app


def start_if_due(catalogue: Catalogue, app: Celery, settings: Settings, now: float) -> str | None:
    with catalogue.write() as conn:
        if not runs.next_start(conn, settings, now)["due"]:
            return None
        try:
            run_id = runs.create(conn, "train", queue.RUN_STEPS, 0, {}, "schedule", now)
        except Conflict:
            return None  # one is at work
    queue.wake_step(app, run_id, queue.RUN_STEPS[0])
    return run_id


def sweep_runs(catalogue: Catalogue, app: Celery, settings: Settings) -> None:
    """Wakes the next step of runs on which nobody works: its task, or its worker, was lost."""
    with catalogue.write() as conn:
        for run_id in runs.standing_still(conn, time.time(), settings.sweep_seconds):
            step = runs.next_step(conn, run_id)
            if step:
                queue.wake_step(app, run_id, step)


def sweep_pages(catalogue: Catalogue, app: Celery, settings: Settings) -> int:
    """The tasks of a page may be lost with the queue, or its worker with a machine; the catalogue still knows it."""
    now = time.time()
    with catalogue.write() as conn:
        to_fetch = pages.standing_still(conn, pages.FETCH, now, settings.sweep_seconds)
        to_process = pages.standing_still(conn, pages.PROCESS, now, settings.sweep_seconds)
    queue.wake_pages(app, settings, to_fetch=to_fetch, to_process=to_process)
    if to_fetch or to_process:
        logs.emit(events.PagesSwept(to_fetch=len(to_fetch), to_process=len(to_process)))
    return len(to_fetch) + len(to_process)
