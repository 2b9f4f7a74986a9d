"""Fine-tunes the language model on the data sets: LoRA on answers and descriptions, then on what visitors rated. Makes
an adapter for llama.cpp, vLLM and transformers; whether it serves is for the steps after this one to say."""

from __future__ import annotations

import errno
import hashlib
import importlib.metadata
import importlib.util
import os
import random
import shutil
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import sqlalchemy as sa
from toolscout.adapters import FILE
from toolscout.errors import LostLease, ToolscoutError

from services.trainer import base_model, gguf_adapter, steps
from services.trainer.job import Job, Skip
from services.trainer.split import TRAIN, VALIDATION

NEEDED = ("torch", "transformers", "peft", "trl")
FOLDER = "adapters"
# With fewer rows a model learns their words and nothing else.
FEWEST = 50
# KTO needs that many answers of each label (Ethayarajh et al., 2024, work with thousands).
FEWEST_RATED = 500
# Tokens of a row: memory grows with the longest. Above it a row is left out, never cut.
LONGEST = 4096
# Where less of a disk than this is free, a write that failed has failed for it.
FULL = 64 << 20

Row = dict[str, Any]


@dataclass(slots=True)
class Data:
    """Rows to learn from, rows to measure the loss on, rated answers; `sources` are the files that they came from."""

    train: list[Row]
    held: list[Row]
    rated: list[Row]
    sources: list[dict[str, Any]]


def run(job: Job) -> None:
    _check_libraries()
    # Read when torch is first imported. Threads that spin while they wait for each other make training on a machine
    # with other work two and a half times slower, and take the processors from that work too.
    os.environ["OMP_WAIT_POLICY"] = "passive"
    base_model.check(job.settings)
    data = _read(job)
    with _telling(job), _tidying(job):
        _quiet()
        job.progress("making the base ready")
        base = base_model.trainable(job.settings)
        provenance = _provenance(job, data, base_model.identity(job.settings))
        start = time.perf_counter()
        model, figures = _trained(job, data, base, provenance)
        figures["seconds"] = round(time.perf_counter() - start, 1)
        job.figures |= figures
        job.progress("writing the adapter")
        _publish(job, model, base, provenance | {"metrics": figures})


def _check_libraries() -> None:
    absent = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if absent:
        raise Skip(f"{', '.join(absent)} is not installed.", reason="no_torch", remedy="Run: make run TRAINER=1")


def _quiet() -> None:
    from services.trainer import lora

    lora.quiet()


# What is learnt from.


def _read(job: Job) -> Data:
    sources = {name: job.find("combine_datasets", f"{name}.jsonl") for name in ("sft.train", "sft.validation")}
    if not all(sources.values()):
        raise ToolscoutError(
            "There is no data set yet.",
            reason="no_data_set",
            remedy="Make one: toolscout train --step combine_datasets",
        )
    sources["kto.train"] = job.find("combine_datasets", "kto.train.jsonl")
    rows = {name: list(job.read_rows(found)) for name, found in sources.items() if found}
    train = _chosen(rows[f"sft.{TRAIN}"], job)
    if len(train) < FEWEST:
        raise Skip(
            f"There are {len(train)} rows to learn from.",
            reason="too_few_rows",
            remedy=f"{FEWEST} are needed: crawl more pages, or gather more ratings.",
        )
    rated = rows.get("kto.train", [])
    up = sum(row["label"] for row in rated)
    if min(up, len(rated) - up) < FEWEST_RATED:
        rated = []
    return Data(train, rows[f"sft.{VALIDATION}"], rated, [found for found in sources.values() if found])


def _chosen(rows: list[Row], job: Job) -> list[Row]:
    """At most `max_rows`: visitors' own before made-up ones, chance among equals."""
    most = job.options.get("max_rows")
    if not most or len(rows) <= most:
        return rows
    mixed = random.Random(f"{job.seed} finetune").sample(rows, len(rows))
    return sorted(mixed, key=lambda row: row["source"] == "synthetic")[:most]


# Training.


def _trained(job: Job, data: Data, base: Path, provenance: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """(the model with its LoRA, figures)."""
    from services.trainer import lora

    machine = lora.Machine.here()
    model, tokenizer = lora.load(base, machine, job.seed)
    train, held, rated = (_fitting(job, tokenizer, model, rows) for rows in (data.train, data.held, data.rated))
    longest = max(row["tokens"] for row in (*train, *held, *rated))
    plan = lora.Plan(
        seed=job.seed,
        epochs=float(job.options.get("epochs") or _epochs(len(train))),
        max_steps=int(job.options.get("max_steps") or -1),
        folder=_checkpoints(job),
        fingerprint=_fingerprint(provenance),
    )
    figures: dict[str, Any] = {"rows": len(train), "rows_held_out": min(len(held), lora.MEASURED)}
    figures |= {"rows_rated": len(rated), "longest_tokens": longest, "device": machine.device, "bf16": machine.bf16}
    figures |= lora.sft(model, tokenizer, train, held, longest, plan, job)
    if rated:
        found = lora.kto(model, tokenizer, rated, longest, plan, job)
        figures |= {f"kto_{name}": value for name, value in found.items()}
    return model, figures | {"peak_mib": machine.peak_mib()}


def _epochs(rows: int) -> int:
    """Few rows are read more often."""
    return 3 if rows < 2000 else 2 if rows < 10_000 else 1


def _fitting(job: Job, tokenizer: Any, model: Any, rows: Sequence[Row]) -> list[Row]:
    """Rows that fit whole, with their number of `tokens`: a cut one would lose its end, which is what it teaches."""
    from services.trainer import lora

    limit = min(LONGEST, getattr(model.config, "max_position_embeddings", LONGEST))
    counted = [row | {"tokens": n} for row, n in zip(rows, lora.lengths(tokenizer, rows), strict=True)]
    fitting = [row for row in counted if row["tokens"] <= limit]
    if len(fitting) < len(counted):
        job.drop("too_long", len(counted) - len(fitting))
    return fitting


def _checkpoints(job: Job) -> Path:
    return job.directory / "checkpoints"


def _fingerprint(provenance: dict[str, Any]) -> str:
    """The same for trainings that would go the same way."""
    return hashlib.sha256(orjson.dumps(provenance, option=orjson.OPT_SORT_KEYS)).hexdigest()


@contextmanager
def _tidying(job: Job) -> Iterator[None]:
    """Takes the checkpoints away, unless somebody is to go on from them."""
    try:
        yield
    except (LostLease, sa.exc.OperationalError):
        raise
    except BaseException:
        shutil.rmtree(_checkpoints(job), ignore_errors=True)
        raise
    shutil.rmtree(_checkpoints(job), ignore_errors=True)


@contextmanager
def _telling(job: Job) -> Iterator[None]:
    """torch and safetensors tell of a full disk and of no memory in words of their own."""
    try:
        yield
    except (ToolscoutError, sa.exc.SQLAlchemyError, OSError):
        raise
    except Exception as error:
        said = str(error).lower()
        if "out of memory" in said or "can't allocate memory" in said:
            raise MemoryError(str(error)) from error
        if "no space left" in said or ("write" in said and shutil.disk_usage(job.settings.models_dir).free < FULL):
            raise OSError(errno.ENOSPC, str(error)) from error
        raise


# What is left behind.


def _provenance(job: Job, data: Data, identity: dict[str, str]) -> dict[str, Any]:
    versions = Counter(row["prompt_version"] for row in data.train)
    return {
        "run": job.run_id,
        "base": identity,
        "data": {one["name"]: {"rows": one["rows"], "sha256": one["sha256"]} for one in data.sources},
        "kinds": dict(sorted(Counter(row["kind"] for row in data.train).items())),
        "prompt_versions": dict(sorted(versions.items())),
        "seed": job.seed,
        "options": {name: job.options[name] for name in ("max_rows", "epochs", "max_steps") if name in job.options},
        "libraries": {name: importlib.metadata.version(name) for name in NEEDED},
    }


def _publish(job: Job, model: Any, base: Path, provenance: dict[str, Any]) -> None:
    """models/adapters/RUN, made beside and renamed: it is there whole or not at all."""
    from services.trainer import lora

    where = job.settings.models_dir / FOLDER / job.run_id
    new = where.with_name(f".{where.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    try:
        lora.save(model, new, provenance["base"]["id"])
        gguf_adapter.convert(new, base, new / FILE)
        for name in ("provenance", "metrics"):
            found = provenance["metrics"] if name == "metrics" else provenance
            (new / f"{name}.json").write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2) + b"\n")
        (new / "card.md").write_text(_card(provenance), encoding="utf-8")
        shutil.rmtree(where, ignore_errors=True)
        new.rename(where)
    finally:
        shutil.rmtree(new, ignore_errors=True)
    for file in sorted(where.iterdir()):
        job.note(file)


def _card(provenance: dict[str, Any]) -> str:
    """For people: what it is, what it learnt from, how it went."""
    metrics, base = provenance["metrics"], provenance["base"]
    lines = [
        f"# Adapter {provenance['run']}",
        "",
        f"A LoRA for `{base['id']}` (sha256 `{base['sha256']}`): `adapter.gguf` for llama.cpp, the other two for"
        " vLLM, PEFT and transformers.",
        "",
        f"Trained on {metrics['rows']} rows ({_counts(provenance['kinds'])}), seed {provenance['seed']}, in"
        f" {metrics['steps']} steps, {metrics['seconds']} s on {metrics['device']}.",
        "",
        "| | before | after |",
        "|---|---|---|",
        f"| loss on {metrics['rows_held_out']} held-out rows | {_loss(metrics['eval_loss_before'])}"
        f" | {_loss(metrics['eval_loss_after'])} |",
        "",
        "| data | rows | sha256 |",
        "|---|---|---|",
        *(f"| {name} | {one['rows']} | `{one['sha256']}` |" for name, one in provenance["data"].items()),
        "",
        "The loss says that it learnt, not that it is better: for that see the report of its gate.",
    ]
    return "\n".join(lines) + "\n"


def _counts(found: dict[str, int]) -> str:
    return ", ".join(f"{n} {name}" for name, n in found.items())


def _loss(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.3f}"


if __name__ == "__main__":
    steps.script(__name__)
