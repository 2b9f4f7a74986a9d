"""What a LoRA gains: page → Tool JSON on hosts that it has not seen, by the embedded model before and after training.

Trains by the step finetune_model on captured pages, and measures by the step evaluate: both models served by llama.cpp,
the same prompts, the same JSON grammar; `…_free` without it. Where labels come from is told in training_pages.py: on
held-out pages from structured data and from persons alone.

`field_accuracy`: the mean over pages of the share of their fields that are right: name equal but for case and
punctuation, summary with a token-F1 of .5 or more, category and price equal. `json_valid`: the share of replies that
are one JSON object of the form, as they came. `interval`: 95% paired bootstrap of the gain. `commonest`: what the
commonest answer alone would score. `gguf`: how far the adapter on llama.cpp is from PEFT on transformers, in nats.

Needs torch (make run TRAINER=1). With the defaults it takes an hour or two on two cores; half an hour with --rows 256
--epochs 1 --held 80.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import orjson
from toolscout.catalogue import Catalogue, migrate, runs
from toolscout.settings import Settings

from benchmarks.training_pages import Row, chosen, commonest, read_pages, rows_of, split
from services.trainer import base_model, evaluate, finetune_model, gguf_check
from services.trainer.job import Job, run_step
from services.trainer.scores import labels

STEPS: tuple[tuple[str, Callable[[Job], None]], ...] = (
    ("finetune_model", finetune_model.run),
    ("evaluate", evaluate.run),
)


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rows", type=int, default=600, help="to learn from at most")
    parser.add_argument("--epochs", type=float, default=2)
    parser.add_argument("--held", type=int, default=200, help="held-out pages at most")
    parser.add_argument("--prompts", type=int, default=50, help="on which GGUF and PEFT are compared; 0: none")
    parser.add_argument("--seed", type=int, default=0)


def run(options: argparse.Namespace) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="toolscout-") as directory:
        home = Path(directory)
        settings = Settings(
            _env_file=None,
            data_dir=home / "data",
            models_dir=home / "models",
            log_stdout=False,
            llm="embedded",
            gate_rows=2,
        )
        settings.models_dir.mkdir()
        learn, held = split(read_pages())
        taught = chosen(list(rows_of(learn, settings, teach=True)), options.rows, options.seed)
        measured = chosen(list(rows_of(held, settings, teach=False)), options.held, options.seed)
        print(f"{len(taught)} rows to learn from, {len(measured)} held out", file=sys.stderr)
        found = _Loop(settings, options).run(taught, measured)
        return found | {
            "commonest": commonest(taught, measured),
            "rows_by_field": {"learnt": _by_field(taught), "held_out": _by_field(measured)},
            "rows_held_out": len(measured),
            "epochs": options.epochs,
        }


def _by_field(rows: Sequence[Row]) -> dict[str, int]:
    return dict(sorted(Counter(name for row in rows for name in labels(row)).items()))


class _Loop:
    """A run of the trainer's own steps on these rows, in a catalogue of its own."""

    def __init__(self, settings: Settings, options: argparse.Namespace) -> None:
        self.settings = settings
        self.options = options
        settings.data_dir.mkdir(parents=True)
        self.catalogue = Catalogue(settings.db_url)
        migrate.upgrade(self.catalogue)

    def run(self, taught: Sequence[Row], measured: Sequence[Row]) -> dict[str, Any]:
        try:
            with self.catalogue.write() as conn:
                names = ["combine_datasets", *(name for name, _ in STEPS)]
                options = {"epochs": self.options.epochs, "limit": len(measured)}
                run_id = runs.create(conn, "full", names, self.options.seed, options, "benchmark", time.time())
            self._step(run_id, "combine_datasets", lambda job: _write(job, taught, measured))
            trained, gate = (self._step(run_id, name, work) for name, work in STEPS)
            report = orjson.loads((self.settings.models_dir / "runs" / run_id / evaluate.REPORT).read_bytes())
            return (
                figures(report, trained["figures"])
                | {"gate_s": report["seconds"]}
                | self._gguf(gate["figures"]["adapter"], measured)
            )
        finally:
            self.catalogue.close()

    def _step(self, run_id: str, name: str, work: Callable[[Job], None]) -> dict[str, Any]:
        """The step as it ended. SystemExit where it was not done."""
        start = time.perf_counter()
        run_step(self.settings, self.catalogue, run_id, name, work)
        with self.catalogue.read() as conn:
            step = next(one for one in runs.get(conn, run_id)["steps"] if one["name"] == name)
        print(f"{name}: {step['state']}, {time.perf_counter() - start:.0f} s", file=sys.stderr)
        if step["state"] != runs.DONE:
            raise SystemExit(f"{name}: {step['reason']}. {step['detail']}")
        return step

    def _gguf(self, adapter: str, rows: Sequence[Row]) -> dict[str, Any]:
        prompts = [row["prompt"] for row in rows[: self.options.prompts]]
        if not prompts:
            return {}
        folder = self.settings.models_dir / "adapters" / adapter
        base = base_model.trainable(self.settings)
        return {"gguf": gguf_check.check(base, base_model.embedded_gguf(), folder, prompts)}


def _write(job: Job, taught: Sequence[Row], measured: Sequence[Row]) -> None:
    """Nothing validates: a loss that was looked at while training would make the held-out rows known."""
    for name, rows in (("train", taught), ("validation", []), ("test", measured)):
        job.write_rows(f"sft.{name}.jsonl", rows)


def figures(report: dict[str, Any], trained: dict[str, Any]) -> dict[str, Any]:
    """Of the gate's report and of the training."""
    found: dict[str, Any] = {}
    metrics = report["metrics"] | {"score": report["kinds"]["extraction"]}
    for name, figure in (("field_accuracy", "score"), ("json_valid", "json_valid")):
        for suffix, prefix in (("", ""), ("_free", "free_")):
            one = metrics[prefix + figure]
            found |= {f"{name}_before{suffix}": one["before"], f"{name}_after{suffix}": one["after"]}
            found[f"{name}_gain{suffix}"] = {"gain": one["gain"], "interval": one["interval"]}
    fields = {name.removeprefix("field_"): one for name, one in metrics.items() if name.startswith("field_")}
    per_100 = trained["seconds"] / (trained["rows"] * trained["epochs"]) * 100
    return found | {
        "fields": fields,
        "latency_ms": report["latency_ms"],
        "passed": report["passed"],
        "why_not": report["why_not"],
        "rows": trained["rows"],
        "seconds": trained["seconds"],
        "seconds_per_100_rows": round(per_100, 1),
        "memory_mib": trained["peak_mib"],
        "train_loss": trained["train_loss"],
        "device": trained["device"],
    }
