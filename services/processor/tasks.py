"""The processor's Celery tasks."""

from __future__ import annotations

from functools import cache

from celery import Celery
from toolscout import queue
from toolscout.catalogue.pages import PROCESS
from toolscout.settings import Settings
from toolscout.work import work_through

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

    return app
