"""How a worker process starts: settings, logs, schema, then Celery until it is told to stop."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from celery import Celery

from toolscout import events, logs, queue
from toolscout.catalogue import Catalogue, migrate
from toolscout.errors import ToolscoutError
from toolscout.settings import Settings


def prepare(service: str) -> Settings:
    """Settings read, logs open, the database at its current schema. Nothing is left open that a fork could share."""
    settings = Settings()
    logs.configure(settings, service)
    catalogue = Catalogue(settings.db_url)
    migrate.upgrade(catalogue)
    catalogue.close()
    return settings


def run(
    service: str,
    create_worker: Callable[[Settings], Celery],
    concurrency: int | None = None,
    queues: Sequence[str] = (),
    extra: Sequence[str] = (),
) -> None:
    """Runs one service's worker; its queue has its name unless `queues` says otherwise."""
    try:
        settings = prepare(service)
        app = create_worker(settings)
    except ToolscoutError as error:
        sys.exit(f"{service}: {error.detail} {error.remedy}")
    queue.follow_tasks()
    logs.emit(events.ServiceStarted())
    queue.run_worker(app, queues or [service], concurrency or settings.processor_concurrency, service, extra)
    logs.emit(events.ServiceStopped())
    logs.shutdown()
