"""The step deploy: what goes out and what does not, at which moment, and what a kill in the middle leaves."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toolscout import events
from toolscout.catalogue import Catalogue, experiments
from toolscout.encoder import DIM, Encoder
from toolscout.endpoints import endpoint
from toolscout.pointers import point, promote, roll_back
from toolscout.query_adapter import QueryAdapter
from toolscout.settings import Settings

from services.gateway.describe_arms import describe_arms
from services.trainer import drivers, steps
from services.trainer.job import Job
from tests.services.trainer.conftest import Trainer
from tests.services.trainer.deploying import Vllm, evaluated, served_base, step, tuned

KILL = """
import os, pathlib, signal, sys
from services.trainer import deploy, steps
from services.trainer.drivers import smoke
from toolscout.catalogue import Catalogue
from toolscout.settings import Settings
when, run_id, values = sys.argv[1], sys.argv[2], __import__("json").loads(sys.argv[3])
settings = Settings(_env_file=None, log_stdout=False, lease_seconds=1, **values)
die = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
if when == "smoke":
    smoke.ask = die
replace = pathlib.Path.replace
def deadly(path, to):
    moved = replace(path, to)
    if to.name == "finetuned_adapter" and when == "between":
        die()
    return moved
pathlib.Path.replace = deadly
steps.run_here(settings, Catalogue(settings.db_url), run_id, lambda _: None)
"""


def ranker(settings: Settings, catalogue: Catalogue, name: str = "q1", passed: bool = True, **more: Any) -> Path:
    """A query adapter as train_query_adapter leaves it."""
    folder = settings.models_dir / "query_adapters" / name
    provenance = {"encoder": Encoder(settings.encoder_dir).sha, "gate": {"passed": passed}, **more}
    QueryAdapter(name, np.eye(DIM, dtype=np.float32), np.zeros(DIM, np.float32)).save(folder, provenance, "")

    def work(job: Job) -> None:
        for file in sorted(folder.iterdir()):
            job.note(file)

    step(settings, catalogue, "train_query_adapter", work)
    return folder


@pytest.fixture
def server() -> Iterator[Vllm]:
    with Vllm() as found:
        yield found


@pytest.fixture
def vllm(settings: Settings, server: Vllm, tmp_path: Path) -> Settings:
    """The stable model is on a server that takes LoRAs."""
    base = served_base(tmp_path / "base")
    values = {"llm_api_base": server.base, "llm_model": "base-1", "deploy": "vllm", "trainer_base": str(base)}
    return settings.model_copy(update=values)


@pytest.fixture
def deploy(vllm: Settings, sqlite_catalogue: Catalogue) -> Trainer:
    return Trainer(vllm, sqlite_catalogue)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[events.Event]:
    found: list[events.Event] = []
    monkeypatch.setattr("toolscout.logs.emit", found.append)
    return found


def pointed(settings: Settings) -> dict[str, str]:
    names = ("finetuned_adapter", "candidate_query_adapter", "stable_adapter", "stable_query_adapter")
    found = {name: settings.models_dir / name for name in names}
    return {name: path.resolve().name for name, path in found.items() if path.is_symlink()}


def running(catalogue: Catalogue, share: float) -> experiments.Experiment:
    arms = {"stable": {"endpoint": "", "model": "a"}, "candidate": {"endpoint": "", "model": "b"}}
    with catalogue.write() as conn:
        found = experiments.sync(conn, arms, share, 1.0)
    assert found
    return found


def test_both_adapters_go_out_as_one_candidate(
    deploy: Trainer, vllm: Settings, server: Vllm, sqlite_catalogue: Catalogue, told: list[events.Event]
) -> None:
    tuned(vllm, sqlite_catalogue)
    evaluated(vllm, sqlite_catalogue)
    ranker(vllm, sqlite_catalogue)
    ended = deploy("deploy")
    assert ended["state"] == "done", ended
    assert ended["figures"] == {
        "driver": "vllm", "deployed": True, "left_out": {}, "adapter": "a1", "query_adapter": "q1"
    }  # fmt: skip
    assert pointed(vllm) == {"finetuned_adapter": "a1", "candidate_query_adapter": "q1"}
    arms = describe_arms(vllm)
    assert arms and (arms["stable"]["adapter"], arms["stable"]["model"]) == (None, "base-1")
    assert (arms["candidate"]["adapter"], arms["candidate"]["query_adapter"]) == ("a1", "q1")
    assert arms["candidate"]["model"].startswith("toolscout-a1-")
    [event] = [one for one in told if isinstance(one, events.AdapterDeployed)]
    assert (event.adapter, event.query_adapter, event.driver) == ("a1", "q1", "vllm")
    assert event.model in server.models


def test_the_arms_of_a_server_follow_promotion_and_roll_back(
    deploy: Trainer, vllm: Settings, sqlite_catalogue: Catalogue
) -> None:
    tuned(vllm, sqlite_catalogue)
    evaluated(vllm, sqlite_catalogue)
    deploy("deploy")

    def models() -> tuple[str, str]:
        return tuple(endpoint(vllm, arm).model[:12] for arm in ("stable", "candidate"))

    assert models() == ("base-1", "toolscout-a1")
    promote(vllm.models_dir)
    assert models() == ("toolscout-a1", "toolscout-a1")
    assert describe_arms(vllm) is None
    elsewhere = vllm.model_copy(update={"llm_api_base": "http://127.0.0.1:9/v1"})
    assert endpoint(elsewhere, "stable").model == "base-1"
    roll_back(vllm.models_dir, promoted=True)
    assert models() == ("base-1", "base-1")


def test_what_serves_already_is_not_deployed_again(
    deploy: Trainer, vllm: Settings, sqlite_catalogue: Catalogue
) -> None:
    tuned(vllm, sqlite_catalogue)
    evaluated(vllm, sqlite_catalogue)
    assert deploy("deploy")["figures"]["deployed"]
    again = deploy("deploy")
    assert (again["state"], again["reason"]) == ("skipped", "nothing_passed")
    assert again["figures"]["left_out"]["adapter"] == "a1 is what candidate serves already"


def test_what_was_rolled_back_does_not_come_again(deploy: Trainer, vllm: Settings, sqlite_catalogue: Catalogue) -> None:
    ranker(vllm, sqlite_catalogue)
    assert deploy("deploy")["figures"]["deployed"]
    with sqlite_catalogue.write() as conn:
        opened = experiments.sync(conn, describe_arms(vllm), 0.1, 1.0)
        experiments.change(conn, opened.id, None, "rollback", None, 2.0)
    roll_back(vllm.models_dir, promoted=False)
    again = deploy("deploy")
    assert again["reason"] == "nothing_passed"
    assert again["figures"]["left_out"]["query_adapter"] == f"q1 was rolled back in {opened.id}"


def test_nothing_passed_says_why_of_each(deploy: Trainer, vllm: Settings, sqlite_catalogue: Catalogue) -> None:
    first = deploy("deploy")
    assert (first["state"], first["reason"]) == ("skipped", "nothing_passed")
    assert first["detail"].startswith("Language model: none was trained. Queries: none was trained.")
    tuned(vllm, sqlite_catalogue)
    ranker(vllm, sqlite_catalogue, passed=False)
    why = {"adapter": "a1 was not evaluated", "query_adapter": "its gate did not let q1 pass"}
    assert deploy("deploy")["figures"]["left_out"] == why
    evaluated(vllm, sqlite_catalogue, passed=False)
    assert deploy("deploy")["figures"]["left_out"]["adapter"] == "its gate did not let a1 pass"
    evaluated(vllm, sqlite_catalogue, "another")
    assert deploy("deploy")["figures"]["left_out"]["adapter"] == "a1 was not evaluated"
    assert pointed(vllm) == {}


def test_an_experiment_with_visitors_in_it_keeps_its_arms(
    deploy: Trainer, vllm: Settings, server: Vllm, sqlite_catalogue: Catalogue
) -> None:
    tuned(vllm, sqlite_catalogue)
    evaluated(vllm, sqlite_catalogue)
    ranker(vllm, sqlite_catalogue)
    found = running(sqlite_catalogue, 0.1)
    for action in (None, "pause"):
        if action:
            with sqlite_catalogue.write() as conn:
                experiments.change(conn, found.id, None, action, None, 2.0)
        ended = deploy("deploy")
        assert (ended["state"], ended["reason"]) == ("skipped", "experiment_runs")
        assert found.id in ended["detail"] and "set its share to 0" in ended["detail"]
    assert (pointed(vllm), server.admin) == ({}, [])
    with sqlite_catalogue.write() as conn:
        experiments.change(conn, found.id, 0.0, None, None, 3.0)
    assert deploy("deploy")["figures"]["deployed"]


def test_a_share_that_is_raised_meanwhile_stops_the_switch(
    deploy: Trainer, vllm: Settings, server: Vllm, sqlite_catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    tuned(vllm, sqlite_catalogue)
    evaluated(vllm, sqlite_catalogue)
    found = running(sqlite_catalogue, 0.0)

    def slowly(*_: object) -> None:
        with sqlite_catalogue.write() as conn:
            experiments.change(conn, found.id, 0.5, None, None, 2.0)

    monkeypatch.setattr("services.trainer.drivers.smoke.ask", slowly)
    ended = deploy("deploy")
    assert (ended["state"], ended["reason"]) == ("skipped", "experiment_runs")
    assert (pointed(vllm), server.models) == ({}, ["base-1"])


def test_a_changed_file_never_gets_a_pointer(deploy: Trainer, vllm: Settings, sqlite_catalogue: Catalogue) -> None:
    folder = tuned(vllm, sqlite_catalogue)
    evaluated(vllm, sqlite_catalogue)
    (folder / "adapter_model.safetensors").write_bytes(b"half")
    ended = deploy("deploy")
    assert (ended["state"], ended["reason"]) == ("failed", "adapter_broken")
    assert "finetune_model" in ended["detail"] and pointed(vllm) == {}


def test_an_adapter_of_another_base_never_gets_a_pointer(
    deploy: Trainer, vllm: Settings, sqlite_catalogue: Catalogue
) -> None:
    tuned(vllm, sqlite_catalogue)
    evaluated(vllm, sqlite_catalogue)
    (Path(vllm.trainer_base) / "model.safetensors").write_bytes(b"others")
    ended = deploy("deploy")
    assert (ended["state"], ended["reason"]) == ("failed", "another_base")
    assert pointed(vllm) == {}


def test_a_broken_query_adapter_takes_the_other_one_with_it(
    deploy: Trainer, vllm: Settings, server: Vllm, sqlite_catalogue: Catalogue
) -> None:
    tuned(vllm, sqlite_catalogue)
    evaluated(vllm, sqlite_catalogue)
    (ranker(vllm, sqlite_catalogue) / "weights.npz").write_bytes(b"nothing")
    ended = deploy("deploy")
    assert (ended["state"], ended["reason"]) == ("failed", "query_adapter_refused")
    assert (pointed(vllm), server.admin) == ({}, [])


def test_a_query_adapter_that_was_measured_against_another_stable_waits(
    deploy: Trainer, vllm: Settings, sqlite_catalogue: Catalogue
) -> None:
    point(vllm.models_dir / "stable_query_adapter", ranker(vllm, sqlite_catalogue, "old"))
    ranker(vllm, sqlite_catalogue, "q2", start="older")
    ended = deploy("deploy")
    assert (ended["state"], ended["reason"]) == ("failed", "stable_changed")
    ranker(vllm, sqlite_catalogue, "q3", start="old")
    assert deploy("deploy")["figures"]["query_adapter"] == "q3"


def test_a_candidate_at_an_address_of_its_own_is_the_operators(
    vllm: Settings, server: Vllm, sqlite_catalogue: Catalogue
) -> None:
    own = vllm.model_copy(update={"llm_api_base_new_model": "http://127.0.0.1:9/v1"})
    tuned(own, sqlite_catalogue)
    evaluated(own, sqlite_catalogue)
    ended = Trainer(own, sqlite_catalogue)("deploy")
    assert ended["reason"] == "nothing_passed"
    assert "LLM_API_BASE_NEW_MODEL names the candidate" in ended["detail"]
    assert server.admin == []


@pytest.mark.parametrize("values", [{"deploy": "vllm"}, {"deploy": "embedded", "llm": "off"}])
def test_a_driver_without_its_server_is_a_wrong_setting(
    settings: Settings, sqlite_catalogue: Catalogue, values: dict[str, str]
) -> None:
    ended = Trainer(settings.model_copy(update=values), sqlite_catalogue)("deploy")
    assert (ended["state"], ended["reason"]) == ("failed", "driver_unfit")


def test_the_driver_is_the_settings(settings: Settings) -> None:
    assert drivers.driver_of(settings).name == "embedded"
    assert drivers.driver_of(settings.model_copy(update={"llm": "off"})).name == "manual"


@pytest.mark.parametrize("when", ["smoke", "between"])
def test_a_kill_leaves_whole_pointers_and_the_next_worker_ends_it(
    deploy: Trainer, vllm: Settings, server: Vllm, sqlite_catalogue: Catalogue, when: str
) -> None:
    old = tuned(vllm, sqlite_catalogue, "a0")
    evaluated(vllm, sqlite_catalogue, "a0")
    ranker(vllm, sqlite_catalogue, "q0")
    assert deploy("deploy")["figures"]["deployed"]
    tuned(vllm, sqlite_catalogue)
    evaluated(vllm, sqlite_catalogue)
    ranker(vllm, sqlite_catalogue)
    run_id = steps.create(sqlite_catalogue, ["deploy"], "test")
    values = vllm.model_dump(
        mode="json", include={"data_dir", "models_dir", "llm_api_base", "llm_model", "deploy", "trainer_base"}
    )
    values["database_url"] = str(sqlite_catalogue.engine.url)
    argv = [sys.executable, "-c", KILL, when, run_id, json.dumps(values)]
    killed = subprocess.run(argv, check=False, capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()[-2000:]
    moved = "a1" if when == "between" else "a0"
    assert pointed(vllm) == {"finetuned_adapter": moved, "candidate_query_adapter": "q0"}
    assert old.is_dir()
    time.sleep(1.1)
    assert deploy.again(run_id)["state"] == "done"
    assert pointed(vllm) == {"finetuned_adapter": "a1", "candidate_query_adapter": "q1"}
    # What was loaded for nothing is gone with the next deployment of an adapter.
    assert len([name for name in server.models if name.startswith("toolscout-")]) == 1 + (when == "between")
