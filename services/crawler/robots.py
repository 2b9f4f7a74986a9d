"""robots.txt by RFC 9309: what may be visited, remembered a day; a site that can't say is left alone for ten minutes.

The commonest bug of crawlers is to remember one failed request as permission. Here a failure is remembered as
`unreachable`, which never allows, and only a clear 4xx means that there are no rules.
"""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, Protocol
from urllib.parse import urljoin
from weakref import WeakValueDictionary

from protego import Protego
from toolscout.addresses import host_key, normalise_url
from toolscout.errors import FetchError

from services.crawler.fetch import Fetched

MAX_BYTES = 500 * 1024
KEEP_S = 24 * 3600.0
RETRY_S = 600.0
# Of our own making, the address guard's, or of a name that leads nowhere: they say nothing about a site's rules.
SURFACING = frozenset({"address_forbidden", "invalid_url", "dns_failure"})


@dataclass(frozen=True, slots=True)
class RobotsRecord:
    """What is known of a host's robots.txt: `text` only where `status` is ok; times in Unix seconds."""

    text: str | None
    status: Literal["ok", "missing", "unreachable"]
    fetched_at: float
    expires_at: float


class RobotsStore(Protocol):
    """Where records are kept, by host[:port]."""

    def get(self, host: str) -> RobotsRecord | None: ...

    def put(self, host: str, record: RobotsRecord) -> None: ...


class RobotsFetcher(Protocol):
    """The part of Fetcher that is needed here."""

    async def request(self, url: str, *, limit: int | None = None, truncate: bool = False) -> Fetched: ...


class MemoryStore:
    """A RobotsStore for tests and single use."""

    def __init__(self) -> None:
        self._records: dict[str, RobotsRecord] = {}

    def get(self, host: str) -> RobotsRecord | None:
        return self._records.get(host)

    def put(self, host: str, record: RobotsRecord) -> None:
        self._records[host] = record


class Robots:
    """Answers for every host what `user_agent` may do; rules are matched by its product token (before the `/`)."""

    def __init__(self, fetcher: RobotsFetcher, store: RobotsStore, user_agent: str) -> None:
        self._fetcher = fetcher
        self._store = store
        self._token = user_agent.partition("/")[0].strip()
        # A host's lock lives as long as someone holds or awaits it.
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def allows(self, url: str) -> bool:
        """Whether `url` may be fetched.

        Raises FetchError: robots_unreachable (not permanent; `retry_after` says when it is asked again), or
        address_forbidden where robots.txt itself leads to a private address.
        """
        record = await self._record(url)
        if record.status == "unreachable":
            raise _unreachable(host_key(url), record)
        return record.text is None or _rules(record.text).can_fetch(url, self._token)

    async def crawl_delay(self, url: str) -> float | None:
        """Seconds between two requests that robots.txt asks for; None where it is not known or asks for none.

        Never fetches: a gate may call it within a turn, for which robots.txt itself waits.
        """
        record = self._store.get(host_key(url))
        delay = _rules(record.text).crawl_delay(self._token) if record and record.text else None
        return delay if delay is not None and math.isfinite(delay) and delay >= 0 else None

    async def _record(self, url: str) -> RobotsRecord:
        """The valid record of `url`'s host, fetched once however many ask at the same time."""
        host = host_key(url)
        lock = self._locks.setdefault(host, asyncio.Lock())
        async with lock:
            record = self._store.get(host)
            if record is None or record.expires_at <= time.time():
                record = await self._fetch(url)
                self._store.put(host, record)
            return record

    async def _fetch(self, url: str) -> RobotsRecord:
        try:
            where = urljoin(normalise_url(url), "/robots.txt")
            fetched = await self._fetcher.request(where, limit=MAX_BYTES, truncate=True)
        except FetchError as error:
            if error.reason in SURFACING:
                raise
            return _new("missing" if _says_none(error) else "unreachable")
        return _new("ok", _text(fetched.body))


def _new(status: Literal["ok", "missing", "unreachable"], text: str | None = None) -> RobotsRecord:
    now = time.time()
    return RobotsRecord(text, status, now, now + (RETRY_S if status == "unreachable" else KEEP_S))


def _says_none(error: FetchError) -> bool:
    """RFC 9309, 2.3.1.3: 4xx, or too many redirects, means that there are no rules. 429 only asks for patience."""
    status = error.http_status or 0
    return error.reason == "too_many_redirects" or (400 <= status < 500 and status != 429)


def _unreachable(host: str, record: RobotsRecord) -> FetchError:
    return FetchError(
        f"robots.txt of {host} could not be read, so nothing there is visited yet.",
        reason="robots_unreachable",
        permanent=False,
        retry_after=max(0.0, record.expires_at - time.time()),
    )


def _text(body: bytes) -> str:
    """At the limit the last line may be half a rule, which would say more than was meant: it is left out."""
    whole = body if len(body) < MAX_BYTES else body[: body.rfind(b"\n") + 1]
    # PostgreSQL stores no NUL, and no rule needs one.
    return whole.decode("utf-8-sig", errors="replace").replace("\x00", "")


@lru_cache(maxsize=64)
def _rules(text: str) -> Protego:
    return Protego.parse(text)
