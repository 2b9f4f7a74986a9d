"""A real Chromium for the tests of the web pages; only the API behind them is canned."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.needs import missing
from tests.services.gateway.double import Api, serve

CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# No name resolves: nothing leaves this machine.
FLAGS = ["--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
PHONE = {"width": 360, "height": 800}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if path is None:
        missing("chromium (install it to test the web page)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def double() -> Iterator[ThreadingHTTPServer]:
    server = serve()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def api(double: ThreadingHTTPServer) -> Iterator[Api]:
    api = double.RequestHandlerClass.api = Api()  # type: ignore[attr-defined]
    yield api
    api.slow.set()


class Watched:
    """One page for a module's tests, with what went wrong on it: script errors and breaches of the policy."""

    def __init__(self, context: BrowserContext) -> None:
        context.set_default_timeout(10_000)
        self.context = context
        self.page = context.new_page()
        self.wrong: list[str] = []
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("console", lambda said: self.wrong.extend([said.text] * ("Security Policy" in said.text)))

    def visit(self) -> Iterator[Page]:
        self.wrong.clear()
        yield self.page
        self.page.unroute_all()
        self.page.evaluate("localStorage.clear()")
        self.page.goto("about:blank")
        self.context.clear_cookies()
        assert self.wrong == []


def watched(browser: Browser, double: ThreadingHTTPServer, **options: Any) -> Iterator[Watched]:
    address = f"http://127.0.0.1:{double.server_port}"
    context = browser.new_context(base_url=address, reduced_motion="reduce", **options)
    yield Watched(context)
    context.close()


@pytest.fixture(scope="module")
def desk(browser: Browser, double: ThreadingHTTPServer) -> Iterator[Watched]:
    yield from watched(browser, double, locale="en-US")


@pytest.fixture(scope="module")
def pocket(browser: Browser, double: ThreadingHTTPServer) -> Iterator[Watched]:
    yield from watched(browser, double, locale="ko-KR", viewport=PHONE)


@pytest.fixture
def page(desk: Watched, api: Api) -> Iterator[Page]:
    yield from desk.visit()


@pytest.fixture
def phone(pocket: Watched, api: Api) -> Iterator[Page]:
    yield from pocket.visit()


@pytest.fixture
def timed(browser: Browser, double: ThreadingHTTPServer, api: Api) -> Iterator[Page]:
    """A page whose time a test moves on."""
    page = browser.new_page(base_url=f"http://127.0.0.1:{double.server_port}", locale="en-US")
    page.clock.install()
    yield page
    page.close()
