"""Whether the search learns from its visitors, end to end over HTTP: nDCG@10 on questions that nobody asked.

For each taste a system of its own: the set's tools go in, simulated visitors search and rate, the pipeline runs, what
it deploys is promoted. `known`: visitors who rate up what answers. `random`: any result, up or down. `poisoned`: one
session that rates up what does not answer, once for all its searches. No adapter serves at first.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from toolscout.query_adapter import NONE, POINTERS
from toolscout.settings import Settings

from benchmarks.system import SHARED, System, running
from services import simulate

STEPS = ["generate_finetuning_data", "combine_datasets", "train_query_adapter", "deploy"]
PATIENCE_S = 300


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data", type=Path, default=SHARED / "data" / "retrieval" / "metatool", help="a set in BEIR form"
    )
    parser.add_argument("--visitors", type=int, default=80, help="of each taste but poisoned")
    parser.add_argument("--searches", type=int, default=6, help="of each visitor")
    parser.add_argument("--poison", type=int, default=600, help="searches and ratings of the one poisoned session")
    parser.add_argument("--unseen", type=int, default=200, help="questions to measure on, 0: all")
    parser.add_argument("--taste", choices=simulate.TASTES, action="append", help="only these")


def run(options: argparse.Namespace) -> dict[str, Any]:
    if not options.data.exists():
        raise SystemExit(f"{options.data} is not there: name a set with --data")
    return {taste: one(options, taste) for taste in options.taste or simulate.TASTES}


def one(options: argparse.Namespace, taste: Any) -> dict[str, Any]:
    world = simulate.read(options.data)
    with unadapted() as system:
        key = system.admin_key
        simulate.load(system.url, key, world, lambda _: None)
        before = simulate.measure(system.url, world, options.unseen)
        visitors, searches = (1, options.poison) if taste == "poisoned" else (options.visitors, options.searches)
        said = simulate.visit(system.url, world, taste, visitors, searches, 0.9, 1)
        started = time.perf_counter()
        steps = pipeline(system)
        took = time.perf_counter() - started
        trained, last = (steps[STEPS.index(name)] for name in ("train_query_adapter", "deploy"))
        deployed = bool((last["figures"] or {}).get("deployed")) and promote(system)
        after = simulate.measure(system.url, world, options.unseen)
    return {
        **said,
        "pipeline_s": round(took, 1),
        "state": trained["state"],
        "why_not": trained["reason"] or (trained["figures"] or {}).get("why_not"),
        "gate_gain": (trained["figures"] or {}).get("gain"),
        "deployed": deployed,
        "left_out": {reason: n for step in steps for reason, n in (step["drops"] or {}).items()},
        "before": before,
        "after": after,
    }


@contextmanager
def unadapted(**settings: object) -> Iterator[System]:
    """A system whose search has learnt nothing yet, with a models directory of its own."""
    with tempfile.TemporaryDirectory(prefix="toolscout-models-") as directory:
        models = Path(directory)
        (models / "encoder").symlink_to(Settings(_env_file=None).encoder_dir)
        (models / POINTERS["stable"]).write_text(NONE)
        with running(models_dir=models, llm="off", **settings) as system:
            yield system


def pipeline(system: System, steps: list[str] | None = None) -> list[dict[str, Any]]:
    """Runs the steps by the API and returns them as they ended."""
    with system.client(headers={"Authorization": f"Bearer {system.admin_key}"}) as operator:
        made = operator.post("/api/v1/pipeline/runs", json={"kind": "train", "steps": steps or STEPS}).json()
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            found = operator.get(f"/api/v1/pipeline/runs/{made['run_id']}").json()
            if found["ended_at"]:
                return found["steps"]
            time.sleep(0.3)
    raise RuntimeError(f"the run did not end: {found}")


def promote(system: System) -> bool:
    """Promotes the candidate that was deployed; whether there was one."""
    with system.client(headers={"Authorization": f"Bearer {system.admin_key}"}) as operator:
        operator.post("/api/v1/search", json={"query": "wake up"}).raise_for_status()
        until = time.monotonic() + 10
        while time.monotonic() < until:
            items = operator.get("/api/v1/experiments").json()["items"]
            if current := next((item for item in items if item["current"]), None):
                operator.put(f"/api/v1/experiments/{current['id']}", json={"action": "promote"}).raise_for_status()
                time.sleep(1.5)
                return True
            time.sleep(0.3)
            operator.post("/api/v1/search", json={"query": "wake up"}).raise_for_status()
    return False
