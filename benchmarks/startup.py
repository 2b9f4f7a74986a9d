"""Seconds from `toolscout up` to a system that answers searches, on a new data directory and on one with data."""

from __future__ import annotations

import argparse
import statistics
from typing import Any

from benchmarks.system import running


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rounds", type=int, default=3)


def run(options: argparse.Namespace) -> dict[str, Any]:
    times = []
    for _ in range(options.rounds):
        with running() as system:
            times.append(system.ready_s)
    return {"ready_s": round(statistics.median(times), 2), "worst_s": round(max(times), 2), "rounds": options.rounds}
