"""From the commit of a page to the search that finds it, in a gateway that follows the change log."""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
import sqlalchemy as sa
from toolscout.catalogue import changes
from toolscout.catalogue.tables import chunks
from toolscout.encoder import pack

from benchmarks.local import Local, local


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--chunks", type=int, default=10_000)
    parser.add_argument("--commits", type=int, default=40)


def run(options: argparse.Namespace) -> dict[str, Any]:
    with local(options.chunks) as here:
        lags = [_lag(here, n) for n in range(options.commits)]
    return {
        "p50_ms": round(float(np.median(lags)) * 1000, 1),
        "p95_ms": round(float(np.quantile(lags, 0.95)) * 1000, 1),
        "worst_ms": round(max(lags) * 1000, 1),
        "commits": options.commits,
        "chunks": options.chunks,
    }


def _lag(here: Local, n: int) -> float:
    text = f"zyxwv{n} is a tool that nobody has seen before"
    vector = pack(here.gateway.encoder.encode([text]))[0]
    with here.gateway.catalogue.write() as conn:
        row = conn.execute(sa.select(chunks).limit(1)).one()._mapping
        fresh = {k: v for k, v in row.items() if k != "id"} | {"ordinal": 100 + n, "text": text, "vector": vector}
        fresh["version"] = changes.draw(conn)
        conn.execute(sa.insert(chunks).values(**fresh))
        wanted = fresh["version"]
    committed = time.perf_counter()
    while here.gateway.index.version < wanted:
        time.sleep(0.001)
    found = here.gateway.index.search(text, here.gateway.encoder.encode_query(text), 5).hits
    assert found, "the new passage must be found"
    return time.perf_counter() - committed
