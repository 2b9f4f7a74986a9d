"""The running system, and small webs for it to crawl."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from benchmarks.system import SHARED, System, Web, captured_web, running
from tests.needs import missing

WORD_LIST = "paint sing write draw speak count read sort find plan teach mix cut glue bake weave steer lift fold trim"
WORDS = WORD_LIST.split()


@dataclass
class Site:
    """`hosts` loopback hosts with pages /0, /1, …, each of a text of its own."""

    port: int
    hosts: int

    def urls(self, count: int) -> list[str]:
        return [f"http://127.9.0.{n % self.hosts + 1}:{self.port}/tool/{n}" for n in range(count)]

    @property
    def allow(self) -> str:
        return f"127.9.0.0/16:{self.port}"


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        number = self.path.rpartition("/")[2]
        if not number.isdigit():
            self.send_error(404)
            return
        n = int(number)
        words = " ".join(WORDS[(n * k + k) % len(WORDS)] for k in range(1, 9))
        text = f"Tool number{n} helps people to {words}. Its users call it helper{n}."
        body = (
            f"<html><head><title>Tool number{n}</title></head><body><h1>Tool</h1><p>{text}</p></body></html>".encode()
        )
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    server = ThreadingHTTPServer(("0.0.0.0", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield Site(server.server_address[1], 10)
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def web() -> Iterator[Web]:
    """The captured pages with their fault paths; how many, says E2E_PAGES."""
    if not (SHARED / "tools" / "serve_pages.py").exists():
        missing("../shared/tools/serve_pages.py")
    with captured_web(int(os.environ.get("E2E_PAGES", "30"))) as found:
        yield found


@pytest.fixture(scope="session")
def system(web: Web, site: Site) -> Iterator[System]:
    """One system for all tests that leave it whole."""
    with running(
        llm="off",  # test_embedded.py has its own: a model that describes pages would slow all others
        allow_hosts=f"{web.allow},{site.allow}",
        host_delay=0,
        lease_seconds=5,
        sweep_seconds=1,
        log_level="INFO",
    ) as found:
        yield found
