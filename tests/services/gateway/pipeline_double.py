"""The pipeline's part of the canned API: runs that start, go on as a test says, and are cancelled."""

from __future__ import annotations

import copy
from typing import Any

STEPS = ["generate_finetuning_data", "generate_synthetic_data", "combine_datasets", "train_query_adapter"]
AT = 1764072000.0
SHA = "3f79bb7b435b05321651daefd374cdc681dc06faa65e374e38337b88ca046dea"

MADE: dict[str, dict[str, Any]] = {
    "generate_finetuning_data": {
        "figures": {
            "searches": 48210,
            "with_a_rating_or_mark": 1834,
            "sessions": 911,
            "by_kind": {"answer": 640, "correction": 12, "retrieval": 1507},
            "by_group": {"candidate": 214, "stable": 1945},
        },
        "drops": {
            "citation_unsupported": 61, "lukewarm": 244, "network_cap": 9, "no_signal": 44102, "not_counted": 2274,
            "not_in_prompt": 3, "page_changed": 118, "quoted_down": 31, "session_cap": 17, "solar_flare": 1,
        },
        "artefacts": ["finetuning.jsonl", "kto.jsonl", "retrieval.jsonl"],
    },
    "generate_synthetic_data": {
        "figures": {
            "tools": 1804,
            "by_kind": {"answer": 2100, "extraction": 790, "refusal": 515, "triple": 3320},
            "by_language": {"en": 5903, "ko": 822},
            "rows_by": {"templates": 6725},
            "by": "templates",
            "why": "embedded_model_too_small",
        },
        "drops": {"no_text": 12, "personal_data": 2},
        "artefacts": ["synthetic.jsonl", "synthetic_triples.jsonl"],
    },
    "combine_datasets": {
        "figures": {
            "sft": {"train": 2204, "validation": 271, "test": 280},
            "kto": {"train": 402, "validation": 51, "test": 47},
            "triples": {"train": 3801, "validation": 466, "test": 471},
        },
        "drops": {"duplicate": 73, "evaluation_overlap": 25, "near_duplicate": 310, "unbalanced": 96},
        "artefacts": ["sft.train.jsonl", "sft.train.parquet", "card.md"],
    },
    "train_query_adapter": {
        "figures": {
            "pairs": 3801,
            "train_s": 4.02,
            "passed": True,
            "why_not": [],
            "gain": 0.03142,
            "interval": [0.01204, 0.05077],
            "deployed": False,
            "deployed_why_not": "experiment exp-2 is running",
        },
        "drops": {},
        "artefacts": ["adapter.npz", "provenance.json"],
    },
}  # fmt: skip


def step(name: str, state: str, **values: Any) -> dict[str, Any]:
    row = {"name": name, "state": state, "tries": 0, "figures": {}, "drops": {}, "artefacts": []}
    row |= dict.fromkeys(("reason", "detail", "doing", "done", "total", "started_at", "ended_at"))
    return row | values


def done(name: str, start: float = AT, took: float = 83.4) -> dict[str, Any]:
    made = MADE.get(name, {"figures": {"rows": 3}, "drops": {}, "artefacts": ["report.json"]})
    files = [
        {"name": file, "path": f"runs/x/{file}", "rows": 2204 if "json" in file else None, "bytes": 1_834_201}
        | {"sha256": SHA, "there": file != "kto.jsonl"}
        for file in made["artefacts"]
    ]
    ended = {"tries": 1, "started_at": start, "ended_at": start + took}
    return step(name, "done", figures=made["figures"], drops=made["drops"], artefacts=files, **ended)


def run(name: str, state: str, steps: list[dict[str, Any]], **values: Any) -> dict[str, Any]:
    row = {"id": name, "kind": "train", "state": state, "seed": 7, "asked_by": "operator", "waits_for": None}
    row |= {"options": {"source": "catalogue"}, "created_at": AT, "cancel_at": None, "steps": steps}
    return row | {"ended_at": None if state in ("queued", "running") else AT + 400} | values


def whole(name: str = "1a2b3c4d5e6f") -> dict[str, Any]:
    return run(name, "done", [done(one, AT + 100 * n) for n, one in enumerate(STEPS)])


def failed(name: str = "deadbeef0000") -> dict[str, Any]:
    why = {"reason": "disk_full", "detail": "[Errno 28] No space left on device", "tries": 2, "started_at": AT}
    skipped = [step(one, "skipped", reason="generate_synthetic_data_failed", ended_at=AT + 90) for one in STEPS[2:]]
    broken = step(STEPS[1], "failed", ended_at=AT + 90, drops={"no_text": 3}, **why)
    return run(name, "failed", [done(STEPS[0]), broken, *skipped], asked_by="command")


class Pipeline:
    def __init__(self) -> None:
        self.runs: list[dict[str, Any]] = []
        self.files: dict[str, Any] = {}  # by step/name
        self.queue = True
        self.next: dict[str, Any] = {"due": False, "at": AT + 86400, "ratings": 12, "of": 500}

    def goes_on(self, **values: Any) -> None:
        """The newest run's first step works and is so far."""
        self.runs[0]["state"] = "running"
        self.runs[0]["steps"][0] |= {"state": "running", "tries": 1, "started_at": AT} | values

    def ends(self, state: str = "done") -> None:
        self.runs[0] |= {"state": state, "ended_at": AT + 400}
        self.runs[0]["steps"] = [done(one["name"]) for one in self.runs[0]["steps"]]

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> tuple[int, Any]:
        if path == "":
            return 200, {"steps": STEPS, "queue": self.queue, "next": self.next}
        if path == "runs" and method == "POST":
            return 202, self._start(body)
        if path == "runs":
            start, size = int(query.get("offset", 0)), int(query["limit"])
            return 200, {"total": len(self.runs), "items": copy.deepcopy(self.runs[start : start + size])}
        _, name, *what = path.split("/")
        if what and what[0] == "artefacts":
            return 200, self.files["/".join(what[1:])]
        found = next(one for one in self.runs if one["id"] == name)
        if what == ["cancel"]:
            self._cancel(found)
        return 200, copy.deepcopy(found)

    def _start(self, body: dict[str, Any]) -> dict[str, Any]:
        name = f"run{len(self.runs)}"
        steps = [step(one, "queued") for one in body.get("steps") or STEPS]
        waits = None if self.queue else f"toolscout train --resume {name}"
        values = {"seed": body["seed"], "options": {"source": body["source"]}, "waits_for": waits}
        self.runs.insert(0, run(name, "queued", steps, created_at=AT + 1000 * len(self.runs), **values))
        return copy.deepcopy(self.runs[0])

    @staticmethod
    def _cancel(found: dict[str, Any]) -> None:
        found["cancel_at"] = AT
        for one in found["steps"]:
            if one["state"] == "queued":
                one |= {"state": "cancelled", "reason": "cancelled", "ended_at": AT}
        if all(one["state"] != "running" for one in found["steps"]):
            found |= {"state": "cancelled", "ended_at": AT}
