"""Steps that are killed, cancelled, taken over, or fail: each ends in a clear state, and nothing is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import pytest
import sqlalchemy as sa
from toolscout.catalogue import Catalogue, runs
from toolscout.settings import Settings

from services.trainer import steps
from services.trainer.job import Job, run_step
from tests.services.trainer.conftest import Trainer
from tests.services.trainer.shop import Shop
from tests.services.trainer.test_train_query_adapter import next_topic, rate, shop  # noqa: F401

ALL = ("generate_finetuning_data", "generate_synthetic_data", "combine_datasets", "train_query_adapter")
KILL = """
import os, signal, sys
from services.trainer import steps
from services.trainer.job import Job
from toolscout.catalogue import Catalogue
from toolscout.settings import Settings
name, run_id, data, models = sys.argv[1:]
settings = Settings(_env_file=None, data_dir=data, models_dir=models, log_stdout=False, lease_seconds=1)
progress = Job.progress
def deadly(job, *args, **more):
    if job.name == name:
        with job.rows_into("half.jsonl") as put:
            put["half.jsonl"]({"half": True})
            os.kill(os.getpid(), signal.SIGKILL)
    progress(job, *args, **more)
Job.progress = deadly
steps.run_here(settings, Catalogue(settings.db_url), run_id, lambda _: None)
"""


@pytest.mark.parametrize("killed", ALL)
def test_a_step_that_was_killed_is_done_again_and_makes_the_same(
    shop: Shop,  # noqa: F811
    settings: Settings,
    sqlite_catalogue: Catalogue,
    killed: str,
) -> None:
    rate(shop, next_topic)
    quick = settings.model_copy(update={"lease_seconds": 1.0})
    train = Trainer(quick, sqlite_catalogue)
    run_id = steps.create(sqlite_catalogue, ALL, "test")
    argv = [sys.executable, "-c", KILL, killed, run_id, str(settings.data_dir), str(settings.models_dir)]
    died = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
    assert died.returncode == -signal.SIGKILL, died.stderr
    left = train.get(run_id)
    assert [one["state"] for one in left["steps"] if one["name"] == killed] == ["running"]
    time.sleep(1.1)  # its lease
    run = train.again(run_id)
    assert run["state"] == "done", run
    assert [one["tries"] for one in run["steps"]] == [1 + (name == killed) for name in ALL]
    first = {one["name"]: one["sha256"] for step in run["steps"][:3] for one in step["artefacts"]}
    assert not train.path("half.jsonl").exists()
    train(*ALL)
    again = {one["name"]: one["sha256"] for step in train.run["steps"][:3] for one in step["artefacts"]}
    assert again == first


def test_a_step_whose_worker_dies_each_time_fails_as_poison(train: Trainer, shop: Shop) -> None:  # noqa: F811
    run_id = steps.create(train.catalogue, ["combine_datasets"], "test")
    for n in range(runs.MOST_TRIES):
        with train.catalogue.write() as conn:
            assert runs.claim(conn, run_id, "combine_datasets", f"w{n}", n * 100.0, 30)
    assert run_step(train.settings, train.catalogue, run_id, "combine_datasets", lambda _: None) is None
    found = train.get(run_id)
    assert (found["state"], found["steps"][0]["reason"]) == ("failed", "poison")


def test_a_run_is_cancelled_while_a_step_works(train: Trainer, monkeypatch: pytest.MonkeyPatch) -> None:
    began = threading.Event()

    def work(job: Job) -> None:
        with job.rows_into("rows.jsonl") as put:
            for n in range(10_000):
                put["rows.jsonl"]({"n": n})
                began.set()
                job.progress("working", n, 10_000)
                time.sleep(0.01)

    monkeypatch.setattr(steps, "work_of", lambda _: work)
    run_id = steps.create(train.catalogue, ALL[:2], "test")
    thread = threading.Thread(target=train.again, args=(run_id,))
    thread.start()
    began.wait(10)
    with train.catalogue.write() as conn:
        runs.cancel(conn, run_id, time.time())
    thread.join(10)
    found = train.get(run_id)
    assert found["state"] == "cancelled"
    assert [step["state"] for step in found["steps"]] == ["cancelled", "cancelled"]
    assert not list((train.settings.models_dir / "runs" / run_id).glob("*.jsonl"))


def test_progress_can_be_followed(train: Trainer, monkeypatch: pytest.MonkeyPatch) -> None:
    go = threading.Event()

    def work(job: Job) -> None:
        job.progress("counting sheep", 3, 9)
        go.wait(10)

    monkeypatch.setattr(steps, "work_of", lambda _: work)
    run_id = steps.create(train.catalogue, ALL[:1], "test")
    thread = threading.Thread(target=train.again, args=(run_id,))
    thread.start()
    until = time.monotonic() + 5
    while (step := train.get(run_id)["steps"][0])["doing"] is None and time.monotonic() < until:
        time.sleep(0.05)
    go.set()
    thread.join()
    assert (step["doing"], step["done"], step["total"]) == ("counting sheep", 3, 9)


def test_who_was_taken_over_writes_nothing(train: Trainer, monkeypatch: pytest.MonkeyPatch) -> None:
    def work(job: Job) -> None:
        with job.catalogue.write() as conn:  # its lease ran out meanwhile, and another worker came
            conn.execute(sa.text("UPDATE run_steps SET lease_owner = 'another'"))
        for _ in range(200):
            job.progress("late")
            time.sleep(0.02)

    run_id = steps.create(train.catalogue, ALL[:1], "test")
    assert run_step(train.settings, train.catalogue, run_id, ALL[0], work) is None
    assert train.get(run_id)["steps"][0]["state"] == "running"


@pytest.mark.parametrize(
    ("error", "reason"),
    [(MemoryError(), "out_of_memory"), (OSError(28, "full"), "disk_full"), (RuntimeError("odd"), "error")],
)
def test_what_follows_a_failed_step_is_skipped(
    train: Trainer, monkeypatch: pytest.MonkeyPatch, error: Exception, reason: str
) -> None:
    def work(job: Job) -> None:
        raise error

    monkeypatch.setattr(steps, "work_of", lambda _: work)
    last = train(*ALL[:2])
    first = train.run["steps"][0]
    assert (first["state"], first["reason"]) == ("failed", reason)
    assert (last["state"], last["reason"]) == ("skipped", f"{ALL[0]}_failed")
    assert train.run["state"] == "failed"


def test_the_script_and_the_command_do_a_step(shop: Shop, settings: Settings) -> None:  # noqa: F811
    env = {name: value for name, value in os.environ.items() if not name.startswith(("TOOLSCOUT_", "LLM_"))}
    env |= {"TOOLSCOUT_DATA_DIR": str(settings.data_dir), "TOOLSCOUT_MODELS_DIR": str(settings.models_dir)}

    def run(*argv: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *argv], env=env, capture_output=True, text=True, timeout=120, check=False
        )

    done = run("-m", "services.trainer.generate_finetuning_data", "--seed", "4")
    assert done.returncode == 0, done.stderr
    assert "generate_finetuning_data: done" in done.stdout
    done = run("-m", "services.cli", "train", "--step", "combine_datasets", "--here")
    assert done.returncode == 0, done.stderr
    assert "triples: train 0" in done.stdout
    wrong = run("-m", "services.cli", "train", "--step", "bake_bread", "--here")
    assert wrong.returncode == 1
    assert "Steps of train are generate_finetuning_data" in wrong.stderr
    assert "--seed" in run("-m", "services.trainer.combine_datasets", "--help").stdout
