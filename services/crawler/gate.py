"""Politeness shared by every crawler: a host's turn is a row of the catalogue."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from toolscout.addresses import host_key
from toolscout.catalogue import Catalogue, hosts

from services.crawler.robots import RobotsRecord

# Runs a blocking function beside the event loop.
InThread = Callable[..., Awaitable[Any]]

LEASE_S = 30.0  # longer than any request may take


class NotDue(Exception):
    """The host's next turn lies beyond this batch's time; `at` in Unix seconds."""

    def __init__(self, at: float) -> None:
        super().__init__(f"not before {at}")
        self.at = at


class CatalogueGate:
    """One request in flight a host and a delay between two, across processes and restarts.

    `delay(url)` gives the seconds that the host wants between two requests. A turn that can't begin before `deadline`
    (Unix seconds) raises NotDue.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        in_thread: InThread,
        owner: str,
        delay: Callable[[str], Awaitable[float]],
        deadline: float,
    ) -> None:
        self._catalogue = catalogue
        self._in_thread = in_thread
        self._owner = owner
        self._delay = delay
        self._deadline = deadline
        self._numbers = itertools.count()

    @asynccontextmanager
    async def turn(self, url: str) -> AsyncIterator[None]:
        host = host_key(url)
        # A name for each turn: two of ours must not ask the same host at the same time either.
        owner = f"{self._owner}:{next(self._numbers)}"
        await self._wait(host, owner)
        try:
            yield
        finally:
            ended = time.time()
            await asyncio.shield(self._in_thread(self._end, host, owner, ended + await self._delay(url)))

    async def _wait(self, host: str, owner: str) -> None:
        while wait := await self._in_thread(self._take, host, owner):
            if time.time() + wait > self._deadline:
                raise NotDue(time.time() + wait)
            await asyncio.sleep(wait)

    def _take(self, host: str, owner: str) -> float:
        with self._catalogue.write() as conn:
            return hosts.take_turn(conn, host, owner, time.time(), LEASE_S)

    def _end(self, host: str, owner: str, next_at: float) -> None:
        with self._catalogue.write() as conn:
            hosts.end_turn(conn, host, owner, next_at)


class CatalogueRobots:
    """Keeps robots.txt records in the catalogue (a RobotsStore)."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def get(self, host: str) -> RobotsRecord | None:
        with self._catalogue.read() as conn:
            row = hosts.robots(conn, host)
        if row is None:
            return None
        return RobotsRecord(row.robots_text, row.robots_status, row.robots_fetched_at, row.robots_expires_at)

    def put(self, host: str, record: RobotsRecord) -> None:
        with self._catalogue.write() as conn:
            hosts.put_robots(
                conn,
                host,
                status=record.status,
                text=record.text,
                fetched_at=record.fetched_at,
                expires_at=record.expires_at,
            )
