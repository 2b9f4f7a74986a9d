"""How long, and how much memory, the search log takes to become a data set: both steps, in a process of their own."""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa
from toolscout.catalogue import Catalogue
from toolscout.catalogue.tables import chunks, feedback, searches, tools
from toolscout.settings import Settings

from benchmarks.local import fill, queries
from services.trainer import steps

CHUNKS = 3000
# Of the searches so many are rated, each by a session of about eight searches.
RATED, A_SESSION = 0.3, 8
BATCH = 5000
STEPS = ("generate_finetuning_data", "combine_datasets")


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--searches", type=int, default=20_000, help="in the log; the goal is 100000 within 120 s and 1 GB"
    )


def run(options: argparse.Namespace) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="toolscout-") as directory:
        where = Path(directory)
        (where / "models").mkdir()
        (where / "models" / "encoder").symlink_to(Settings(_env_file=None).encoder_dir)
        settings = Settings(_env_file=None, data_dir=where / "data", models_dir=where / "models", log_stdout=False)
        fill(settings, CHUNKS)
        log(settings, options.searches)
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            return {"searches": options.searches} | pool.apply(_measured, (str(where),))


def _measured(where: str) -> dict[str, Any]:
    settings = Settings(
        _env_file=None, data_dir=Path(where, "data"), models_dir=Path(where, "models"), log_stdout=False
    )
    catalogue = Catalogue(settings.db_url)
    start = time.perf_counter()
    run_id = steps.create(catalogue, STEPS, "benchmark")
    done = steps.run_here(settings, catalogue, run_id, lambda _: None)
    took = time.perf_counter() - start
    if done["state"] != "done":
        raise SystemExit("\n".join(steps.report(done)))
    last = done["steps"][-1]
    return {
        "seconds": round(took, 1),
        "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "rows": {name: sum(last["figures"][name].values()) for name in ("sft", "kto", "triples")},
        "step_seconds": {one["name"]: round(one["ended_at"] - one["started_at"], 1) for one in done["steps"]},
    }


def log(settings: Settings, count: int) -> None:
    """Searches with real questions and passages: half of those that are rated quote one, all show ten tools."""
    catalogue = Catalogue(settings.db_url)
    rng = np.random.default_rng(7)
    asked = queries(4000)
    with catalogue.read() as conn:
        passages = conn.execute(
            sa.select(chunks.c.id, chunks.c.tool_id, chunks.c.text, tools.c.name).join(
                tools, tools.c.id == chunks.c.tool_id
            )
        ).all()
    for start in range(0, count, BATCH):
        rows, said = [], []
        for n in range(start, min(start + BATCH, count)):
            shown = [passages[int(i)] for i in rng.integers(0, len(passages), 10)]
            row, session = _search(n, asked[int(rng.integers(len(asked)))], shown), f"s{n // A_SESSION}"
            rows.append(row | {"session_id": session})
            if rng.random() < RATED:
                rating = {"search_id": row["id"], "session_id": session, "created_at": float(n)}
                rating |= {
                    "tool_id": int(shown[0].tool_id) if n % 2 else 0,
                    "rating": "down" if rng.random() < 0.2 else "up",
                }
                said.append(rating)
        with catalogue.write() as conn:
            conn.execute(sa.insert(searches), rows)
            conn.execute(sa.insert(feedback), said)
    catalogue.close()


def _search(n: int, query: str, shown: list[sa.Row]) -> dict[str, Any]:
    first = shown[0]
    sentence = first.text.split(". ")[0].strip(".")
    answer = {
        "text": f"{first.name}: {sentence}. [1]",
        "citations": [{"n": 1, "chunk_id": first.id, "tool_id": first.tool_id}],
        "source": "llm" if n % 4 == 0 else "extractive",
    }
    return {
        "id": f"{n:08}",
        "created_at": float(n),
        "ab_group": "stable",
        "counted": True,
        "arm": {"served_by": "stable", "passages": []},
        "query": f"{query} {n % 97}",
        "filters": {},
        "results": [{"tool_id": p.tool_id, "score": 0.6, "chunks": [p.id]} for p in shown],
        "no_match": False,
        "answer": answer,
        "index_version": 1,
        "encoder": "",
        "timings": {},
    }
