"""Makes the query adapter that comes with the code: `python -m services.trainer.first_query_adapter --data DIR…`

DIR holds tool retrieval sets in BEIR form. The adapter learns from all of their queries, and passes its gate only if an
adapter of half of them gains on the other half, and an adapter of all sets but one gains on that one. A developer's
command: it measures with benchmarks/, which are not installed. With OMP_NUM_THREADS=1 it takes a fraction of the time.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from toolscout.encoder import Encoder
from toolscout.query_adapter import FOLDER, SHIPPED
from toolscout.settings import Settings

from benchmarks.retriever import by_halves, encoded, leave_one_out
from services.trainer.query_adapter import FOREIGN, train
from services.trainer.retrieval_sets import Encoded, pairs_of

FILES = ("corpus.jsonl", "queries.jsonl", "qrels.tsv")

CARD = """# Query adapter `{name}`

A linear map of MiniLM's query vectors: W (384 × 384) and b, trained from identity by
`python -m services.trainer.first_query_adapter`. Passages and index stay as they are.

- Trained on {pairs} pairs of a query and a tool that answers it, of {sets} public sets under MIT or Apache-2.0, from
  MetaTool, ToolAlpaca, Seal-Tools, StableToolBench, LiveMCPBench and Gorilla's APIBench. It holds no text of theirs.
- Licence: Apache-2.0, as the code.
- Their queries are English. Nothing was learnt for Korean ones.
- Encoder {encoder}; another one refuses it. Seed {seed}.

Gain in nDCG@10 of the fused ranking (cosine + 0.02·BM25) over no adapter, with 95% intervals. *Halves*: of an adapter
of half of the queries, on the other half. *Left out*: of an adapter of the other sets.
"""


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="folders of sets in BEIR form, or sets")
    parser.add_argument("--out", type=Path, default=Settings().models_dir / FOLDER / SHIPPED)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    report = make(options.data, options.out, options.seed)
    print(json.dumps(report, indent=2))


def make(folders: Sequence[Path], out: Path, seed: int) -> dict[str, Any]:
    """Trains, judges, writes the folder `out`; returns the report."""
    sets = encoded(folders, 0, 0)
    before = {name: one.ndcg(range(len(one.queries))) for name, one in sets.items()}
    splits = {
        "halves": by_halves(sets, before, seed, FOREIGN),
        "leave_one_out": leave_one_out(sets, before, seed),
    }
    report: dict[str, Any] = {"passed": all(part["passed"] for part in splits.values()), **splits}
    pairs = pairs_of([(one, np.arange(len(one.queries))) for one in sets.values()])
    provenance = {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "encoder": Encoder(Settings().encoder_dir).sha,
        "data": data_of(folders, sets),
        "pairs": len(pairs),
        "seed": seed,
        "options": FOREIGN.asdict(),
        "gate": {"passed": report["passed"]},
        "metrics": {name: {key: part[key] for key in ("gain", "interval")} for name, part in splits.items()},
    }
    train(pairs, seed, FOREIGN, name=out.name).save(out, provenance, card(out.name, provenance, report))
    (out / "report.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return report


def data_of(folders: Sequence[Path], sets: Mapping[str, Encoded]) -> dict[str, dict[str, Any]]:
    """Counts, and the digest of each file, of each set."""
    found = {path.parent.name: path.parent for folder in folders for path in folder.glob("**/qrels.tsv")}
    return {
        name: {
            "queries": len(one.queries),
            "docs": len(one.docs),
            "sha256": {file: hashlib.sha256((found[name] / file).read_bytes()).hexdigest() for file in FILES},
        }
        for name, one in sets.items()
    }


def card(name: str, provenance: Mapping[str, Any], report: Mapping[str, Any]) -> str:
    halves, left = report["halves"], report["leave_one_out"]
    rows = [(one, halves["sets"].get(one), left["sets"].get(one)) for one in provenance["data"]]
    rows.append(("mean", halves, left))
    table = "\n".join(f"| {one} | {_figure(a)} | {_figure(b)} |" for one, a, b in rows)
    about = CARD.format(name=name, sets=len(provenance["data"]), **provenance)
    return f"{about}\n| set | halves | left out |\n|---|---|---|\n{table}\n"


def _figure(report: Mapping[str, Any] | None) -> str:
    if report is None:
        return "–"
    low, high = report["interval"]
    return f"{report['gain']:+.3f} ({low:+.3f} to {high:+.3f})"


if __name__ == "__main__":
    main()
