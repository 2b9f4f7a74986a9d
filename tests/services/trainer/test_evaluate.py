"""The gate, on the real embedded server and on a server that is told what to say."""

from __future__ import annotations

import json
import multiprocessing
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import psutil
import pytest
from toolscout.adapters import POINTERS
from toolscout.catalogue import Catalogue, runs
from toolscout.pointers import point
from toolscout.prompts.answer import NOTHING
from toolscout.settings import ROOT, Settings

from services.trainer import base_model, evaluate, judge
from services.trainer.cases import Case
from services.trainer.job import Job, run_step
from services.trainer.served import served
from tests.llm_faults import COUNT, END, STREAMS, LlmServer, pieces
from tests.services.llm.conftest import write_adapter
from tests.services.trainer.deploying import Vllm

Row = dict[str, Any]


# Rows.


def page(n: int, **labels: Any) -> Row:
    """A page → its fields."""
    name = f"Zorbo{n}"
    labels = labels or {"name": name, "summary": f"{name} removes the background of a photo in one click."}
    text = f"{name} removes the background of a photo in one click.\n\nFill in {', '.join(labels)} of zorbo{n}.example."
    return _row("extraction", f"Fill in a form. {n}", text, json.dumps(labels))


def question(n: int, fits: bool = True) -> Row:
    passage = f"Murmur{n} turns speech into text in many languages."
    asked = f"[1] Murmur{n}: {passage}\n\nQuestion: {'what writes down speech' if fits else 'who grows tomatoes'} {n}?"
    told = f"Murmur{n}: {passage} [1]" if fits else NOTHING["en"]
    return _row("answer" if fits else "refusal", "Answer from the passages.", asked, told)


def _row(kind: str, rules: str, asked: str, told: str) -> Row:
    prompt = [{"role": "system", "content": rules}, {"role": "user", "content": asked}]
    said = [{"role": "assistant", "content": told}]
    return {"kind": kind, "prompt": prompt, "completion": said, "source": "synthetic", "prompt_version": "1"}


MIXED = [*map(page, range(8)), *map(question, range(8)), *(question(n, fits=False) for n in range(4))]


@pytest.fixture
def make(sqlite_catalogue: Catalogue, settings: Settings) -> Callable[..., str]:
    """A run whose data sets hold `rows`, and whose adapter is in models/adapters/<run>; returns its id."""

    def made(rows: list[Row], adapter: bool = True, base: str = "", **options: Any) -> str:
        with sqlite_catalogue.write() as conn:
            names = ["combine_datasets", "finetune_model", "evaluate"]
            run_id = runs.create(conn, "train", names, 0, options, "test", time.time())

        def write(job: Job) -> None:
            job.write_rows("sft.validation.jsonl", rows[::2])
            job.write_rows("sft.test.jsonl", rows[1::2])

        def train(job: Job) -> None:
            if not adapter:
                return
            where = settings.models_dir / "adapters" / job.run_id
            # So weak that it changes nothing: the base against itself.
            write_adapter(where, strength=1e-9)
            made_for = base_model.identity(settings) if not base else {"id": base, "sha256": "0"}
            (where / "provenance.json").write_bytes(orjson.dumps({"base": made_for}))
            job.note(where / "adapter.gguf")

        assert run_step(settings, sqlite_catalogue, run_id, "combine_datasets", write) == "done"
        assert run_step(settings, sqlite_catalogue, run_id, "finetune_model", train) == "done"
        return run_id

    return made


@pytest.fixture
def gate(sqlite_catalogue: Catalogue, settings: Settings) -> Callable[..., Row]:
    """Runs the step; it as it ended."""

    def evaluated(run_id: str, **changed: Any) -> Row:
        some = settings.model_copy(update=changed)
        run_step(some, sqlite_catalogue, run_id, "evaluate", evaluate.run)
        with sqlite_catalogue.read() as conn:
            return runs.get(conn, run_id)["steps"][-1]

    return evaluated


def report(settings: Settings, run_id: str) -> Row:
    return orjson.loads((settings.models_dir / "runs" / run_id / "report.json").read_bytes())


def test_a_frozen_row_needs_no_kind() -> None:
    for row in (page(1), question(1), question(1, fits=False)):
        kind = row.pop("kind")
        assert Case.of(row, "frozen.jsonl").kind == kind


def test_the_judge_is_asked_in_both_orders() -> None:
    case = Case.of(question(1), "test")

    def prefers(*answers: str) -> float | None:
        said = iter(answers)
        return judge.verdict(case, "old", "new", lambda *_: judge.Better(better=next(said)))

    assert prefers("second", "first") == judge.WON
    assert prefers("first", "second") == judge.LOST
    assert prefers("first", "first") == prefers("neither", "first") == judge.TIE
    assert judge.verdict(case, "same ", "same", lambda *_: pytest.fail("asked for nothing")) == judge.TIE
    assert judge.verdict(case, "old", "new", lambda *_: None) is None


# Served.


def test_the_base_against_itself_does_not_pass(make: Any, gate: Any, settings: Settings) -> None:
    few = [page(0), page(1), question(0), question(1), question(0, fits=False), question(1, fits=False)]
    run_id = make(few)
    step = gate(run_id, gate_rows=len(few))
    assert (step["state"], step["reason"]) == ("done", None)
    found = report(settings, run_id)
    assert not found["passed"]
    assert found["why_not"]
    assert (found["adapter"], found["rows"]) == (run_id, len(few))
    assert found["candidate"] == f"{found['stable']}+{run_id}"
    assert found["gain"] == 0
    assert found["kinds"]["extraction"]["before"] == found["kinds"]["extraction"]["after"]
    assert found["metrics"]["json_valid"]["rows"] == 2
    assert {"free_json_valid", "free_score", "field_name"} <= found["metrics"].keys()
    assert found["latency_ms"]["after"]["p50"] > 0
    assert found["tokens"]["after"]["tokens_out"] > 0
    beside = settings.models_dir / "adapters" / run_id
    assert orjson.loads((beside / "report.json").read_bytes()) == found
    assert "It may not serve" in (beside / "report.md").read_text()
    assert not (settings.models_dir / "runs" / run_id / evaluate.PARTIAL).exists()
    assert [one["name"] for one in step["artefacts"]] == ["report.json", "report.md"]


def test_stable_is_what_stable_serves(settings: Settings, tmp_path: Path) -> None:
    point(settings.models_dir / POINTERS["stable"], write_adapter(settings.models_dir / "adapters" / "old"))
    with served(settings, settings.models_dir / "adapters" / "old") as old:
        assert (old.model, old.error) == ("smollm2-135m-instruct+old", "")
    with served(settings, None) as base:
        assert (base.model, base.error) == ("smollm2-135m-instruct", "")
        every = psutil.Process().children(recursive=True)
        servers = [one for one in every if "services.llm" in one.cmdline()]
    assert servers
    assert not any(server.is_running() for server in servers)


def test_a_corrupt_adapter_fails_and_nothing_passes(make: Any, gate: Any, settings: Settings) -> None:
    run_id = make(MIXED)
    file = settings.models_dir / "adapters" / run_id / "adapter.gguf"
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    step = gate(run_id)
    assert (step["state"], step["reason"]) == ("failed", "adapter_broken")
    assert not (settings.models_dir / "runs" / run_id / "report.json").exists()
    # Cut short by whoever made it, so that its sum fits: the server says so.
    with served(settings, file.parent) as broken:
        assert "can't be loaded" in broken.error
        assert broken.model == "smollm2-135m-instruct"


def test_an_adapter_of_another_base_is_refused(make: Any, gate: Any) -> None:
    step = gate(make(MIXED, base="another/model"))
    assert (step["state"], step["reason"]) == ("failed", "another_base")
    assert "another/model" in step["detail"]


def test_there_must_be_something_to_measure(make: Any, gate: Any, settings: Settings) -> None:
    step = gate(make([], adapter=False))
    assert (step["state"], step["reason"]) == ("skipped", "nothing_trained")
    few = gate(make([*MIXED[:10], {"kind": "extraction", "prompt": [], "completion": []}]))
    assert (few["state"], few["reason"]) == ("skipped", "too_few_rows")
    assert few["drops"] == {"no_prompt_or_completion": 1}
    assert not list(settings.models_dir.glob("adapters/*/report.json"))


def test_frozen_rows_count_and_a_limit_bounds_each_kind(
    make: Any, sqlite_catalogue: Catalogue, settings: Settings
) -> None:
    settings.evaluation_dir.mkdir(parents=True)
    lines = [orjson.dumps(row | {"source": "us"}) for row in (page(50), question(50), {"query": "no prompt"})]
    (settings.evaluation_dir / "mine.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    run_id = make([*MIXED, *MIXED], limit=5)
    found: list[Case] = []

    def look(job: Job) -> None:
        found.extend(evaluate.cases_of(job))

    run_step(settings, sqlite_catalogue, run_id, "evaluate", look)
    kinds = [case.kind for case in found]
    assert (kinds.count("extraction"), kinds.count("answer"), kinds.count("refusal")) == (5, 5, 4)
    # What the operator wrote is asked before what was made up.
    assert [case.kind for case in found if case.origin == "mine.jsonl"] == ["extraction", "answer"]


# Elsewhere.


class Elsewhere:
    """Two servers that say the same to everything: the candidate's that nothing fits, stable's something else."""

    def __init__(self, folder: Path, settings: Settings, make: Callable[..., str]) -> None:
        self.weights = folder / "weights"
        self.weights.mkdir()
        (self.weights / "model.safetensors").write_bytes(b"weights")
        self.settings = settings
        self.make = make
        self.stable = LlmServer(models=["base"])
        self.candidate = LlmServer(reply=NOTHING["en"])

    def run(self, rows: list[Row]) -> str:
        run_id = self.make(rows)
        some = self.settings.model_copy(update=self.changed)
        where = self.settings.models_dir / "adapters" / run_id / "provenance.json"
        where.write_bytes(orjson.dumps({"base": base_model.identity(some)}))
        self.candidate.models = ["base", f"lora-{run_id}"]
        return run_id

    @property
    def changed(self) -> dict[str, Any]:
        bases = {"llm_api_base": self.stable.base, "llm_api_base_new_model": self.candidate.base}
        return {"llm": "external", "trainer_base": str(self.weights), **bases}

    def asked(self, server: LlmServer) -> int:
        return len([one for one in server.asked if one.headers["x-toolscout-purpose"] == "evaluate"])


@pytest.fixture
def elsewhere(tmp_path: Path, settings: Settings, make: Callable[..., str]) -> Iterator[Elsewhere]:
    both = Elsewhere(tmp_path, settings, make)
    with both.stable, both.candidate:
        yield both


REFUSALS = [question(n, fits=False) for n in range(24)]


def test_endpoints_are_asked_where_the_settings_name_them(
    elsewhere: Elsewhere, gate: Any, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(STREAMS, "prefers_first", [*pieces('{"better": "first"}'), END, COUNT])
    run_id = elsewhere.run(REFUSALS)
    with LlmServer(modes=["prefers_first"], models=["judge"]) as judging:
        step = gate(run_id, **elsewhere.changed, judge_base=judging.base)
        assert len(judging.asked) == 2 * len(REFUSALS)
    assert step["state"] == "done", step
    found = report(settings, run_id)
    assert found["passed"], found["why_not"]
    assert (found["gain"], found["candidate"]) == (1, f"lora-{run_id}")
    # Whoever always prefers the first is of no opinion.
    assert found["judge"] == {"win_rate": 0.5, "interval": [0.5, 0.5], "won": 0, "tie": 24, "lost": 0}
    assert {one.body["model"] for one in elsewhere.candidate.asked} == {f"lora-{run_id}"}
    assert elsewhere.asked(elsewhere.stable) == len(REFUSALS)


def test_vllm_is_given_the_adapter_for_as_long_as_the_gate_takes(
    elsewhere: Elsewhere, gate: Any, settings: Settings
) -> None:
    run_id = elsewhere.run(REFUSALS)
    (settings.models_dir / "adapters" / run_id / "adapter_config.json").write_text("{}")
    with Vllm() as server:
        changed = {"llm_api_base": server.base, "llm_api_base_new_model": "", "llm_model": "base-1", "deploy": "vllm"}
        step = gate(run_id, **elsewhere.changed | changed)
        assert step["state"] == "done", step
        assert [call for call, _ in server.admin] == ["load_lora_adapter", "unload_lora_adapter"]
        assert server.models == ["base-1"]
    found = report(settings, run_id)
    assert (found["stable"], found["passed"]) == ("base-1", False)
    assert found["candidate"].startswith(f"toolscout-{run_id}-")


def test_what_nobody_serves_cannot_pass(elsewhere: Elsewhere, gate: Any, settings: Settings) -> None:
    run_id = elsewhere.run(REFUSALS)
    step = gate(run_id, **elsewhere.changed | {"llm_api_base_new_model": ""})
    assert (step["state"], step["reason"]) == ("failed", "not_served")
    run_id = elsewhere.run(REFUSALS)
    elsewhere.candidate.models = ["base", "lora-of-another-run"]
    step = gate(run_id, **elsewhere.changed)
    assert (step["state"], step["reason"]) == ("failed", "not_served")
    assert run_id in step["detail"]
    run_id = elsewhere.run(REFUSALS)
    elsewhere.candidate.modes = ["broken"]
    step = gate(run_id, **elsewhere.changed)
    assert (step["state"], step["reason"]) == ("failed", "not_served")
    assert not list(settings.models_dir.glob("**/report.json"))


def test_replies_that_cannot_be_read_count_as_wrong(elsewhere: Elsewhere, gate: Any, settings: Settings) -> None:
    run_id = elsewhere.run(REFUSALS)
    elsewhere.stable.modes = ["garbage_stream"]
    assert gate(run_id, **elsewhere.changed)["state"] == "done"
    assert report(settings, run_id)["before"] == 0


# Ending early.


def test_a_cancelled_gate_stops_at_its_next_row(
    elsewhere: Elsewhere, gate: Any, sqlite_catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = elsewhere.run(REFUSALS)
    elsewhere.stable.pause = 0.1

    def cancel() -> None:
        until(lambda: elsewhere.asked(elsewhere.stable) >= 2)
        with sqlite_catalogue.write() as conn:
            runs.cancel(conn, run_id, time.time())

    thread = threading.Thread(target=cancel)
    thread.start()
    step = gate(run_id, **elsewhere.changed)
    thread.join()
    assert (step["state"], step["reason"]) == ("cancelled", "cancelled")
    assert elsewhere.asked(elsewhere.stable) < len(REFUSALS)


def test_a_killed_gate_goes_on_where_it_was(elsewhere: Elsewhere, gate: Any, settings: Settings) -> None:
    run_id = elsewhere.run(REFUSALS)
    elsewhere.stable.pause = 0.1
    some = settings.model_copy(update={**elsewhere.changed, "lease_seconds": 1.0})
    process = multiprocessing.get_context("spawn").Process(target=_evaluate, args=(some, run_id))
    process.start()
    partial = settings.models_dir / "runs" / run_id / evaluate.PARTIAL
    until(lambda: partial.exists() and partial.read_bytes().count(b"\n") >= 3)
    process.kill()
    process.join()
    # Killed in the middle of a line.
    with partial.open("ab") as file:
        file.write(b'{"key": "abc')
    known, before = partial.read_bytes().count(b"\n"), elsewhere.asked(elsewhere.stable)
    assert known < len(REFUSALS)
    elsewhere.stable.pause = 0
    time.sleep(1.1)
    step = gate(run_id, **elsewhere.changed)
    assert step["state"] == "done", step
    assert elsewhere.asked(elsewhere.stable) - before == len(REFUSALS) - known
    assert report(settings, run_id)["rows"] == len(REFUSALS)
    assert not partial.exists()


def _evaluate(settings: Settings, run_id: str) -> None:
    run_step(settings, Catalogue(settings.db_url), run_id, "evaluate", evaluate.run)


def test_a_killed_gate_leaves_no_server_behind(tmp_path: Path) -> None:
    code = (
        "import time; from services.trainer.served import served; from toolscout.settings import Settings\n"
        "with served(Settings(_env_file=None), None): print('READY', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "READY\n"
    servers = psutil.Process(process.pid).children(recursive=True)
    assert servers
    process.kill()
    process.wait()
    until(lambda: not any(server.is_running() and server.status() != "zombie" for server in servers))


def until(condition: Callable[[], object], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.02)
