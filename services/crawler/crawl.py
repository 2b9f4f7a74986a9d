"""Fetches a batch of pages: hosts side by side, the pages of one host one after another."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import sqlalchemy as sa
from celery import Celery
from toolscout import __version__, context
from toolscout.addresses import AddressGuard
from toolscout.catalogue import Catalogue
from toolscout.errors import FetchError
from toolscout.pages import PageStore
from toolscout.settings import Settings

from services.crawler.fetch import Fetcher
from services.crawler.gate import CatalogueGate, CatalogueRobots, NotDue
from services.crawler.record import Outcome, Recorder, wake_next
from services.crawler.robots import Robots

# A batch gives up waiting for slow hosts after this; what is left goes back and is asked later.
BATCH_S = 20.0
# Outcomes are written when so many have gathered, or after so long.
FLUSH_COUNT = 16
FLUSH_S = 0.25


def user_agent(settings: Settings) -> str:
    contact = f" (+{settings.contact})" if settings.contact else ""
    return f"Toolscout/{__version__}{contact}"


class Crawler:
    """What one crawler process keeps open between batches."""

    def __init__(self, settings: Settings, app: Celery) -> None:
        self.settings = settings
        self.app = app
        self.catalogue = Catalogue(settings.db_url)
        self.store = PageStore(settings.raw_dir)
        self.guard = AddressGuard(settings.allow_hosts)
        # One thread for the database: writes of one process wait for each other anyway.
        self.db = ThreadPoolExecutor(1, thread_name_prefix="db")

    def fetch(self, rows: Sequence[sa.Row], owner: str) -> None:
        """Fetches claimed pages and writes what came of each."""
        try:
            asyncio.run(_Batch(self, owner).run(rows))
        except ExceptionGroup as group:
            # The first is the cause, the others its consequences.
            raise group.exceptions[0] from group


class _Batch:
    def __init__(self, crawler: Crawler, owner: str) -> None:
        self.crawler = crawler
        self.recorder = Recorder(crawler.catalogue, crawler.store, owner)
        self.outcomes: asyncio.Queue[Outcome | None] = asyncio.Queue()
        self.deadline = time.time() + BATCH_S
        self.slots = asyncio.Semaphore(crawler.settings.fetch_concurrency)
        self.gate = CatalogueGate(crawler.catalogue, self.in_thread, owner, self.delay, self.deadline)

    async def in_thread(self, function: Any, *args: Any) -> Any:
        return await context.run_in(self.crawler.db, function, *args)

    async def run(self, rows: Sequence[sa.Row]) -> None:
        agent = user_agent(self.crawler.settings)
        async with Fetcher(self.crawler.guard, agent, self.gate) as self.fetcher:
            self.robots = Robots(self.fetcher, CatalogueRobots(self.crawler.catalogue), agent)
            by_host = defaultdict(list)
            for row in rows:
                by_host[row.host].append(row)
            async with asyncio.TaskGroup() as group:
                writer = group.create_task(self.write())
                hosts = [group.create_task(self.visit(pages)) for pages in by_host.values()]
                await asyncio.gather(*hosts)
                await self.outcomes.put(None)
                await writer

    async def delay(self, url: str) -> float:
        return max(self.crawler.settings.host_delay, await self.robots.crawl_delay(url) or 0.0)

    async def visit(self, rows: Sequence[sa.Row]) -> None:
        """The pages of one host. Once it is not due within our time, the rest is put off with it."""
        due = 0.0
        for n, row in enumerate(rows):
            async with self.slots:
                outcome = await self.ask(row) if not due else Outcome(row, due=due)
            if outcome.due and not due:
                due = outcome.due
            elif due:
                # Spread over the host's turns, so that they don't all come back at once.
                outcome.due = due + n * self.crawler.settings.host_delay
            await self.outcomes.put(outcome)

    async def ask(self, row: sa.Row) -> Outcome:
        known = row.digest is not None and self.crawler.store.path(row.digest).exists()
        try:
            fetched = await self.fetcher.get(
                row.url,
                etag=row.etag if known else None,
                last_modified=row.last_modified if known else None,
                robots=self.robots,
            )
        except FetchError as error:
            return Outcome(row, error=error)
        except NotDue as error:
            return Outcome(row, due=error.at)
        return Outcome(row, fetched=fetched)

    async def write(self) -> None:
        """Writes outcomes in small groups until None comes."""
        while batch := await self._gather():
            done = await self.in_thread(self.recorder.record, batch)
            await asyncio.to_thread(wake_next, self.crawler.app, done, self.crawler.settings)

    async def _gather(self) -> list[Outcome]:
        batch: list[Outcome] = []
        until = None
        while len(batch) < FLUSH_COUNT:
            wait = None if until is None else max(0.0, until - time.monotonic())
            try:
                outcome = await asyncio.wait_for(self.outcomes.get(), wait)
            except TimeoutError:
                break
            if outcome is None:
                self.outcomes.put_nowait(None)  # seen again at the next call, which then returns nothing
                break
            batch.append(outcome)
            until = until or time.monotonic() + FLUSH_S
        return batch
