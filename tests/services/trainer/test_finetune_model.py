"""Fine-tuning on tiny data: what it leaves behind, how it ends early, and how it goes on where it was killed."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from safetensors.numpy import load_file, save_file
from toolscout import events
from toolscout.adapters import find
from toolscout.catalogue import Catalogue, runs
from toolscout.errors import ConfigError
from toolscout.settings import Settings

from services.llm.model import Model, weights
from services.llm.wire import ChatRequest, Message
from services.trainer import base_model, finetune_model, gguf_check, steps
from services.trainer.gguf_adapter import convert
from services.trainer.job import Job
from tests.services.trainer.conftest import Trainer
from tests.services.trainer.finetuning import data_set, labelled, rows, small_base

# transformers, TRL and torch warn of each other.
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.xdist_group("torch")]
KILL = """
import os, signal, sys
from services.trainer import steps
from services.trainer.gguf_adapter import convert
from services.trainer.job import Job
from toolscout.catalogue import Catalogue
from toolscout.settings import Settings
run_id, base, data, models = sys.argv[1:]
settings = Settings(
    _env_file=None, data_dir=data, models_dir=models, log_stdout=False, lease_seconds=1, llm="off", trainer_base=base
)
progress = Job.progress
def deadly(job, doing, done=None, total=None):
    if doing.startswith("training") and done == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    progress(job, doing, done, total)
Job.progress = deadly
steps.run_here(settings, Catalogue(settings.db_url), run_id, lambda _: None)
"""
ENOUGH = 56


@pytest.fixture(scope="session")
def torch() -> None:
    if importlib.util.find_spec("torch") is None:
        print("torch is not here: make .venv/trainer")
        pytest.skip("torch is not here: make .venv/trainer")


@pytest.fixture(scope="session")
def small(torch: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_base(tmp_path_factory.mktemp("base") / "small")


@pytest.fixture
def quick(settings: Settings, small: Path) -> Settings:
    """Trains the small base, and nothing is served."""
    return settings.model_copy(update={"llm": "off", "trainer_base": str(small), "lease_seconds": 1.0})


@pytest.fixture
def tune(quick: Settings, sqlite_catalogue: Catalogue) -> Trainer:
    return Trainer(quick, sqlite_catalogue)


@pytest.fixture(scope="session")
def base_folder(torch: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """models/base with the embedded model in it: this machine's own, where it has trained before."""
    own = Settings(_env_file=None).models_dir / "base"
    if own.is_dir():
        return own
    settings = Settings(_env_file=None, models_dir=tmp_path_factory.mktemp("models"))
    return base_model.trainable(settings).parent


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[events.Event]:
    found: list[events.Event] = []
    monkeypatch.setattr("toolscout.logs.emit", found.append)
    return found


def adapter(settings: Settings, run_id: str) -> Path:
    return settings.models_dir / "adapters" / run_id


def test_the_embedded_model_learns_and_llama_cpp_serves_what_it_learnt(
    settings: Settings, sqlite_catalogue: Catalogue, base_folder: Path
) -> None:
    """Trained on SmolLM2 itself; the numbers of both forms of the adapter agree, and it changes what is written."""
    (settings.models_dir / "base").symlink_to(base_folder)
    data_set(settings, sqlite_catalogue, rows(ENOUGH), rows(ENOUGH + 2)[ENOUGH:])
    train = Trainer(settings, sqlite_catalogue)
    step = train("finetune_model", max_steps=3)
    assert step["state"] == "done", step
    assert step["figures"]["eval_loss_after"] < step["figures"]["eval_loss_before"]
    where = adapter(settings, train.run["id"])
    base = base_model.trainable(settings)
    strong = strengthened(where, base)
    report = gguf_check.check(base, weights(), strong, [row["prompt"] for row in rows(4)], tokens=12)
    assert report["agrees"] and report["adapter"]["mean"] <= gguf_check.MOST, report
    assert report["base"]["mean"] <= gguf_check.MOST, report
    assert report["moved"] > 10 * gguf_check.MOST, report
    assert written(None) != written(strong)
    llama_cpp_reads_the_same_tokens(base)


def strengthened(where: Path, base: Path) -> Path:
    """The same adapter as if it had learnt for longer: after three steps a wrong conversion would hardly show."""
    strong = where.with_name("strong")
    shutil.copytree(where, strong)
    halves = load_file(where / "adapter_model.safetensors")
    more = {name: half * (30 if "lora_B" in name else 1) for name, half in halves.items()}
    save_file(more, strong / "adapter_model.safetensors")
    convert(strong, base, strong / "adapter.gguf")
    return strong


def llama_cpp_reads_the_same_tokens(base: Path) -> None:
    """What it learns from is cut as what it is asked will be, also where transformers reads a GGUF otherwise."""
    from transformers import AutoTokenizer

    text = "v2.0 costs $99.99, c\u00b2 and \u00bd\n\n  it's 2024-01-02 한국어 😀 ٣٤ foo_bar"
    request = ChatRequest(messages=[Message(role="system", content="s"), Message(role="user", content=text)])
    theirs = Model(None, threads=1, limit=350).count(request)
    messages = [message.for_model() for message in request.messages]
    tokenizer: Any = AutoTokenizer.from_pretrained(base)
    assert len(tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=False)) == theirs


def written(where: Path | None) -> str:
    """What the embedded server writes with an adapter, or without."""
    request = ChatRequest(messages=[Message(**one) for one in rows(1)[0]["prompt"]], max_tokens=24, temperature=0)
    found: list[str] = []

    def heard(piece: Any) -> bool:
        found.append(piece.text)
        return False

    Model(find(where) if where else None, threads=1, limit=350).write(request, False, heard)
    return "".join(found)


def test_it_leaves_an_adapter_with_what_it_was_made_of(tune: Trainer, told: list[events.Event]) -> None:
    data_set(tune.settings, tune.catalogue, rows(ENOUGH), rows(ENOUGH + 6)[ENOUGH:])
    step = tune("finetune_model", seed=3, epochs=1)
    assert step["state"] == "done", step
    where = adapter(tune.settings, tune.run["id"])
    made = {"adapter_config.json", "adapter_model.safetensors", "adapter.gguf", "card.md", "metrics.json"}
    assert {path.name for path in where.iterdir()} == made | {"provenance.json"}
    assert {one["name"] for one in step["artefacts"]} == made | {"provenance.json"}
    figures = step["figures"]
    assert (figures["rows"], figures["rows_held_out"], figures["steps"]) == (ENOUGH, 6, 7)
    assert figures["eval_loss_after"] <= figures["eval_loss_before"]
    assert figures["seconds"] > 0 and figures["rows_per_s"] > 0 and figures["peak_mib"] > 100
    found = orjson.loads((where / "provenance.json").read_bytes())
    assert found["metrics"] == orjson.loads((where / "metrics.json").read_bytes())
    assert found["base"] == base_model.identity(tune.settings)
    assert (found["run"], found["seed"], found["options"]) == (tune.run["id"], 3, {"epochs": 1})
    assert found["prompt_versions"] == {"abc": ENOUGH}
    assert set(found["libraries"]) == {"torch", "transformers", "peft", "trl"}
    config = orjson.loads((where / "adapter_config.json").read_bytes())
    assert (config["r"], config["lora_alpha"], config["use_rslora"], config["use_dora"]) == (16, 32, False, False)
    assert config["target_modules"] == sorted(f"{name}_proj" for name in ("q", "k", "v", "o", "gate", "up", "down"))
    assert "56 extraction" in (where / "card.md").read_text()
    assert not (tune.path("checkpoints")).exists()
    progress = [event for event in told if isinstance(event, events.TrainingProgressed)]
    assert {event.run_id for event in progress} == {tune.run["id"]}
    assert max(event.training_step for event in progress if event.loss is not None) == 7
    assert sum(event.eval_loss is not None for event in progress) >= 3
    assert all(event.eta_s is not None and event.rows_per_s for event in progress if event.loss is not None)


def test_answers_that_were_rated_train_after_the_rest(tune: Trainer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finetune_model, "FEWEST_RATED", 8)
    data_set(tune.settings, tune.catalogue, rows(ENOUGH), rated=labelled(16))
    step = tune("finetune_model", max_steps=2)
    assert step["state"] == "done", step
    assert (step["figures"]["rows_rated"], step["figures"]["kto_steps"]) == (16, 2)
    assert step["figures"]["eval_loss_after"] is None
    weights = load_file(adapter(tune.settings, tune.run["id"]) / "adapter_model.safetensors")
    assert not [name for name in weights if "ref" in name]
    data_set(tune.settings, tune.catalogue, rows(ENOUGH), rated=labelled(15))
    assert tune("finetune_model", max_steps=1)["figures"]["rows_rated"] == 0


def test_a_row_that_is_too_long_is_left_out_and_none_is_cut(tune: Trainer) -> None:
    long = rows(1)[0]
    long["prompt"] = [{"role": "user", "content": "word " * 200}]
    data_set(tune.settings, tune.catalogue, [*rows(ENOUGH), long])
    step = tune("finetune_model", max_steps=1)
    assert step["drops"] == {"too_long": 1}
    assert step["figures"]["rows"] == ENOUGH
    assert 100 < step["figures"]["longest_tokens"] <= 512


def test_of_many_rows_the_visitors_own_are_taken_first(tune: Trainer) -> None:
    data_set(tune.settings, tune.catalogue, rows(400))
    step = tune("finetune_model", max_rows=60, max_steps=1)
    assert step["figures"]["rows"] == 60
    chosen = finetune_model._chosen(rows(400), Job(tune.settings, tune.catalogue, tune.run | {"step": step}))
    assert {row["source"] for row in chosen} == {"feedback"}


@pytest.fixture
def killed(tune: Trainer, small: Path) -> Iterator[Callable[[], str]]:
    """Starts a training in a process of its own, which is killed when its third step is done; the run's id."""

    def kill() -> str:
        run_id = steps.create(tune.catalogue, ["finetune_model"], "test", max_steps=4)
        argv = [sys.executable, "-c", KILL, run_id, str(small)]
        argv += [str(tune.settings.data_dir), str(tune.settings.models_dir)]
        died = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
        assert died.returncode == -signal.SIGKILL, died.stderr
        assert tune.get(run_id)["steps"][0]["state"] == "running"
        time.sleep(1.1)  # its lease
        return run_id

    data_set(tune.settings, tune.catalogue, rows(ENOUGH), rows(ENOUGH + 4)[ENOUGH:])
    yield kill


def test_after_a_kill_it_goes_on_from_its_checkpoint_and_ends_at_the_same(
    tune: Trainer, killed: Callable[[], str]
) -> None:
    run_id = killed()
    run = tune.again(run_id)
    step = run["steps"][0]
    assert (run["state"], step["tries"]) == ("done", 2)
    # The seal of the third step's may have come before the kill or not.
    assert step["figures"]["resumed_at"] in (2, 3)
    assert step["figures"]["steps"] == 4
    whole = tune("finetune_model", max_steps=4)
    assert whole["figures"]["resumed_at"] == 0
    both = [load_file(adapter(tune.settings, one) / "adapter_model.safetensors") for one in (run_id, tune.run["id"])]
    assert both[0].keys() == both[1].keys()
    assert max(float(np.abs(both[0][name] - both[1][name]).max()) for name in both[0]) < 1e-5


def test_a_checkpoint_that_is_not_whole_is_not_gone_on_from(tune: Trainer, killed: Callable[[], str]) -> None:
    run_id = killed()
    found = list((tune.settings.models_dir / "runs" / run_id / "checkpoints" / "sft").glob("checkpoint-*"))
    assert len(found) == 2
    for folder in found:
        with (folder / "optimizer.pt").open("r+b") as file:
            file.seek(-2000, os.SEEK_END)
            file.write(b"broken")
    run = tune.again(run_id)
    assert run["state"] == "done", run
    assert run["steps"][0]["figures"]["resumed_at"] == 0


def test_it_stops_when_somebody_cancels_the_run(tune: Trainer, monkeypatch: pytest.MonkeyPatch) -> None:
    data_set(tune.settings, tune.catalogue, rows(400))
    began, progress = threading.Event(), Job.progress

    def seen(job: Job, doing: str, *more: Any) -> None:
        if doing.startswith("training"):
            began.set()
        progress(job, doing, *more)

    monkeypatch.setattr(Job, "progress", seen)
    run_id = steps.create(tune.catalogue, ["finetune_model"], "test", epochs=500)
    thread = threading.Thread(target=tune.again, args=(run_id,))
    thread.start()
    assert began.wait(60)
    with tune.catalogue.write() as conn:
        runs.cancel(conn, run_id, time.time())
    thread.join(20)
    assert not thread.is_alive()
    assert tune.get(run_id)["state"] == "cancelled"
    assert not (tune.settings.models_dir / "adapters").exists()
    assert not (tune.settings.models_dir / "runs" / run_id / "checkpoints").exists()


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to"), "out_of_memory"),
        (RuntimeError("I/O error: No space left on device (os error 28)"), "disk_full"),
        (RuntimeError("odd"), "error"),
    ],
)
def test_it_says_what_torch_means(
    tune: Trainer, monkeypatch: pytest.MonkeyPatch, error: Exception, reason: str
) -> None:
    def fail(*_: Any) -> None:
        raise error

    data_set(tune.settings, tune.catalogue, rows(ENOUGH))
    monkeypatch.setattr(finetune_model, "_trained", fail)
    step = tune("finetune_model")
    assert (step["state"], step["reason"]) == ("failed", reason)
    assert not (tune.settings.models_dir / "adapters").exists()


# What needs no torch.


def test_without_torch_it_is_skipped_and_says_what_installs_it(train: Trainer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finetune_model, "NEEDED", ("torch_of_nowhere",))
    step = train("finetune_model")
    assert (step["state"], step["reason"]) == ("skipped", "no_torch")
    assert "make run TRAINER=1" in step["detail"]
    assert train.run["state"] == "done"


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if torch were there: what is tested ends before it would be used."""
    monkeypatch.setattr(finetune_model, "NEEDED", ())


@pytest.mark.usefixtures("installed")
def test_a_few_rows_are_too_few(train: Trainer) -> None:
    data_set(train.settings, train.catalogue, rows(49))
    step = train("finetune_model")
    assert (step["state"], step["reason"]) == ("skipped", "too_few_rows")


@pytest.mark.usefixtures("installed")
def test_without_a_data_set_it_says_what_makes_one(train: Trainer) -> None:
    step = train("finetune_model")
    assert (step["state"], step["reason"]) == ("failed", "no_data_set")
    assert "combine_datasets" in step["detail"]


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("served", "remedy"),
    [
        ({"trainer_base": "some/other-model"}, "Unset TOOLSCOUT_TRAINER_BASE"),
        ({"llm_api_base": "http://127.0.0.1:1/v1"}, "Set TOOLSCOUT_TRAINER_BASE"),
    ],
)
def test_a_base_that_is_not_served_is_refused(
    settings: Settings, sqlite_catalogue: Catalogue, served: dict[str, str], remedy: str
) -> None:
    step = Trainer(settings.model_copy(update=served), sqlite_catalogue)("finetune_model")
    assert (step["state"], step["reason"]) == ("failed", "another_base")
    assert remedy in step["detail"]


def test_the_base_that_is_served_is_trained(settings: Settings) -> None:
    for served in ({}, {"llm": "off"}, {"llm_api_base": "http://127.0.0.1:1/v1", "trainer_base": "a/b"}):
        base_model.check(settings.model_copy(update=served))
    with pytest.raises(ConfigError):
        base_model.trainable(settings.model_copy(update={"trainer_base": "a/b"}))
    assert base_model.identity(settings)["id"] == "smollm2-135m-instruct"
    assert base_model.embedded_gguf() == weights()
