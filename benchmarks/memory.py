"""PSS of all processes together, idle and after a batch of pages and searches (shared pages count once)."""

from __future__ import annotations

import argparse
from typing import Any

from benchmarks.system import System, captured_web, running


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--pages", type=int, default=60)


def pss_mb(system: System) -> dict[str, float]:
    """Megabytes by process name, and their total."""
    found: dict[str, float] = {}
    for process in system.processes():
        name = next((part for part in process.cmdline() if part.startswith("services")), process.name())
        found[name] = found.get(name, 0.0) + process.memory_full_info().pss / 1e6
    return {name: round(mb, 1) for name, mb in found.items()} | {"total": round(sum(found.values()), 1)}


def run(options: argparse.Namespace) -> dict[str, Any]:
    with captured_web(options.pages) as web, running(allow_hosts=web.allow, host_delay=0) as system:
        idle = pss_mb(system)
        with system.client() as client:
            urls = [row["url"] for row in web.rows]
            client.post("/api/v1/process_url", json={"urls": urls[:1000], "wait": True}).raise_for_status()
            for row in web.rows[:100]:
                client.post("/api/v1/search", json={"query": row["original_url"]}).raise_for_status()
        return {"idle_mb": idle, "after_mb": pss_mb(system), "pages": len(web.rows)}
