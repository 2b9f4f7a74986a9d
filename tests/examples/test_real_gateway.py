"""The script against the gateway's own routes, with a worker's part played on the catalogue."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn
from toolscout.catalogue import runs

from services.up import free_port
from tests.services.gateway.operated import Operated, operated

STEP = "combine_datasets"
WANTED = ("--kind", "train", "--step", STEP)
FULL = {"state": runs.FAILED, "reason": "disk_full", "detail": "No space left. Make room, then start it again."}


@contextmanager
def served(app: Operated) -> Iterator[str]:
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app.app, port=port, log_config=None, timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture
def app(settings, sqlite_url, tmp_path) -> Iterator[Operated]:
    models = tmp_path / "models"
    models.mkdir()
    (models / "encoder").symlink_to(Path(__file__).parents[2] / "models" / "encoder")
    with operated(settings.model_copy(update={"models_dir": models})) as found:
        yield found


def newest(app: Operated) -> dict | None:
    with app.catalogue.read() as conn:
        return next(iter(runs.recent(conn, 1)), None)


def begun(app: Operated) -> str:
    """The id of the run that the script starts, once its step is at work."""
    end = time.monotonic() + 10
    while (found := newest(app)) is None or found["state"] != runs.QUEUED:
        assert time.monotonic() < end
        time.sleep(0.01)
    with app.catalogue.write() as conn:
        runs.claim(conn, found["id"], STEP, "worker", time.time(), 30.0)
    return found["id"]


def finish(app: Operated, run_id: str, **values: object) -> None:
    with app.catalogue.write() as conn:
        runs.finish(conn, run_id, STEP, "worker", {"state": runs.DONE} | values, time.time())


def test_a_run_from_its_start_to_each_of_its_ends(app, begin, go):
    with served(app) as url:
        process = begin(url, *WANTED, "--wait", key=app.key)
        run_id = begun(app)
        assert go(url, *WANTED, key=app.key)[0] == 75
        finish(app, run_id)
        out, err = process.communicate(timeout=30)
        assert (process.returncode, f"run {run_id}: done" in out) == (0, True)
        assert f"toolscout train --resume {run_id}" in err

        process = begin(url, *WANTED, "--wait", key=app.key)
        finish(app, begun(app), **FULL)
        _, err = process.communicate(timeout=30)
        assert (process.returncode, f"{STEP}: disk_full. {FULL['detail']}" in err) == (1, True)

        process = begin(url, *WANTED, "--wait", key=app.key)
        begun(app)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
        assert (process.returncode, newest(app)["cancel_at"] is None) == (143, False)


def test_what_it_refuses(app, go):
    with served(app) as url:
        code, _, err = go(url, "--kind", "crawl", "--step", "deploy", key=app.key)
        assert (code, "Steps of crawl are crawl, process." in err) == (2, True)
        assert go(url, *WANTED, key="wrong")[0] == 2
        assert newest(app) is None
