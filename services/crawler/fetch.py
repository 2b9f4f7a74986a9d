"""Fetches one URL safely: only public addresses, bounded time and memory, every failure a FetchError with its reason.

The address that was checked is the address that is asked: `GuardedResolver` hands aiohttp permitted addresses only (so
no second look-up can answer differently), `AddressGuard.check_url` sees the literals that pass no resolver, and
`GuardedConnector` looks at the connected peer before a byte of the request is sent.
"""

from __future__ import annotations

import asyncio
import re
import socket
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple, Protocol
from urllib.parse import urljoin

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from toolscout.addresses import AddressGuard, host_key, normalise_url
from toolscout.errors import AddressForbidden, FetchError, InvalidUrl
from toolscout.text import clean
from yarl import URL

from services.crawler.body import BLOCK, CODINGS, check_text, read_body, too_large

MAX_REDIRECTS = 5
MAX_RETRY_AFTER_S = 86_400.0
PAGE_TYPES = frozenset({"text/html", "application/xhtml+xml", "text/plain", "text/markdown"})
USEFUL_HEADERS = ("content-type", "etag", "last-modified", "x-robots-tag", "cache-control")
REDIRECTS = frozenset({301, 302, 303, 307, 308})

# Status → reason, and whether it is no use to ask again.
STATUSES = {
    401: ("access_denied", True),
    403: ("access_denied", True),
    404: ("gone", True),
    408: ("timeout", False),
    410: ("gone", True),
    429: ("rate_limited", False),
    503: ("unavailable", False),
}
# The first that fits; permanent as above.
FAILURES: tuple[tuple[type[Exception], str, bool], ...] = (
    (TimeoutError, "timeout", False),
    (aiohttp.ClientConnectorDNSError, "dns_failure", False),
    (aiohttp.ClientSSLError, "tls_error", True),
    (aiohttp.ClientPayloadError, "incomplete_body", False),
    (aiohttp.ClientConnectionError, "connect_failed", False),
    (OSError, "connect_failed", False),
    (aiohttp.ClientError, "bad_response", True),
)


@dataclass(slots=True)
class Fetched:
    """An answer: body decompressed; `headers` the useful ones, in lower case; `final_url` normalised.

    `redirects` are the URLs that were followed after the first; `duration_s` excludes waiting for a turn;
    `wire_bytes` is the body as sent. With `not_modified` (304) the body is empty.
    """

    url: str
    final_url: str
    status: int
    headers: dict[str, str]
    body: bytes
    redirects: list[str]
    not_modified: bool
    duration_s: float
    wire_bytes: int


class Gate(Protocol):
    """Politeness: a request is made while its host's turn is held."""

    def turn(self, url: str) -> AbstractAsyncContextManager[None]: ...


class RobotsRules(Protocol):
    """What may be visited; raises FetchError where that can't be known."""

    async def allows(self, url: str) -> bool: ...


class LocalGate:
    """One request in flight a host, `delay_s` seconds between two; in this process only."""

    def __init__(self, delay_s: float = 0.0) -> None:
        self._delay_s = delay_s
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._next: dict[str, float] = {}

    @asynccontextmanager
    async def turn(self, url: str) -> AsyncIterator[None]:
        host = host_key(url)
        async with self._locks[host]:
            await asyncio.sleep(max(0.0, self._next.get(host, 0.0) - time.monotonic()))
            try:
                yield
            finally:
                self._next[host] = time.monotonic() + self._delay_s


class GuardedResolver(AbstractResolver):
    """Resolves a name and keeps the addresses that the guard permits; AddressForbidden where none is left."""

    def __init__(self, guard: AddressGuard) -> None:
        self._guard = guard
        # A pool of its own: names that time out must not starve whatever else uses the loop's threads.
        self._pool = ThreadPoolExecutor(16, thread_name_prefix="dns")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await asyncio.get_running_loop().run_in_executor(self._pool, _lookup, host, port, family)
        permitted = [answer for answer in found if self._guard.permits(host, port, answer["host"])]
        if found and not permitted:
            raise AddressForbidden(f"{host} leads to a private, local or reserved address.")
        return permitted

    async def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


class GuardedConnector(aiohttp.TCPConnector):
    """Looks at the peer of every connection, new or reused, before it is used."""

    def __init__(self, guard: AddressGuard, resolver: AbstractResolver) -> None:
        # Without aiohttp's cache each new connection is resolved, and checked, anew. The gate limits, so limit=0.
        super().__init__(resolver=resolver, use_dns_cache=False, limit=0)
        self._guard = guard

    async def connect(self, req: Any, traces: Any, timeout: aiohttp.ClientTimeout) -> Any:
        connection = await super().connect(req, traces, timeout)
        peer = connection.transport.get_extra_info("peername") if connection.transport else None
        if peer and self._guard.permits(req.url.host, req.url.port, peer[0]):
            return connection
        connection.close()
        if not peer:
            raise aiohttp.ClientConnectionError("closed at once")
        raise AddressForbidden(f"{req.url.host} leads to a private, local or reserved address.")


@dataclass(frozen=True, slots=True)
class _Ask:
    """What is wanted of every hop; `limit` in decompressed bytes."""

    headers: Mapping[str, str]
    limit: int
    truncate: bool
    pages_only: bool


class _Answer(NamedTuple):
    """One hop's answer; `location` is set on a redirect."""

    status: int
    headers: dict[str, str]
    location: str = ""
    body: bytes = b""
    wire_bytes: int = 0


@dataclass(slots=True)
class _Trip:
    """The way of one fetch: its hops so far, and the seconds spent asking."""

    hops: list[str]
    spent_s: float = 0.0

    @contextmanager
    def clock(self) -> Iterator[None]:
        start = time.monotonic()
        try:
            yield
        finally:
            self.spent_s += time.monotonic() - start


class Fetcher:
    """Fetches URLs with one reused session; use it as `async with Fetcher(…) as fetcher`.

    `max_bytes` bounds the decompressed body, `timeout_s` all hops of one fetch together (turns not counted).
    Raises nothing but FetchError, and what the gate raises.
    """

    def __init__(
        self,
        guard: AddressGuard,
        user_agent: str,
        gate: Gate,
        *,
        max_bytes: int = 10_000_000,
        timeout_s: float = 20.0,
    ) -> None:
        self._guard = guard
        self._gate = gate
        self._max_bytes = max_bytes
        self._timeout_s = timeout_s
        self._headers = {
            "User-Agent": user_agent,
            "Accept": "text/html,application/xhtml+xml,text/markdown;q=0.9,text/plain;q=0.8,*/*;q=0.1",
            "Accept-Encoding": CODINGS,
            "Accept-Language": "en,ko;q=0.8,*;q=0.5",
        }

    async def __aenter__(self) -> Fetcher:
        self._resolver = GuardedResolver(self._guard)
        self._session = aiohttp.ClientSession(
            connector=GuardedConnector(self._guard, self._resolver),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=self._headers,
            auto_decompress=False,
            trust_env=False,
            read_bufsize=BLOCK,
            timeout=aiohttp.ClientTimeout(total=None),  # ours is the trip's
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()
        await self._resolver.close()

    async def get(
        self,
        url: str,
        etag: str | None = None,
        last_modified: str | None = None,
        robots: RobotsRules | None = None,
    ) -> Fetched:
        """Fetches a page: text that is not empty, or a 304 to `etag` or `last_modified`. Raises FetchError."""
        conditions = {"If-None-Match": etag or "", "If-Modified-Since": last_modified or ""}
        headers = {name: value for name, value in conditions.items() if value}
        fetched = await self._travel(url, robots, _Ask(headers, self._max_bytes, False, True))
        if not fetched.not_modified:
            check_text(fetched.body, fetched.headers.get("content-type", ""))
        return fetched

    async def request(self, url: str, *, limit: int | None = None, truncate: bool = False) -> Fetched:
        """Fetches whatever is there, of any type, without asking robots.txt; for robots.txt and sitemaps.

        Past `limit` bytes the body is cut (`truncate`) or refused as too_large. Raises FetchError.
        """
        return await self._travel(url, None, _Ask({}, limit or self._max_bytes, truncate, False))

    async def _travel(self, url: str, robots: RobotsRules | None, ask: _Ask) -> Fetched:
        with _as_fetch_error(url):
            trip = _Trip([normalise_url(url)])
            while True:
                answer = await self._hop(trip, robots, ask)
                if not answer.location:
                    return _fetched(url, trip, answer)
                trip.hops.append(_next_hop(trip.hops, answer.location))

    async def _hop(self, trip: _Trip, robots: RobotsRules | None, ask: _Ask) -> _Answer:
        here = trip.hops[-1]
        self._guard.check_url(here)
        # Before the turn is taken: robots.txt may need a turn of the same host.
        if robots and not await robots.allows(here):
            raise FetchError(f"robots.txt of {host_key(here)} does not allow this.", reason="robots_disallowed")
        async with self._gate.turn(here):
            with trip.clock(), _as_fetch_error(here):
                async with asyncio.timeout(self._timeout_s - trip.spent_s):
                    return await self._exchange(here, ask)

    async def _exchange(self, url: str, ask: _Ask) -> _Answer:
        # encoded=True: what was checked is sent as it is, no second parser rewrites it.
        target = URL(url, encoded=True)
        async with self._session.get(target, headers=ask.headers, allow_redirects=False) as response:
            headers = _useful(response.headers)
            if response.status in REDIRECTS and response.headers.get("Location"):
                return _Answer(response.status, headers, response.headers["Location"])
            if response.status == 304 and ask.headers:
                return _Answer(304, headers)
            _check_head(response, ask)
            coding = response.headers.get("Content-Encoding", "")
            body, wire_bytes = await read_body(
                response.content.iter_any(), coding, limit=ask.limit, truncate=ask.truncate
            )
            return _Answer(response.status, headers, "", body, wire_bytes)


def _lookup(host: str, port: int, family: int) -> list[ResolveResult]:
    """The addresses of `host`; raises OSError. Blocks, so it runs in a thread."""
    try:
        infos = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)
    except UnicodeError as error:
        raise socket.gaierror(socket.EAI_NONAME, str(error)) from error
    flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
    return [
        ResolveResult(hostname=host, host=str(where[0]), port=port, family=kind, proto=proto, flags=flags)
        for kind, _, proto, _, where in infos
    ]


def _next_hop(hops: list[str], location: str) -> str:
    try:
        # Tracking parameters stay: a page that redirects to itself with one more would look like a loop.
        url = normalise_url(urljoin(hops[-1], location.strip()), keep_tracking=True)
    except (InvalidUrl, ValueError) as error:
        raise FetchError(f"It redirects to what is no address: {error}", reason="bad_redirect") from error
    if len(hops) > MAX_REDIRECTS or url in hops:
        raise FetchError("It redirects in a circle or too often.", reason="too_many_redirects")
    return url


def _fetched(url: str, trip: _Trip, answer: _Answer) -> Fetched:
    return Fetched(
        url=url,
        final_url=normalise_url(trip.hops[-1]),
        status=answer.status,
        headers=answer.headers,
        body=answer.body,
        redirects=trip.hops[1:],
        not_modified=answer.status == 304,
        duration_s=trip.spent_s,
        wire_bytes=answer.wire_bytes,
    )


def _useful(headers: Any) -> dict[str, str]:
    # Bytes beyond UTF-8 arrive as lone surrogates, which no store takes.
    return {name: clean(", ".join(headers.getall(name))) for name in USEFUL_HEADERS if name in headers}


def _check_head(response: aiohttp.ClientResponse, ask: _Ask) -> None:
    """Refuses by status, type or announced length, before any of the body is read."""
    if not 200 <= response.status < 300:
        raise _status_error(response.status, response.headers.get("Retry-After", ""))
    media_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if ask.pages_only and media_type and media_type not in PAGE_TYPES:
        raise FetchError(f"It is {media_type[:80]}, not a page of text.", reason="unsupported_type")
    if not ask.truncate and (response.content_length or 0) > ask.limit:
        raise too_large(ask.limit)


def _status_error(status: int, retry_after: str) -> FetchError:
    reason, permanent = STATUSES.get(status, ("server_error", False) if status >= 500 else ("http_error", True))
    wait = None if permanent else _seconds(retry_after)
    detail = f"The server answered with status {status}."
    return FetchError(detail, reason=reason, permanent=permanent, retry_after=wait, http_status=status)


def _seconds(retry_after: str) -> float | None:
    """Retry-After in seconds from now, from either of its forms (RFC 9110, 10.2.3); at most a day."""
    text = retry_after.strip()
    if re.fullmatch("[0-9]{1,12}", text):
        return min(float(text), MAX_RETRY_AFTER_S)
    try:
        when = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return min(max(0.0, (when - datetime.now(UTC)).total_seconds()), MAX_RETRY_AFTER_S)


@contextmanager
def _as_fetch_error(url: str) -> Iterator[None]:
    """Nobody outside needs to know aiohttp's errors: each becomes a FetchError."""
    try:
        yield
    except (AddressForbidden, InvalidUrl) as error:
        raise FetchError(error.detail, reason=error.reason, remedy=error.remedy) from error
    except (aiohttp.ClientError, OSError) as error:
        reason, permanent = next((reason, last) for kind, reason, last in FAILURES if isinstance(error, kind))
        raise FetchError(f"{url[:200]}: {error or reason}", reason=reason, permanent=permanent) from error
