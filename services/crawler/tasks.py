"""The crawler's Celery tasks."""

from __future__ import annotations

from functools import cache

from celery import Celery
from toolscout import queue
from toolscout.catalogue.pages import FETCH
from toolscout.settings import Settings
from toolscout.work import work_through

from services.crawler.crawl import Crawler


def create_worker(settings: Settings) -> Celery:
    app = queue.create_celery(settings)

    @cache
    def crawler() -> Crawler:
        # At the first task: the worker's processes are forked before it.
        return Crawler(settings, app)

    @app.task(name=queue.FETCH)
    def fetch_pages(ids: list[int]) -> int:
        """Fetches those of the pages that wait for it; returns how many were taken."""
        mine = crawler()
        return work_through(mine.catalogue, FETCH, queue.checked_ids(ids), settings.lease_seconds, mine.fetch)

    return app
