"""The processor's Celery tasks."""

from __future__ import annotations

from functools import cache

from celery import Celery
from toolscout import queue
from toolscout.catalogue.pages import PROCESS
from toolscout.settings import Settings
from toolscout.work import work_through

from services.processor.describer import Describer
from services.processor.process import Processor


def create_worker(settings: Settings) -> Celery:
    app = queue.create_celery(settings)

    @cache
    def processor() -> Processor:
        # At the first task: the worker's processes are forked before it.
        return Processor(settings, app)

    @app.task(name=queue.PROCESS)
    def process_pages(ids: list[int]) -> int:
        """Reads those of the pages that were fetched; returns how many were taken."""
        mine = processor()
        return work_through(mine.catalogue, PROCESS, queue.checked_ids(ids), settings.lease_seconds, mine.process)

    @app.task(name=queue.DESCRIBE)
    def describe_tools(ids: list[int]) -> int:
        """Has a language model describe tools; then sends itself for the next, behind the pages that wait."""
        describer = Describer(settings, processor().catalogue)
        described = describer.describe(queue.checked_ids(ids))
        if described:
            queue.wake_descriptions(app, settings, processor().catalogue)
        return described

    return app
