"""An adapter that is deployed while the gateway runs: an experiment opens, is promoted, is rolled back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from starlette.testclient import TestClient
from toolscout.catalogue import Catalogue, meta
from toolscout.catalogue.tables import searches
from toolscout.encoder import DIM, Encoder
from toolscout.pointers import point
from toolscout.query_adapter import QueryAdapter
from toolscout.settings import Settings

from services.gateway import arms
from services.gateway.app import create_app
from tests.llm_faults import LlmServer
from tests.services.trainer.shop import Shop

CANDIDATE = "candidate_query_adapter"
QUERY = {"query": "remove the background of a photo"}


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A models/ with one query adapter, `turned`, that nothing points to."""
    found = tmp_path / "models"
    found.mkdir()
    (found / "encoder").symlink_to(Settings(_env_file=None).encoder_dir)
    weight = np.roll(np.eye(DIM, dtype=np.float32), 1, axis=0)
    provenance = {"encoder": Encoder(found / "encoder").sha, "gate": {"passed": True}}
    QueryAdapter("turned", weight, np.zeros(DIM, np.float32)).save(found / "query_adapters" / "turned", provenance, "")
    return found


@pytest.fixture
def start(
    settings: Settings, models: Path, sqlite_catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., FastAPI]]:
    monkeypatch.setattr(arms, "FRESH_S", 0.0)
    running: list[TestClient] = []

    def run(**values: object) -> FastAPI:
        mine = settings.model_copy(update={"models_dir": models, "llm": "off", "candidate_share": 1.0, **values})
        Shop(sqlite_catalogue, Encoder(mine.encoder_dir))
        app = create_app(mine)
        running.append(client(app))
        # One loop for all requests, as a server has: a model's connections belong to it.
        app.state.visitor = running[0].__enter__()
        app.state.gateway.follower.ready.wait(30)
        return app

    yield run
    for one in running:
        one.__exit__(None, None, None)


def client(app: FastAPI, **headers: str) -> TestClient:
    return TestClient(app, base_url="http://127.0.0.1", client=("127.0.0.1", 50_000), headers=headers)


def search(app: FastAPI, **more: object) -> dict:
    """By somebody new."""
    app.state.visitor.cookies.clear()
    found = app.state.visitor.post("/api/v1/search", json=QUERY | more)
    return found.json() | {"header": found.headers["X-AB-Group"]}


def ranked_by(catalogue: Catalogue, search_id: str) -> tuple[str, str | None]:
    with catalogue.read() as conn:
        arm = conn.execute(sa.select(searches.c.arm).where(searches.c.id == search_id)).scalar_one()
    return arm["served_by"], arm["query_adapter"]


def settled(look: Callable[[], bool]) -> bool:
    """An adapter's pointer is looked at every half a second."""
    until = time.monotonic() + 5
    while time.monotonic() < until:
        if look():
            return True
        time.sleep(0.1)
    return False


def test_a_deployed_adapter_opens_an_experiment_and_goes_its_way(
    start: Callable[..., FastAPI], models: Path, sqlite_catalogue: Catalogue
) -> None:
    app = start()
    assert search(app)["experiment"] is None

    point(models / CANDIDATE, models / "query_adapters" / "turned")
    assert settled(lambda: ranked_by(sqlite_catalogue, search(app)["search_id"]) == ("candidate", "turned"))
    found = search(app)
    assert (found["group"], found["header"]) == ("candidate", "candidate")

    with sqlite_catalogue.write() as conn:
        key = meta.new_admin_key(conn)
    operator = client(app, Authorization=f"Bearer {key}")
    [item] = operator.get("/api/v1/experiments").json()["items"]
    assert item["arms"]["stable"]["query_adapter"] is None
    assert item["arms"]["candidate"]["query_adapter"] == "turned"

    def act(action: str) -> str:
        answer = operator.put(f"/api/v1/experiments/{item['id']}", json={"action": action})
        assert answer.status_code == 200, answer.text
        return answer.json()["state"]

    assert act("promote") == "promoted"
    assert (models / "stable_query_adapter").resolve().name == "turned"
    assert not (models / CANDIDATE).exists()
    assert settled(lambda: ranked_by(sqlite_catalogue, search(app)["search_id"])[1] == "turned")
    [still] = operator.get("/api/v1/experiments").json()["items"]
    assert (still["id"], still["state"], still["current"]) == (item["id"], "promoted", True)

    assert act("rollback") == "rolled_back"
    assert not (models / "stable_query_adapter").exists()
    assert settled(lambda: ranked_by(sqlite_catalogue, search(app)["search_id"]) == ("stable", None))


def test_an_adapter_that_is_taken_back_ends_in_stable(
    start: Callable[..., FastAPI], models: Path, sqlite_catalogue: Catalogue
) -> None:
    point(models / CANDIDATE, models / "query_adapters" / "turned")
    app = start()
    assert search(app)["group"] == "candidate"
    (models / CANDIDATE).unlink()
    assert settled(lambda: search(app)["experiment"] is None)
    assert ranked_by(sqlite_catalogue, search(app)["search_id"])[0] == "stable"


def test_a_candidate_that_only_ranks_is_answered_by_stables_model(
    start: Callable[..., FastAPI], models: Path, sqlite_catalogue: Catalogue
) -> None:
    point(models / CANDIDATE, models / "query_adapters" / "turned")
    with LlmServer(reply="Snipper removes the background of a photo in one click [1].") as model:
        app = start(llm="external", llm_api_base=model.base)
        found = search(app)
        asked = len([one for one in model.requests if one.path.endswith("completions")])
    assert asked == 1
    with sqlite_catalogue.read() as conn:
        arm = conn.execute(sa.select(searches.c.arm).where(searches.c.id == found["search_id"])).scalar_one()
    assert (arm["served_by"], arm["fallback"], arm["model"]) == ("candidate", None, "small-1")
