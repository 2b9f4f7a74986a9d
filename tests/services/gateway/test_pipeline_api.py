"""Runs of the pipeline over HTTP: started, followed, cancelled, and their files fetched."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from starlette.testclient import TestClient
from toolscout import queue
from toolscout.catalogue import runs
from toolscout.queue import RUN_STEPS

from services.gateway.app import create_app
from tests.services.gateway.operated import Operated, operated

BASE = "/api/v1/pipeline/runs"
FIRST = RUN_STEPS[0]
TEXT = b'{"query": "a"}\n'


@pytest.fixture
def models(tmp_path: Path) -> Path:
    found = tmp_path / "models"
    found.mkdir()
    (found / "encoder").symlink_to(Path(__file__).parents[3] / "models" / "encoder")
    return found


@pytest.fixture
def app(settings, sqlite_url, models) -> Iterator[Operated]:
    with operated(settings.model_copy(update={"models_dir": models})) as found:
        yield found


def start(app: Operated, **body: Any) -> dict[str, Any]:
    answer = app.operator.post(BASE, json={"kind": "train"} | body)
    assert answer.status_code == 202, answer.text
    return answer.json()


def do(app: Operated, run_id: str, **values: Any) -> None:
    """The first step's end, as a worker would write it."""
    done = {"state": runs.DONE, "reason": None, "detail": None}
    with app.catalogue.write() as conn:
        runs.claim(conn, run_id, FIRST, "worker", time.time(), 30.0)
        runs.finish(conn, run_id, FIRST, "worker", done | values, time.time())


def made(app: Operated, path: str = "", content: bytes = TEXT) -> tuple[str, str]:
    """A run with an artefact at that path from models/; its id, and the artefact's address."""
    run_id = start(app)["id"]
    path = path or f"runs/{run_id}/rows.jsonl"
    file = app.gateway.settings.models_dir / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    one = {"name": "rows.jsonl", "path": path, "rows": 1, "bytes": len(content)}
    do(app, run_id, artefacts=[one | {"sha256": hashlib.sha256(content).hexdigest()}])
    return run_id, f"{BASE}/{run_id}/artefacts/{FIRST}/rows.jsonl"


def test_only_the_operator_may(app):
    run_id, file = made(app)
    visitor = app.client()
    asked = [visitor.get("/api/v1/pipeline"), visitor.get(BASE), visitor.get(f"{BASE}/{run_id}"), visitor.get(file)]
    asked += [visitor.post(BASE, json={"kind": "train"}), visitor.post(f"{BASE}/{run_id}/cancel")]
    assert {(answer.status_code, answer.json()["reason"]) for answer in asked} == {(401, "admin_key_needed")}
    assert app.operator.get(BASE).json()["items"][0]["state"] == "running"


def test_the_gateway_has_the_page_and_the_routes(settings, sqlite_url):
    with TestClient(create_app(settings), base_url="http://127.0.0.1", client=("127.0.0.1", 50_000)) as client:
        assert "/static/admin.js" in client.get("/admin/pipeline").text
        assert client.get(BASE).status_code == 401


def test_the_steps_are_told_in_their_order(app):
    told = app.operator.get("/api/v1/pipeline").json()
    assert (told["steps"], told["queue"]) == (list(RUN_STEPS), False)
    assert told["kinds"]["full"][:2] == ["crawl", "process"]
    assert told["next"] == {"due": False, "at": None, "ratings": 0, "of": 500}


def test_a_run_has_all_steps_unless_some_are_named(app):
    run = start(app)
    assert run["run_id"] == run["id"]
    assert (run["kind"], run["state"], run["seed"], run["asked_by"]) == ("train", "queued", 0, "operator")
    assert run["options"] == {"source": "catalogue"}
    assert [step["name"] for step in run["steps"]] == list(RUN_STEPS)
    empty = {"state": "queued", "figures": {}, "drops": {}, "artefacts": [], "tries": 0, "name": FIRST}
    assert run["steps"][0] == empty | dict.fromkeys(
        ("reason", "detail", "doing", "done", "total", "started_at", "ended_at")
    )
    app.operator.post(f"{BASE}/{run['id']}/cancel")
    some = start(app, steps=[RUN_STEPS[2], FIRST], seed=7, source="elasticsearch")
    assert [step["name"] for step in some["steps"]] == [FIRST, RUN_STEPS[2]]
    assert (some["seed"], some["options"]) == (7, {"source": "elasticsearch"})
    app.operator.post(f"{BASE}/{some['id']}/cancel")
    assert len(start(app, steps=[])["steps"]) == len(RUN_STEPS)


def test_without_a_queue_a_run_says_what_it_waits_for(app):
    run = start(app)
    assert run["waits_for"] == f"toolscout train --resume {run['id']}"
    do(app, run["id"])
    assert app.operator.get(f"{BASE}/{run['id']}").json()["waits_for"] is None


def test_with_a_queue_the_first_step_is_woken(app, monkeypatch):
    sent: list[tuple[str, tuple[Any, ...]]] = []
    monkeypatch.setattr(queue, "send", lambda _app, name, *args, **_: sent.append((name, args)))
    app.gateway.celery = Celery("t", set_as_current=False)
    run = start(app, steps=list(RUN_STEPS[1:]))
    assert sent == [(f"trainer.{RUN_STEPS[1]}", (run["id"],))]
    assert run["waits_for"] is None
    assert app.operator.get("/api/v1/pipeline").json()["queue"] is True


def test_a_queue_that_is_away_hinders_no_run(app, monkeypatch):
    def away(*_: Any, **__: Any) -> str:
        raise OSError("no Redis")

    monkeypatch.setattr(queue, "send", away)
    app.gateway.celery = Celery("t", set_as_current=False)
    assert start(app)["state"] == "queued"


def test_a_second_run_is_a_conflict_with_a_way_out(app):
    run = start(app)
    answer = app.operator.post(BASE, json={"kind": "train"})
    assert (answer.status_code, answer.json()["reason"]) == (409, "run_open")
    assert answer.headers["content-type"] == "application/problem+json"
    assert run["id"] in answer.json()["remedy"]
    assert app.operator.get(BASE).json()["total"] == 1


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"kind": "bake"},
        {"kind": "process", "steps": ["crawl"]},
        {"seed": -1},
        {"seed": 2**31},
        {"seed": "x"},
        {"source": "a file"},
        {"steps": "all"},
        {"x": 1},
    ],
)
def test_what_is_no_run_is_refused(app, body):
    kind = {} if not body or "kind" in body else {"kind": "train"}
    assert app.operator.post(BASE, json=kind | body).status_code == 422
    assert app.operator.get(BASE).json() == {"total": 0, "items": []}


def test_an_unknown_step_is_refused_with_the_steps_that_there_are(app):
    answer = app.operator.post(BASE, json={"kind": "train", "steps": [FIRST, "finetune"]})
    assert (answer.status_code, answer.json()["reason"]) == (422, "unknown_step")
    assert "'finetune'" in answer.json()["detail"]
    assert all(name in answer.json()["remedy"] for name in RUN_STEPS)


def test_a_run_is_followed_through_progress_to_its_figures(app):
    run_id = start(app)["id"]
    with app.catalogue.write() as conn:
        runs.claim(conn, run_id, FIRST, "worker", time.time(), 30.0)
        runs.renew(conn, run_id, FIRST, "worker", time.time(), 30.0, doing="reading searches", done=3, total=9)
    run = app.operator.get(f"{BASE}/{run_id}").json()
    step = run["steps"][0]
    assert (run["state"], step["state"], step["tries"]) == ("running", "running", 1)
    assert (step["doing"], step["done"], step["total"]) == ("reading searches", 3, 9)
    assert not {"lease_owner", "lease_until"} & set(step)
    end = {"state": runs.FAILED, "reason": "disk_full", "detail": "No space left.", "drops": {"lukewarm": 2}}
    with app.catalogue.write() as conn:
        runs.finish(conn, run_id, FIRST, "worker", end | {"figures": {"by_kind": {"answer": 4}}}, time.time())
    run = app.operator.get(f"{BASE}/{run_id}").json()
    first, second = run["steps"][:2]
    assert run["state"] == "failed"
    assert run["ended_at"]
    assert (first["reason"], first["detail"], second["reason"]) == ("disk_full", "No space left.", f"{FIRST}_failed")
    assert (first["figures"], first["drops"]) == ({"by_kind": {"answer": 4}}, {"lukewarm": 2})


def test_runs_come_in_pages_newest_first(app):
    ids = []
    for _ in range(3):
        ids.insert(0, start(app)["id"])
        app.operator.post(f"{BASE}/{ids[0]}/cancel")
    page = app.operator.get(BASE, params={"limit": 2}).json()
    assert (page["total"], [run["id"] for run in page["items"]]) == (3, ids[:2])
    page = app.operator.get(BASE, params={"limit": 2, "offset": 2}).json()
    assert [run["id"] for run in page["items"]] == ids[2:]
    for params in ({"limit": 0}, {"limit": 101}, {"offset": -1}):
        assert app.operator.get(BASE, params=params).status_code == 422


def test_what_is_not_there_is_not_found(app):
    run_id, file = made(app)
    asked = [app.operator.get(f"{BASE}/x"), app.operator.post(f"{BASE}/x/cancel")]
    asked += [app.operator.get(f"{BASE}/x/artefacts/{FIRST}/rows.jsonl"), app.operator.get(f"{file}x")]
    asked += [app.operator.get(f"{BASE}/{run_id}/artefacts/{RUN_STEPS[1]}/rows.jsonl")]
    assert {answer.status_code for answer in asked} == {404}
    assert all(answer.json()["remedy"] for answer in asked)
    assert app.operator.get(f"{BASE}/%00").status_code == 422


def test_a_run_is_cancelled_and_an_ended_one_stays_as_it_is(app):
    run_id = start(app)["id"]
    answer = app.operator.post(f"{BASE}/{run_id}/cancel")
    assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    assert {step["state"] for step in answer.json()["steps"]} == {"cancelled"}
    assert app.operator.post(f"{BASE}/{run_id}/cancel").json() == answer.json()
    done = start(app, steps=[FIRST])["id"]
    do(app, done)
    assert app.operator.post(f"{BASE}/{done}/cancel").json()["state"] == "done"


def test_a_step_at_work_is_asked_to_stop(app):
    run_id = start(app)["id"]
    with app.catalogue.write() as conn:
        runs.claim(conn, run_id, FIRST, "worker", time.time(), 30.0)
    run = app.operator.post(f"{BASE}/{run_id}/cancel").json()
    assert (run["state"], bool(run["cancel_at"])) == ("running", True)
    with app.catalogue.write() as conn:
        assert runs.renew(conn, run_id, FIRST, "worker", time.time(), 30.0)


# Files.


def test_a_file_comes_as_it_was_made(app):
    _, file = made(app)
    answer = app.operator.get(file)
    assert (answer.status_code, answer.content) == (200, TEXT)
    assert answer.headers["content-disposition"] == 'attachment; filename="rows.jsonl"'
    assert answer.headers["etag"] == f'"{hashlib.sha256(TEXT).hexdigest()}"'
    again = app.operator.get(file, headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_a_large_file_can_be_fetched_in_parts(app):
    _, file = made(app, content=bytes(1_000_000))
    part = app.operator.get(file, headers={"Range": "bytes=0-99"})
    assert (part.status_code, len(part.content)) == (206, 100)


def test_a_file_that_is_gone_or_changed_is_not_found_and_says_how_to_make_it_again(app, models):
    run_id, file = made(app)
    path = models / "runs" / run_id / "rows.jsonl"
    path.write_bytes(b"other")
    answer = app.operator.get(file)
    assert (answer.status_code, answer.json()["reason"]) == (404, "artefact_changed")
    (listed,) = app.operator.get(f"{BASE}/{run_id}").json()["steps"][0]["artefacts"]
    assert listed["there"] is True
    path.unlink()
    answer = app.operator.get(file)
    assert (answer.status_code, answer.json()["reason"]) == (404, "artefact_gone")
    assert "Run the step" in answer.json()["remedy"]
    (listed,) = app.operator.get(f"{BASE}/{run_id}").json()["steps"][0]["artefacts"]
    assert listed["there"] is False
    path.mkdir()
    assert app.operator.get(file).status_code == 404


@pytest.mark.parametrize("name", ["..%2F..%2Fsecret", "../../../secret", "%2e%2e%2fsecret", "/etc/passwd"])
def test_an_address_leads_to_no_file_but_the_rows_own(app, models, name):
    (models.parent / "secret").write_bytes(b"secret")
    run_id, _ = made(app)
    for folder in (f"{FIRST}/", f"{FIRST}%2F..%2F", ""):
        answer = app.operator.get(f"{BASE}/{run_id}/artefacts/{folder}{name}")
        assert answer.status_code == 404
        assert answer.content != b"secret"


@pytest.mark.parametrize("how", ["dots", "absolute", "link"])
def test_a_row_that_leads_out_of_models_is_not_served(app, models, how):
    secret = models.parent / "secret"
    secret.write_bytes(TEXT)
    (models / "link").symlink_to(secret)
    path = {"dots": "../secret", "absolute": str(secret), "link": "link"}[how]
    run_id, file = made(app, path)
    answer = app.operator.get(file)
    assert (answer.status_code, answer.json()["reason"]) == (404, "artefact_gone")
    assert app.operator.get(f"{BASE}/{run_id}").json()["steps"][0]["artefacts"][0]["there"] is False
