"""`python -m benchmarks NAME [--json] [options]`: measures ratios, both sides in one run.

Each run also notes its figures, with machine, date and command, in benchmarks/results.json.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import shlex
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"
# In the order in which a page travels, what takes longest last; each is a module of this package with add_options() and
# run().
NAMES = (
    "extraction",
    "metadata",
    "process",
    "retrieval",
    "retriever",
    "search",
    "http",
    "lag",
    "logging",
    "load",
    "llm",
    "datasets",
    "feedback",
    "startup",
    "memory",
    "training",
)


def machine() -> str:
    """Processor, cores, memory: what figures depend on."""
    model = platform.processor() or platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
        memory = f", {os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB"
    except (OSError, ValueError):
        memory = ""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{model}, {cores} cores{memory}, Python {platform.python_version()}"


def note(name: str, figures: dict[str, Any], command: str) -> None:
    """Puts figures into results.json; the other benchmarks' stay."""
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    date = datetime.now(UTC).strftime("%Y-%m-%d")
    known[name] = {"figures": figures, "machine": machine(), "date": date, "command": command}
    temp = RESULTS.with_suffix(".new")
    temp.write_text(json.dumps(known, indent=2, sort_keys=True, ensure_ascii=False) + "\n")
    temp.replace(RESULTS)


def parser_of(name: str) -> tuple[argparse.ArgumentParser, Any]:
    module = importlib.import_module(f"benchmarks.{name}")
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks {name}", description=module.__doc__)
    parser.add_argument("--json", action="store_true", help="the last line is one JSON object")
    module.add_options(parser)
    return parser, module


def measure(name: str, args: list[str]) -> dict[str, Any]:
    parser, module = parser_of(name)
    options = parser.parse_args(args)
    start = time.perf_counter()
    figures = module.run(options)
    took = time.perf_counter() - start
    note(name, figures, shlex.join(["python", "-m", "benchmarks", name, *(a for a in args if a != "--json")]))
    if options.json:
        print(json.dumps(figures, ensure_ascii=False))
    else:
        print(f"{name} ({took:.0f} s)\n{json.dumps(figures, indent=2, ensure_ascii=False)}")
    return figures


def main() -> None:
    # As the supervisor does: on a busy machine, threads that wait for each other take ten times as long.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    args = sys.argv[1:]
    if not args or args[0] in {"-h", "--help"}:
        print(f"{(__doc__ or '').strip()}\n\nNAME is all, or one of: {', '.join(NAMES)}")
        return
    name, rest = args[0], args[1:]
    if name != "all" and name not in NAMES:
        sys.exit(f"There is no benchmark {name!r}. There are: all, {', '.join(NAMES)}")
    for one in NAMES if name == "all" else [name]:
        measure(one, rest)


if __name__ == "__main__":
    main()
