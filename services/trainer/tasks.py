"""The trainer's Celery tasks: one for each step, and one that starts a run."""

from __future__ import annotations

from functools import cache
from typing import Any

from celery import Celery
from toolscout import queue
from toolscout.catalogue import Catalogue, runs
from toolscout.settings import Settings

from services.trainer import steps


def create_worker(settings: Settings) -> Celery:
    app = queue.create_celery(settings)

    @cache
    def catalogue() -> Catalogue:
        # At the first task: the worker's processes are forked before it.
        return Catalogue(settings.db_url)

    def go_on(run_id: str, name: str) -> str:
        following = steps.do_next(settings, catalogue(), run_id, name)
        if following:
            queue.wake_step(app, run_id, following)
        return run_id

    @app.task(name=queue.RUN_PIPELINE)
    def run_pipeline(kind: str = "train", names: list[str] | None = None) -> str:
        """Starts a run of a kind (crawl, process, train, full), or of the named steps of it; returns its id."""
        run_id = steps.create(catalogue(), names or [], "task", kind=kind)
        with catalogue().read() as conn:
            first = runs.next_step(conn, run_id)
        queue.wake_step(app, run_id, first or "")
        return run_id

    def as_task(name: str, kind: str) -> None:
        def step(run_id: str | None = None, options: dict[str, Any] | None = None) -> str:
            """Does this step of a run; without one, as a run of its own."""
            return go_on(run_id or steps.create(catalogue(), [name], "task", kind=kind, **(options or {})), name)

        app.task(name=f"trainer.{name}")(step)

    for kind in ("full", "compare"):
        for name in queue.RUN_KINDS[kind]:
            as_task(name, kind)
    return app
