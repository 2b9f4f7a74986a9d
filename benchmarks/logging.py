"""What logging costs a search: the same searches with the event log on and off, in turns."""

from __future__ import annotations

import argparse
import logging as stdlib
import statistics
import time
from typing import Any

from toolscout import events, logs

from benchmarks.local import Local, local


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--chunks", type=int, default=10_000)
    parser.add_argument("--searches", type=int, default=400, help="on each side")


def run(options: argparse.Namespace) -> dict[str, Any]:
    with local(options.chunks) as here:
        logs.configure(here.settings, "bench")
        sides: dict[bool, list[float]] = {True: [], False: []}
        for n in range(options.searches * 2 + 40):
            on = n % 2 == 0
            stdlib.getLogger("toolscout.events").setLevel(stdlib.INFO if on else stdlib.CRITICAL)
            took = _search(here, n)
            if n >= 40:  # the first ones warm up
                sides[on].append(took)
        stdlib.getLogger("toolscout.events").setLevel(stdlib.NOTSET)
        emit_us = _emit_us()
        logs.shutdown()
    with_log, without = statistics.median(sides[True]), statistics.median(sides[False])
    return {
        "ratio": round(with_log / without, 4),
        "search_ms_with": round(with_log * 1000, 3),
        "search_ms_without": round(without * 1000, 3),
        "emit_us": round(emit_us, 2),
        "searches": options.searches,
        "chunks": options.chunks,
    }


def _search(here: Local, n: int) -> float:
    # Each query comes on both sides, as a new text each time: no cached vector.
    query = f"{here.queries[n // 2 % len(here.queries)]} {n}"
    start = time.perf_counter()
    here.search(query)
    return time.perf_counter() - start


def _emit_us(rounds: int = 5000) -> float:
    """CPU of one event, the writer thread's share included."""
    start = time.process_time()
    for n in range(rounds):
        logs.emit(events.SearchServed(search_id="x", query="a query", results=n, latency_ms=1.5))
    logs.shutdown()
    return (time.process_time() - start) / rounds * 1e6
