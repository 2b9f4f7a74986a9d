"""Adapters over HTTP, of real files: what they say of themselves, where they serve, and what is wrong with them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from celery import Celery
from starlette.testclient import TestClient
from toolscout import adapters, query_adapter, queue
from toolscout.catalogue import questions, runs
from toolscout.domain import CANDIDATE, STABLE
from toolscout.encoder import DIM, Encoder
from toolscout.pointers import point
from toolscout.query_adapter import QueryAdapter

from services.gateway.app import create_app
from tests.services.gateway.operated import Operated, operated
from tests.services.trainer.shop import Shop

BASE = "/api/v1/adapters"
ASK = "/api/v1/questions"
EYE = np.eye(DIM, dtype=np.float32)
REPO_MODELS = Path(__file__).parents[3] / "models"
REPORT = {
    "passed": True, "why_not": [], "rows": 120, "gain": 0.12, "interval": [0.05, 0.19], "before": 0.41, "after": 0.53,
    "kinds": {"answer": {"rows": 60, "before": 0.4, "after": 0.5, "gain": 0.1, "interval": [0.02, 0.18]}},
    "latency_ms": {"before": {"p50": 310.0}, "after": {"p50": 322.0}},
}  # fmt: skip


@pytest.fixture
def models(tmp_path: Path) -> Path:
    found = tmp_path / "models"
    found.mkdir()
    (found / "encoder").symlink_to(REPO_MODELS / "encoder")
    return found


@pytest.fixture
def app(settings, sqlite_url, models) -> Iterator[Operated]:
    with operated(settings.model_copy(update={"models_dir": models})) as found:
        yield found


@pytest.fixture
def shop(app: Operated) -> Shop:
    """A catalogue that the gateway's index has read."""
    found = Shop(app.catalogue, app.gateway.encoder)
    while app.gateway.follower.step():
        pass
    app.gateway.follower.ready.set()
    return found


def lora(models: Path, name: str, report: dict[str, Any] | None = REPORT, **told: Any) -> Path:
    """As finetune_model leaves it; with a report, as evaluate does."""
    folder = models / "adapters" / name
    folder.mkdir(parents=True)
    (folder / "adapter.gguf").write_bytes(b"GGUF\x03\x00\x00\x00")
    data = {"sft.train.jsonl": {"rows": 600, "sha256": "ab" * 32}}
    base = {"id": "HuggingFaceTB/SmolLM2-135M-Instruct", "sha256": "cd" * 32}
    told = {"run": name, "base": base, "data": data, "metrics": {"eval_loss_after": 1.2}} | told
    (folder / "provenance.json").write_text(json.dumps(told))
    (folder / "card.md").write_text(f"# Adapter {name}\n")
    if report is not None:
        (folder / "report.json").write_text(json.dumps(report))
    return folder


def ranker(models: Path, name: str, weight: np.ndarray = EYE, bias: Any = 0, passed: bool = True) -> Path:
    """As train_query_adapter leaves it."""
    folder = models / "query_adapters" / name
    made = QueryAdapter(name, weight, bias * np.ones(DIM, np.float32))
    why = [] if passed else ["the mean gain may be chance: its interval reaches zero"]
    told = {"run": name, "encoder": Encoder(models / "encoder").sha, "start": None, "date": "2026-11-25"}
    told |= {"gate": {"passed": passed, "why_not": why}, "metrics": {"gain": 0.03, "interval": [0.01, 0.05]}}
    made.save(folder, told, f"# Query adapter {name}\n")
    return folder


def listed(app: Operated) -> dict[str, dict[str, Any]]:
    answer = app.operator.get(BASE)
    assert answer.status_code == 200, answer.text
    return {one["id"]: one for one in answer.json()["items"]}


def keep(app: Operated, *texts: str) -> None:
    for text in texts:
        assert app.operator.post(ASK, json={"text": text}).status_code == 201


def test_only_the_operator_may(app, models):
    lora(models, "one")
    visitor = app.client()
    asked = [visitor.get(BASE), visitor.get(f"{BASE}/lora/one"), visitor.get(ASK), visitor.delete(f"{ASK}/1")]
    asked += [visitor.post(f"{BASE}/compare", json={"kind": "lora", "a": None, "b": "one"})]
    asked += [visitor.post(ASK, json={"text": "q"})]
    assert {(answer.status_code, answer.json()["reason"]) for answer in asked} == {(401, "admin_key_needed")}


def test_the_gateway_has_the_page_and_the_routes(settings, sqlite_url):
    with TestClient(create_app(settings), base_url="http://127.0.0.1", client=("127.0.0.1", 50_000)) as client:
        assert "/static/admin.js" in client.get("/admin/models").text
        assert client.get(BASE).status_code == 401


def test_without_any_the_list_is_empty(app):
    assert app.operator.get(BASE).json() == {"items": []}


def test_the_one_that_comes_with_the_code_serves_both_arms(app, models):
    shutil.copytree(REPO_MODELS / "query_adapters" / "first", models / "query_adapters" / "first")
    first = listed(app)["first"]
    assert (first["kind"], first["run"], first["broken"], first["serves"]) == ("query", None, None, [STABLE, CANDIDATE])
    assert first["gate"]["passed"] is True
    assert first["gate"]["leave_one_out"]["interval"][0] > 0
    assert set(first["data"]) > {"metatool", "seal_tools"}
    assert {one["name"] for one in first["files"]} == {"card.md", "provenance.json", "report.json", "weights.npz"}
    whole = app.operator.get(f"{BASE}/query/first").json()
    assert whole["card"].startswith("# Query adapter `first`")
    assert whole["provenance"]["pairs"] == 6683
    assert whole["report"]["halves"]["sets"]["metatool"]["queries"] == 623
    assert {name: whole[name] for name in first} == first


def test_a_lora_says_what_it_is_and_where_it_serves(app, models):
    one, two = lora(models, "one", date="2026-11-20"), lora(models, "two", report=None, date="2026-11-22T10:00:00")
    point(models / adapters.POINTERS[STABLE], one)
    found = listed(app)
    assert list(found) == ["two", "one"]
    assert found["one"]["serves"] == [STABLE, CANDIDATE], "a candidate without one of its own serves stable's"
    assert found["two"]["serves"] == []
    assert found["one"]["base"]["id"] == "HuggingFaceTB/SmolLM2-135M-Instruct"
    assert found["one"]["data"]["sft.train.jsonl"]["rows"] == 600
    assert found["one"]["metrics"] == {"eval_loss_after": 1.2}
    gate = found["one"]["gate"]
    assert (gate["passed"], gate["why_not"], gate["gain"], gate["interval"]) == (True, [], 0.12, [0.05, 0.19])
    assert "kinds" not in gate
    assert found["two"]["gate"] is None
    assert found["two"]["made_at"] == 1795341600.0
    point(models / adapters.POINTERS[CANDIDATE], two)
    found = listed(app)
    assert (found["one"]["serves"], found["two"]["serves"]) == ([STABLE], [CANDIDATE])


def test_query_adapters_serve_by_their_own_pointers(app, models):
    ranker(models, "plain")
    newer = ranker(models, "newer", passed=False)
    (models / query_adapter.POINTERS[STABLE]).write_text("none")
    point(models / query_adapter.POINTERS[CANDIDATE], newer)
    found = listed(app)
    assert (found["plain"]["serves"], found["newer"]["serves"]) == ([], [CANDIDATE])
    gate = found["newer"]["gate"]
    assert (gate["passed"], gate["gain"], gate["interval"]) == (False, 0.03, [0.01, 0.05])
    assert "may be chance" in gate["why_not"][0]


def test_a_pointer_to_nowhere_is_listed_as_gone(app, models):
    (models / adapters.POINTERS[STABLE]).symlink_to("adapters/away")
    (models / query_adapter.POINTERS[CANDIDATE]).write_text("query_adapters/lost")
    found = listed(app)
    assert (found["away"]["broken"], found["away"]["serves"]) == ("gone", [STABLE, CANDIDATE])
    assert (found["lost"]["broken"], found["lost"]["kind"], found["lost"]["serves"]) == ("gone", "query", [CANDIDATE])
    assert app.operator.get(f"{BASE}/lora/away").status_code == 404


@pytest.mark.parametrize(
    ("reason", "spoil"),
    [
        ("no_weights", lambda f: (f / "adapter.gguf").unlink()),
        ("bad_weights", lambda f: (f / "adapter.gguf").write_bytes(b"<html>")),
        ("bad_weights", lambda f: (f / "adapter.gguf").write_bytes(b"")),
        ("no_provenance", lambda f: (f / "provenance.json").unlink()),
        ("bad_provenance", lambda f: (f / "provenance.json").write_text('{"run": ')),
        ("bad_provenance", lambda f: (f / "provenance.json").write_text("[1]")),
        ("bad_provenance", lambda f: (f / "provenance.json").write_text("[" * 100_000)),
        ("bad_provenance", lambda f: (f / "provenance.json").write_bytes(b"\xff\xfe{}")),
        ("bad_report", lambda f: (f / "report.json").write_text("NaN")),
        ("bad_report", lambda f: (f / "report.json").write_text(" " * 3_000_000)),
    ],
)
def test_a_broken_lora_is_listed_with_the_reason(app, models, reason, spoil):
    spoil(lora(models, "one"))
    lora(models, "two")
    found = listed(app)
    assert (found["one"]["broken"], found["two"]["broken"]) == (reason, None)
    assert found["one"]["broken_detail"]
    whole = app.operator.get(f"{BASE}/lora/one")
    assert whole.status_code == 200
    assert whole.json()["broken"] == reason
    keep(app, "a question")
    answer = app.operator.post(f"{BASE}/compare", json={"kind": "lora", "a": "two", "b": "one"})
    assert (answer.status_code, answer.json()["reason"]) == (409, "adapter_broken")
    assert found["one"]["broken_detail"] in answer.json()["detail"]


@pytest.mark.parametrize("told", [{"data": [1], "metrics": "x", "base": 7, "gate": [], "date": 5}, {"date": "soon"}])
def test_fields_of_the_wrong_type_hurt_nothing(app, models, told):
    lora(models, "one", report={"passed": "yes", "why_not": {}}, **told)
    one = listed(app)["one"]
    assert (one["broken"], one["gate"]) == (None, None)
    assert app.operator.get(f"{BASE}/lora/one").json()["report"] == {"passed": "yes", "why_not": {}}


@pytest.mark.parametrize("what", ["weights", "encoder", "digest"])
def test_a_broken_query_adapter_is_listed_with_the_reason(app, models, what):
    folder = ranker(models, "one")
    weights = folder / "weights.npz"
    told = json.loads((folder / "provenance.json").read_text())
    if what == "weights":
        weights.unlink()
    elif what == "digest":
        weights.write_bytes(weights.read_bytes()[:-9])
    else:
        (folder / "provenance.json").write_text(json.dumps(told | {"encoder": "another"}))
    one = listed(app)["one"]
    assert one["broken"] == ("no_weights" if what == "weights" else "bad_weights")
    assert one["broken_detail"]


def test_what_is_being_written_or_no_folder_is_not_listed(app, models):
    lora(models, ".two.new")
    (models / "adapters" / "notes.txt").write_text("x")
    (models / "adapters" / "round").symlink_to("round")
    (models / "adapters" / "empty").mkdir()
    assert {name: one["broken"] for name, one in listed(app).items()} == {"empty": "no_weights"}


@pytest.mark.parametrize("name", ["..%2F..%2Fsecret", "%2e%2e", "one%00", "x" * 300, "one/card.md"])
def test_an_address_leads_nowhere_but_to_what_is_listed(app, models, name):
    lora(models, "one")
    for kind in ("lora", "query"):
        answer = app.operator.get(f"{BASE}/{kind}/{name}")
        assert answer.status_code in (404, 422)
    assert app.operator.get(f"{BASE}/other/one").status_code == 422


def test_what_leads_out_of_models_is_neither_read_nor_served(app, models, tmp_path):
    outside = lora(tmp_path, "secret")
    (models / "adapters").mkdir()
    (models / "adapters" / "away").symlink_to(outside)
    inside = lora(models, "one")
    (inside / "card.md").unlink()
    (inside / "card.md").symlink_to(outside / "card.md")
    found = listed(app)
    assert (found["away"]["broken"], found["away"]["files"]) == ("elsewhere", [])
    whole = app.operator.get(f"{BASE}/lora/away").json()
    assert (whole["card"], whole["provenance"], whole["report"]) == (None, None, None)
    assert app.operator.get(f"{BASE}/lora/one").json()["card"] is None
    assert "card.md" not in {one["name"] for one in found["one"]["files"]}


# Questions.


def test_questions_are_kept_once_and_dropped(app):
    first = app.operator.post(ASK, json={"text": "  a tool for\n photos "})
    assert (first.status_code, first.json()["text"]) == (201, "a tool for photos")
    again = app.operator.post(ASK, json={"text": "A tool for photos"})
    assert (again.status_code, again.json()["id"]) == (200, first.json()["id"])
    keep(app, "회의록을 정리하는 도구")
    kept = app.operator.get(ASK).json()
    assert [one["text"] for one in kept["items"]] == ["a tool for photos", "회의록을 정리하는 도구"]
    assert kept["most"] == 50
    assert app.operator.delete(f"{ASK}/{first.json()['id']}").status_code == 204
    assert app.operator.delete(f"{ASK}/{first.json()['id']}").status_code == 404
    assert len(app.operator.get(ASK).json()["items"]) == 1


@pytest.mark.parametrize("body", [{}, {"text": ""}, {"text": " \n\x00"}, {"text": "x" * 401}, {"text": 5}, {"t": "x"}])
def test_what_is_no_question_is_refused(app, body):
    assert app.operator.post(ASK, json=body).status_code == 422
    assert app.operator.get(ASK).json()["items"] == []


def test_there_are_at_most_fifty_and_none_holds_an_address(app):
    keep(app, *(f"question number {n}" for n in range(49)), "write to me@firm.example")
    answer = app.operator.post(ASK, json={"text": "one more"})
    assert (answer.status_code, answer.json()["reason"]) == (409, "too_many_questions")
    assert app.operator.get(ASK).json()["items"][-1]["text"] == "write to [email]"
    assert app.operator.delete(f"{ASK}/0").status_code == 422


# Side by side.


def compared(app: Operated, kind: str, a: str | None, b: str | None) -> dict[str, Any]:
    answer = app.operator.post(f"{BASE}/compare", json={"kind": kind, "a": a, "b": b})
    assert answer.status_code == (200 if kind == "query" else 202), answer.text
    return answer.json()


def test_a_rotated_adapter_ranks_otherwise(app, shop, models):
    ranker(models, "rotated", np.roll(EYE, 1, axis=1))
    keep(app, "how long does sourdough bread rise", "the oldest trees of Tasmania")
    found = compared(app, "query", None, "rotated")
    assert found["changed"] == 2
    for row in found["questions"]:
        assert {one["tool_id"] for one in row["a"]} == {one["tool_id"] for one in row["b"]}
        assert any(one["place"] != one["other"] for one in row["b"])
        assert row["no_match"] is True


def test_an_adapter_decides_and_the_moves_are_marked(app, shop, models):
    """One that sends every query where invoices are."""
    (target,) = app.gateway.encoder.encode(["Ledgerly reads invoices and receipts. It books them."])
    ranker(models, "drawn", 0.2 * EYE, target)
    keep(app, "cut the background out of a photo", "회의 녹음을 글로 바꾸기")
    found = compared(app, "query", None, "drawn")
    assert (found["a"], found["b"], found["changed"]) == (None, "drawn", 2)
    first = found["questions"][0]
    assert (first["question"], first["changed"]) == ("cut the background out of a photo", True)
    assert first["a"][0]["name"] == "Snipper"
    top = first["b"][0]
    assert (top["name"], top["place"]) == ("Ledgerly", 1)
    assert top["other"] == next(one["place"] for one in first["a"] if one["name"] == "Ledgerly") > 1
    assert {one["tool_id"] for one in first["a"]} == set(shop.tool.values())


def test_the_identity_moves_nothing(app, shop, models):
    ranker(models, "same")
    keep(app, "cut the background out of a photo")
    found = compared(app, "query", "same", None)
    assert (found["changed"], found["questions"][0]["changed"]) == (0, False)
    assert all(one["place"] == one["other"] for one in found["questions"][0]["a"])


@pytest.mark.parametrize("kind", ["query", "lora"])
def test_without_a_question_or_a_second_one_nothing_is_compared(app, shop, models, kind):
    lora(models, "one")
    ranker(models, "one")
    answer = app.operator.post(f"{BASE}/compare", json={"kind": kind, "a": None, "b": "one"})
    assert (answer.status_code, answer.json()["reason"]) == (409, "no_questions")
    keep(app, "a question")
    bodies = [{"a": "one", "b": "one"}, {"a": None, "b": None}, {"a": "one"}, {"a": "../one", "b": None}, {"a": 1}]
    for body in bodies:
        assert app.operator.post(f"{BASE}/compare", json={"kind": kind} | body).status_code == 422
    answer = app.operator.post(f"{BASE}/compare", json={"kind": kind, "a": None, "b": "two"})
    assert answer.status_code == 404
    assert app.operator.get("/api/v1/pipeline/runs").json()["total"] == 0


def test_loras_are_compared_by_a_run(app, models, monkeypatch):
    sent: list[tuple[str, tuple[Any, ...]]] = []
    monkeypatch.setattr(queue, "send", lambda _app, name, *args, **_: sent.append((name, args)))
    app.gateway.celery = Celery("t", set_as_current=False)
    lora(models, "one")
    keep(app, "a question")
    run_id = compared(app, "lora", None, "one")["run_id"]
    assert sent == [("trainer.compare_adapters", (run_id,))]
    run = app.operator.get(f"/api/v1/pipeline/runs/{run_id}").json()
    assert (run["kind"], run["options"], run["asked_by"]) == ("compare", {"a": None, "b": "one"}, "operator")
    assert [step["name"] for step in run["steps"]] == ["compare_adapters"]
    second = app.operator.post(f"{BASE}/compare", json={"kind": "lora", "a": "one", "b": None})
    assert (second.status_code, second.json()["reason"]) == (409, "run_open")


def test_a_comparison_is_no_training_that_delays_the_next(app, models):
    lora(models, "one")
    keep(app, "a question")
    compared(app, "lora", None, "one")
    app.search("s1")
    app.rate("s1", rating="up")
    with app.catalogue.read() as conn:
        assert runs.next_start(conn, app.gateway.settings, 5.0)["ratings"] == 1
        assert questions.every(conn)[0]["text"] == "a question"
