"""The gate: asks the adapter that was trained and the model that serves the same held-out questions and pages, both
served as they would be, and says whether the adapter may go on."""

from __future__ import annotations

import contextlib
import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson
from toolscout.adapters import FILE
from toolscout.catalogue import runs
from toolscout.errors import ToolscoutError
from toolscout.settings import Settings

from services.trainer import base_model, judge, steps
from services.trainer.asking import Asker, Said
from services.trainer.cases import MOST, Case, cases_of
from services.trainer.job import Job, Skip, sha256_of
from services.trainer.served import BrokenAdapter
from services.trainer.sides import AFTER, BEFORE, Sides, sides
from services.trainer.verdict import Thresholds, judged, markdown

REPORT, FOR_PEOPLE = "report.json", "report.md"
# What is known of each row already, for whoever comes after a kill.
PARTIAL = ".evaluate.partial.jsonl"


@dataclass(frozen=True, slots=True)
class Adapter:
    """What finetune_model made: `folder` is models/adapters/<id>."""

    id: str
    folder: Path
    sha256: str


def run(job: Job) -> None:
    adapter = _adapter(job)
    _check_base(job.settings, adapter)
    cases = cases_of(job)
    allowed = Thresholds.of(job.settings)
    _enough(len(cases), allowed)
    start = time.perf_counter()
    job.progress("starting the models")
    with sides(job, adapter.folder) as both:
        rows = _Measuring(job, adapter, both).rows(cases)
    _enough(len(rows), allowed)
    report = judged(rows, allowed) | {
        "adapter": adapter.id,
        "adapter_sha256": adapter.sha256,
        "run": job.run_id,
        "base": base_model.identity(job.settings),
        "stable": both.stable.model,
        "candidate": both.candidate.model,
        "served_by": "embedded" if both.candidate.endpoint.embedded else "external",
        "origins": dict(sorted(Counter(case.origin for case in cases).items())),
        "left_out": dict(sorted(job.drops.items())),
        "limit": int(job.options.get("limit") or MOST),
        "thresholds": asdict(allowed),
        "seconds": round(time.perf_counter() - start, 1),
    }
    _publish(job, adapter, report)
    job.figures |= {name: report[name] for name in ("adapter", "passed", "why_not", "rows", "gain", "interval")}
    job.figures |= {name: one["after"] for name, one in report["kinds"].items()}
    (job.directory / PARTIAL).unlink(missing_ok=True)


# What is measured.


def _adapter(job: Job) -> Adapter:
    """The adapter of this run, or the newest where this run trains none. Raises Skip."""
    found = job.find("finetune_model", FILE)
    with job.catalogue.read() as conn:
        trains = any(step["name"] == "finetune_model" for step in runs.get(conn, job.run_id)["steps"])
    if found is None or (trains and found["run_id"] != job.run_id):
        raise Skip(
            "No adapter was trained.",
            reason="nothing_trained",
            remedy="See why the step finetune_model made none, or: toolscout train --step finetune_model",
        )
    file = job.settings.models_dir / found["path"]
    if not file.exists() or sha256_of(file) != found["sha256"]:
        raise BrokenAdapter(f"{found['path']} is gone or has been changed since run {found['run_id']} made it.")
    return Adapter(file.parent.name, file.parent, found["sha256"])


def _check_base(settings: Settings, adapter: Adapter) -> None:
    """Raises ToolscoutError where the adapter was made for another model than the one that is served."""
    try:
        made_for = orjson.loads((adapter.folder / "provenance.json").read_bytes())["base"]
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError):
        made_for = None
    if made_for != base_model.identity(settings):
        raise ToolscoutError(
            f"Adapter {adapter.id} was made for {(made_for or {}).get('id', 'nobody knows what')}, another base.",
            reason="another_base",
            remedy="Train one for what is served: toolscout train --step finetune_model",
        )


def _enough(rows: int, allowed: Thresholds) -> None:
    if rows < allowed.rows:
        raise Skip(
            f"There are {rows} rows to measure on.",
            reason="too_few_rows",
            remedy=f"{allowed.rows} are needed: crawl more, gather more ratings, or put rows into data/evaluation.",
        )


# Asking.


class _Measuring:
    """Rows of the report, each asked of both sides in turn, so that a busy machine is busy for both."""

    def __init__(self, job: Job, adapter: Adapter, both: Sides) -> None:
        self.job = job
        self.both = both
        self.judge = judge.judge_of(job.settings)
        # Whoever measured other models has measured something else.
        judge_name = f"{self.judge.base} {self.judge.model}" if self.judge else ""
        self.of = f"{adapter.sha256} {both.stable.model} {judge_name}"
        self.kept = job.directory / PARTIAL

    def rows(self, cases: Sequence[Case]) -> list[dict[str, Any]]:
        known = dict(_read(self.kept, self.of))
        found = []
        endpoints = [where for _, where in self.both.each()]
        with Asker(self.job.settings, *endpoints, *([self.judge] if self.judge else [])) as asker:
            for n, case in enumerate(cases):
                self.job.progress("asking both models", n, len(cases))
                if case.key not in known:
                    known[case.key] = self._row(asker, case)
                    self._keep(case.key, known[case.key])
                found.append(known[case.key])
        refused = sum(row["before"] is None for row in found)
        if refused:
            self.job.drop("prompt_not_taken", refused)
        return [row for row in found if row["before"] is not None]

    def _row(self, asker: Asker, case: Case) -> dict[str, Any]:
        said = {side: asker.ask(where, case) for side, where in self.both.each()}
        free = {side: asker.ask(where, case, grammar=False) for side, where in self.both.each()} if case.form else {}
        row: dict[str, Any] = {"kind": case.kind, "verdict": None}
        if not all((*said.values(), *free.values())):
            return row | {BEFORE: None, AFTER: None}
        if self.judge and case.kind in judge.JUDGED:
            where, texts = self.judge, {side: one.text for side, one in said.items() if one}
            row["verdict"] = judge.verdict(
                case, texts[BEFORE], texts[AFTER], lambda *asked: asker.fill_in(where, *asked)
            )
        return row | {side: self._figures(case, one, free.get(side)) for side, one in said.items() if one}

    def _figures(self, case: Case, said: Said, free: Said | None) -> dict[str, float]:
        needed = self.job.settings.support_score
        figures = case.figures(said.text, needed)
        if free:
            figures |= {f"free_{name}": value for name, value in case.figures(free.text, needed).items()}
        return figures | {"ms": said.ms, "tokens_in": said.tokens_in, "tokens_out": said.tokens_out}

    def _keep(self, key: str, row: dict[str, Any]) -> None:
        line = orjson.dumps({"key": key, "of": self.of, "row": row}, option=orjson.OPT_APPEND_NEWLINE)
        with self.kept.open("ab") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())


def _read(path: Path, of: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """(key, row) of each that was measured on the same models; a kill may have cut the last line."""
    if not path.exists():
        return
    for line in path.read_bytes().splitlines():
        with contextlib.suppress(orjson.JSONDecodeError):
            found = orjson.loads(line)
            if found["of"] == of:
                yield found["key"], found["row"]


# What is left behind.


def _publish(job: Job, adapter: Adapter, report: dict[str, Any]) -> None:
    """The report into the run, and beside the adapter: somebody may ask why it serves or not."""
    text = orjson.dumps(report, option=orjson.OPT_INDENT_2).decode() + "\n"
    for name, written in ((REPORT, text), (FOR_PEOPLE, markdown(report))):
        job.write_text(name, written)
        new = adapter.folder / f".{name}.new"
        new.write_text(written, encoding="utf-8")
        new.replace(adapter.folder / name)


if __name__ == "__main__":
    steps.script(__name__)
