"""Searches a second through HTTP with several clients at the same time, and how long each waits."""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from typing import Any

import numpy as np

from benchmarks.http import post, serving
from benchmarks.local import local


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--chunks", type=int, default=10_000)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=8.0)


def run(options: argparse.Namespace) -> dict[str, Any]:
    with local(options.chunks) as here, serving(here.settings) as address:
        until = time.perf_counter() + options.seconds

        def visitor(number: int) -> list[float]:
            times, n = [], number
            connection = HTTPConnection(address, timeout=30)
            while (start := time.perf_counter()) < until:
                post(connection, f"{here.queries[n % len(here.queries)]} {n}")
                times.append(time.perf_counter() - start)
                n += options.clients
            return times

        with ThreadPoolExecutor(options.clients) as pool:
            times = [t for some in pool.map(visitor, range(options.clients)) for t in some]
    return {
        "searches_per_s": round(len(times) / options.seconds, 1),
        "p50_ms": round(float(np.quantile(times, 0.5)) * 1000, 2),
        "p99_ms": round(float(np.quantile(times, 0.99)) * 1000, 2),
        "clients": options.clients,
        "chunks": options.chunks,
        "errors": 0,
    }
