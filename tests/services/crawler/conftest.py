"""Real web servers on loopback: one of aiohttp that does as told, and one that writes bytes as they are."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from toolscout.addresses import AddressGuard

from services.crawler.fetch import Fetcher, LocalGate

AGENT = "Toolscout/0.1 (+https://example.org/bot)"
HTML = "<html><title>A tool</title><p>It does things.</p></html>"


class Site:
    """`site["/path"] = handler or text`; unknown paths are 404. `seen` holds the requests in their order."""

    def __init__(self) -> None:
        self.pages: dict[str, Any] = {}
        self.seen: list[web.Request] = []

    def __setitem__(self, path: str, page: Any) -> None:
        self.pages[path] = page

    async def serve(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(request)
        page = self.pages.get(request.path)
        if page is None:
            return web.Response(status=404)
        if callable(page):
            return await page(request)
        return web.Response(text=page, content_type="text/plain" if request.path == "/robots.txt" else "text/html")

    def paths(self) -> list[str]:
        return [request.path for request in self.seen]

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"


@contextlib.asynccontextmanager
async def serving(site: Site, *hosts: str) -> AsyncIterator[Site]:
    """Serves on every one of `hosts`, on the same port."""
    runner = web.AppRunner(_app(site), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site.port = 0
    for host in hosts:
        await web.TCPSite(runner, host, site.port).start()
        site.port = runner.addresses[0][1]
    yield site
    await runner.cleanup()


def _app(site: Site) -> web.Application:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", site.serve)
    return app


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with serving(Site(), "127.0.0.1") as found:
        found["/"] = HTML
        yield found


@pytest.fixture
async def elsewhere() -> AsyncIterator[Site]:
    """A second server whose address no guard lets through."""
    async with serving(Site(), "127.0.0.1") as found:
        found["/"] = HTML
        yield found


FetcherOf = Callable[..., Awaitable[Fetcher]]


@pytest.fixture
async def fetcher_of() -> AsyncIterator[FetcherOf]:
    """`await fetcher_of("127.0.0.1:8000", max_bytes=…)`: a fetcher that may go there."""
    async with contextlib.AsyncExitStack() as stack:

        async def make(*allow: str, **options: Any) -> Fetcher:
            return await stack.enter_async_context(Fetcher(AddressGuard(allow), AGENT, LocalGate(), **options))

        yield make


@pytest.fixture
async def fetcher(site: Site, fetcher_of: FetcherOf) -> Fetcher:
    return await fetcher_of(f"127.0.0.1:{site.port}", timeout_s=10.0)


Raw = Callable[..., Awaitable[str]]


@pytest.fixture
async def raw() -> AsyncIterator[Raw]:
    """`await raw(first, second, …, pause=…)`: the URL of a server that writes these bytes and closes."""
    async with contextlib.AsyncExitStack() as stack:

        async def make(*parts: bytes, pause: float = 0.0) -> str:
            async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                    await reader.readuntil(b"\r\n\r\n")
                    for part in parts:
                        writer.write(part)
                        await writer.drain()
                        await asyncio.sleep(pause)
                writer.close()

            server = await stack.enter_async_context(await asyncio.start_server(answer, "127.0.0.1"))
            stack.callback(server.close)
            return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"

        yield make
