"""A search through HTTP (uvicorn on loopback, one client) against the same search as a call."""

from __future__ import annotations

import argparse
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import uvicorn
from toolscout.settings import Settings

from benchmarks.local import Local, local
from benchmarks.system import free_port
from services.gateway.app import create_app


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--chunks", type=int, default=10_000)
    parser.add_argument("--searches", type=int, default=300)


@contextmanager
def serving(settings: Settings) -> Iterator[str]:
    """The gateway's app in a thread of this process, on a free port."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(create_app(settings), port=port, access_log=False, log_config=None))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{port}"
    with httpx.Client(trust_env=False) as client:
        for _ in range(600):
            try:
                if client.get(f"{url}/readyz").status_code == 200:
                    break
            except httpx.TransportError:
                pass
            time.sleep(0.05)
    try:
        yield url
    finally:
        server.should_exit = True
        thread.join()


def run(options: argparse.Namespace) -> dict[str, Any]:
    with local(options.chunks) as here, serving(here.settings) as url, httpx.Client(trust_env=False) as client:
        core, http = [], []
        for n in range(options.searches + 20):
            query = here.queries[n % len(here.queries)]
            a = _core(here, f"{query} {n}")
            b = _http(client, url, f"{query} {n} again")
            if n >= 20:
                core.append(a)
                http.append(b)
    base, over = statistics.median(core), statistics.median(http)
    return {
        "ratio": round(over / base, 3),
        "http_ms_p50": round(over * 1000, 3),
        "core_ms_p50": round(base * 1000, 3),
        "chunks": options.chunks,
        "searches": options.searches,
    }


def _core(here: Local, query: str) -> float:
    start = time.perf_counter()
    here.search(query)
    return time.perf_counter() - start


def _http(client: httpx.Client, url: str, query: str) -> float:
    start = time.perf_counter()
    client.post(f"{url}/api/v1/search", json={"query": query}).raise_for_status()
    return time.perf_counter() - start
