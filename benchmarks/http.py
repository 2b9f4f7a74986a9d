"""A search through HTTP (uvicorn on loopback, one client) against the same search as a call."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import Any

from toolscout.settings import Settings

from benchmarks.local import local
from benchmarks.system import ROOT
from services.up import free_port


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--chunks", type=int, default=10_000)
    parser.add_argument("--searches", type=int, default=300)


@contextmanager
def serving(settings: Settings) -> Iterator[str]:
    """`python -m services.gateway` in a process of its own, on a free port; yields host:port."""
    port = free_port()
    env = os.environ | {
        "TOOLSCOUT_DATA_DIR": str(settings.data_dir),
        "TOOLSCOUT_PORT": str(port),
        "TOOLSCOUT_LOG_STDOUT": "0",
        "TOOLSCOUT_LLM": settings.llm_mode,
        "LLM_API_BASE": settings.llm_api_base,
        "OMP_NUM_THREADS": "1",
    }
    process = subprocess.Popen([sys.executable, "-m", "services.gateway"], cwd=ROOT, env=env)
    try:
        _wait_until_ready(f"127.0.0.1:{port}")
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def _wait_until_ready(address: str) -> None:
    for _ in range(1200):
        try:
            connection = HTTPConnection(address)
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return
        except OSError:
            pass
        time.sleep(0.05)
    raise RuntimeError("the gateway did not become ready")


def post(connection: HTTPConnection, query: str) -> None:
    """One search by the standard library's client: next to nothing of the time is the client's."""
    body = json.dumps({"query": query})
    connection.request("POST", "/api/v1/search", body, {"Content-Type": "application/json", "X-Session-ID": "bench"})
    response = connection.getresponse()
    response.read()
    if response.status != 200:
        raise RuntimeError(f"search answered {response.status}")


def run(options: argparse.Namespace) -> dict[str, Any]:
    with local(options.chunks) as here, serving(here.settings) as address:
        connection = HTTPConnection(address)
        core, http = [], []
        for n in range(options.searches + 20):
            query = f"{here.queries[n % len(here.queries)]} {n}"  # a new text each time: no cached vector
            a = timed(here.search, query)
            b = timed(post, connection, query)
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


def timed(work: Callable[..., object], *args: object) -> float:
    start = time.perf_counter()
    work(*args)
    return time.perf_counter() - start
