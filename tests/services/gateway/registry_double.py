"""The models' part of the canned API: adapters, saved questions, and two of a kind side by side."""

from __future__ import annotations

import copy
from typing import Any

from tests.services.gateway.pipeline_double import AT, SHA, Pipeline, run, step

DAY = 86_400
SETS = {
    "visitors": {"queries": 61, "before": 0.61, "after": 0.66, "gain": 0.05, "interval": [0.012, 0.0871]},
    "mldr_ko": {"queries": 200, "before": 0.52, "after": 0.528, "gain": 0.008, "interval": [-0.004, 0.0193]},
}
KINDS = {
    "extraction": {"rows": 80, "before": 0.214, "after": 0.561, "gain": 0.347, "interval": [0.288, 0.402]},
    "answer": {"rows": 40, "before": 0.31, "after": 0.42, "gain": 0.11, "interval": [0.02, 0.203]},
}
METRICS = {"json_valid": {"rows": 80, "before": 0.44, "after": 0.98, "gain": 0.54, "interval": [0.43, 0.64]}}
LORA_REPORT = {
    "passed": True, "why_not": [], "rows": 120, "gain": 0.268, "interval": [0.214, 0.32], "kinds": KINDS,
    "metrics": METRICS, "latency_ms": {"before": {"p50": 912.0, "p95": 2210.4}, "after": {"p50": 934.1, "p95": 2301.0}},
    "judge": None, "thresholds": {"rows": 20, "gain": 0.0, "worse": 0.02, "slower": 2.0},
}  # fmt: skip
CARD = """# Adapter 1a2b3c4d5e6f

A LoRA for `HuggingFaceTB/SmolLM2-135M-Instruct` (sha256 `cd01`): `adapter.gguf` for llama.cpp.

| | before | after |
|---|---|---|
| loss on 271 held-out rows | 2.114 | 0.731 |

- Trained on 600 rows,
  seed 7.
- <b onclick="window.hurt=1">no markup</b>
"""


def adapter(name: str, kind: str, **values: Any) -> dict[str, Any]:
    data = {"sft.train.jsonl": {"rows": 600, "sha256": SHA}, "sft.validation.jsonl": {"rows": 61, "sha256": SHA}}
    base = {"id": "HuggingFaceTB/SmolLM2-135M-Instruct", "sha256": SHA}
    if kind == "query":
        data, base = {"triples.train.jsonl": {"rows": 3801, "sha256": SHA}}, {"encoder": "bef992ed", "start": "first"}
    row = {"id": name, "kind": kind, "made_at": AT, "run": name, "base": base, "data": data, "metrics": {"loss": 0.731}}
    gate = {"passed": True, "why_not": [], "gain": 0.268, "interval": [0.214, 0.32]}
    row |= {"gate": gate, "serves": [], "broken": None, "broken_detail": None}
    files = [{"name": "adapter.gguf", "bytes": 9_834_112}, {"name": "card.md", "bytes": 1_102}]
    return row | {"files": files} | values


def several() -> list[dict[str, Any]]:
    why = ["the mean gain may be chance: its interval reaches zero", "visitors is worse by more than 0.005"]
    failed = {"passed": False, "why_not": why, "gain": 0.004, "interval": [-0.011, 0.018]}
    return [
        adapter("9f8e7d6c5b4a", "lora", made_at=AT + 9 * DAY, gate=None),
        adapter("1a2b3c4d5e6f", "lora", made_at=AT + DAY, serves=["candidate"]),
        adapter("000000aaaaaa", "lora", made_at=AT, serves=["stable"]),
        adapter("half", "lora", broken="no_weights", broken_detail="adapter.gguf is missing.", gate=None, data={}),
        adapter("77aa77aa77aa", "query", made_at=AT + 8 * DAY, gate=failed),
        adapter("first", "query", run=None, serves=["stable", "candidate"], made_at=AT, base={"encoder": "bef992ed"}),
    ]


TOOLS = ["Cleanvoice", "도우미", "Murmur", "Snipper", "Ledgerly", "Fretboard", "Parrot"]


def ranked(order: list[int], other: list[int]) -> list[dict[str, Any]]:
    places = {tool: n for n, tool in enumerate(other, 1)}
    return [
        {"tool_id": tool, "name": TOOLS[tool], "url": f"https://t{tool}.example/", "score": 0.7 - n / 100}
        | {"place": n, "other": places.get(tool)}
        for n, tool in enumerate(order[:5], 1)
    ]


def answer(said: str, **values: Any) -> dict[str, Any]:
    passage = "It removes the background of a photo in one click."
    cited = [{"n": 1, "chunk_id": 3, "tool_id": 3, "tool": "Snipper", "passage": passage}]
    row = {"said": said, "text": said, "citations": cited, "grounded": True, "refused": False, "support": 0.94}
    return row | {"dropped": 0, "first_token_ms": 212.3} | values


def compared() -> list[dict[str, Any]]:
    """compare.json."""
    invented = answer("Photomagic paints seventeen castles on the moon.", text="", citations=[], grounded=False)
    invented |= {"support": None, "dropped": 1, "first_token_ms": 198.0}
    nothing = answer("Nothing here fits that question.", text="", citations=[], grounded=False, refused=True)
    failed = nothing | {"said": "", "refused": False, "support": None, "first_token_ms": None}
    good = answer("Snipper removes the background of a photo in one click. [1]")
    rows = [
        ("remove the background of a photo", invented, good),
        ("회의 녹음을 받아 적는 도구", failed, nothing | {"support": None}),
    ]
    return [{"question": q, "no_match": n == 1, "a": a, "b": b} for n, (q, a, b) in enumerate(rows)]


FIGURES = {
    "a": {"adapter": "base", "questions": 2, "grounded": 0.0, "support": None, "refused": 0.0, "first_token_ms": 198.0},
    "b": {"adapter": "1a2b3c4d5e6f", "questions": 2, "grounded": 0.5, "support": 0.94, "refused": 0.5}
    | {"first_token_ms": 212.3},
}  # fmt: skip


def comparing(state: str = "running", **values: Any) -> dict[str, Any]:
    """A run that compares."""
    steps = [step("compare_adapters", state, **values)]
    options = {"a": None, "b": "1a2b3c4d5e6f"}
    return run("c0ffee", state, steps, kind="compare", created_at=AT + 10 * DAY, options=options)


class Registry:
    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self.items: list[dict[str, Any]] = []
        self.questions: list[dict[str, Any]] = []
        self.most = 50

    def keep(self, *texts: str) -> None:
        for text in texts:
            self.questions.append({"id": 1 + max([0, *(one["id"] for one in self.questions)]), "text": text})

    def ends(self) -> None:
        """The comparison is done."""
        made = {"name": "compare.json", "path": "runs/c0ffee/compare.json", "rows": None, "bytes": 900, "sha256": SHA}
        self.pipeline.runs[0] = comparing("done", figures=FIGURES, artefacts=[made | {"there": True}])
        self.pipeline.files["compare_adapters/compare.json"] = compared()

    def answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        if path == "adapters":
            return 200, {"items": copy.deepcopy(self.items)}
        if path == "adapters/compare":
            return self._compare(body)
        if path.startswith("adapters/"):
            _, kind, name = path.split("/")
            found = next(one for one in self.items if (one["kind"], one["id"]) == (kind, name))
            report = LORA_REPORT if kind == "lora" else {"passed": True, "gain": 0.029, "sets": SETS}
            return 200, found | {"card": CARD, "provenance": {}, "report": report if found["gate"] else None}
        if method == "GET":
            return 200, {"most": self.most, "items": copy.deepcopy(self.questions)}
        if method == "DELETE":
            self.questions = [one for one in self.questions if one["id"] != int(path.rpartition("/")[2])]
            return 204, None
        same = next((one for one in self.questions if one["text"].casefold() == body["text"].casefold()), None)
        if same:
            return 200, same
        self.keep(body["text"])
        return 201, self.questions[-1]

    def _compare(self, body: dict[str, Any]) -> tuple[int, Any]:
        if body["kind"] == "lora":
            self.pipeline.runs.insert(0, comparing(doing="loading base"))
            return 202, {"run_id": "c0ffee"}
        order, same = [0, 1, 2, 3, 4, 5], [3, 0, 1, 2, 6, 4]
        questions = [
            {"question": one["text"], "no_match": False, "changed": n % 2 == 0}
            | {"a": ranked(order, same if n % 2 == 0 else order), "b": ranked(same if n % 2 == 0 else order, order)}
            for n, one in enumerate(self.questions)
        ]
        changed = sum(one["changed"] for one in questions)
        return 200, {"kind": "query", "a": body["a"], "b": body["b"], "changed": changed, "questions": questions}
