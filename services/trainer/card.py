"""The data card: what the sets hold, what they were made of, what was left out and why."""

from __future__ import annotations

from collections import Counter
from typing import Any

from services.trainer.job import Job
from services.trainer.split import SPLITS

# Fields by which rows are counted.
BY = ("kind", "source", "language", "group", "label")


class Card:
    """Counts rows as they are written. Nothing in it depends on when or where it was made."""

    def __init__(self, job: Job, inputs: dict[str, list[dict[str, Any]]]) -> None:
        self._job = job
        self._inputs = inputs
        self.state: dict[str, Any] = {}
        self.counts: dict[str, dict[str, int]] = {name: dict.fromkeys(SPLITS, 0) for name in inputs}
        self._by: dict[str, dict[str, Counter[str]]] = {name: {by: Counter() for by in BY} for name in inputs}
        self._times: dict[str, list[float]] = {}

    def count(self, name: str, split: str, row: dict[str, Any]) -> None:
        self.counts[name][split] += 1
        for by in BY:
            if row.get(by) is not None:
                self._by[name][by][str(row[by])] += 1
        if row["source"] != "synthetic":
            first, last = self._times.get(name, [row["at"], row["at"]])
            self._times[name] = [min(first, row["at"]), max(last, row["at"])]

    def json(self) -> dict[str, Any]:
        return {
            "sets": {
                name: {
                    "rows": counts,
                    "by": {by: dict(sorted(n.items())) for by, n in self._by[name].items() if n},
                    "first_and_last_at": self._times.get(name),
                }
                for name, counts in self.counts.items()
            },
            "inputs": {
                name: [{key: one[key] for key in ("name", "rows", "sha256")} for one in some]
                for name, some in self._inputs.items()
            },
            "files": {one["name"]: one["sha256"] for one in sorted(self._job.artefacts, key=lambda one: one["name"])},
            "left_out": dict(sorted(self._job.drops.items())),
            "seed": self._job.seed,
            **self.state,
        }

    def markdown(self) -> str:
        found = self.json()
        lines = ["# Data card", "", "| set | " + " | ".join(SPLITS) + " |", "|---|" + "---|" * len(SPLITS)]
        lines += [
            f"| {name} | " + " | ".join(str(one["rows"][split]) for split in SPLITS) + " |"
            for name, one in found["sets"].items()
        ]
        lines += [
            "",
            "`sft`: prompt and completion. `kto`: answers with a label. `triples`: a question, a passage that answers"
            " it, passages that do not.",
            "Like questions are in one split; the newest tenth of what visitors asked is in `test`.",
            "No row holds a session or an address; e-mail addresses, phone and card numbers are taken out.",
            "",
            f"Seed {found['seed']}, encoder {found.get('encoder')}, prompt {found.get('prompt')}.",
        ]
        for name, one in found["sets"].items():
            for by, counts in one["by"].items():
                lines.append(f"- {name} by {by}: " + ", ".join(f"{key} {n}" for key, n in counts.items()))
        lines += ["", "Left out:", *(f"- {reason}: {n}" for reason, n in found["left_out"].items())]
        lines += ["", "Made of:"]
        lines += [
            f"- {one['name']}, {one['rows']} rows, sha256 {one['sha256']}"
            for some in found["inputs"].values()
            for one in some
        ]
        lines += ["", "Files:", *(f"- {name}: sha256 {sha}" for name, sha in found["files"].items())]
        return "\n".join(lines) + "\n"
