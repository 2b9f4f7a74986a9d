"""Deployments while visitors search, and on the real embedded model: nobody notices but the candidate's sessions."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from starlette.testclient import TestClient
from toolscout.catalogue import Catalogue, experiments
from toolscout.catalogue.tables import experiments as opened
from toolscout.encoder import Encoder
from toolscout.pointers import point
from toolscout.settings import Settings

from services.gateway import arms
from services.gateway.app import create_app
from tests.services.llm.conftest import serving, until, write_adapter
from tests.services.trainer.conftest import Trainer
from tests.services.trainer.deploying import Vllm, evaluated, served_base, tuned
from tests.services.trainer.shop import Shop
from tests.services.trainer.test_deploy import ranker

QUERY = {"query": "remove the background of a photo"}
SAID = "Snipper removes the background of a photo in one click [1]."


@contextmanager
def searching(app: FastAPI) -> Iterator[list[tuple[int, dict[str, Any]]]]:
    """Somebody new searches each 100 ms; what each got."""
    found: list[tuple[int, dict[str, Any]]] = []
    over = threading.Event()
    with TestClient(app, base_url="http://127.0.0.1", client=("127.0.0.1", 50_000)) as visitor:
        app.state.gateway.follower.ready.wait(30)

        def search() -> None:
            while not over.wait(0.1):
                visitor.cookies.clear()
                answer = visitor.post("/api/v1/search", json=QUERY)
                found.append((answer.status_code, answer.json()))

        thread = threading.Thread(target=search)
        thread.start()
        try:
            until(lambda: len(found) > 3, 30)
            yield found
        finally:
            over.set()
            thread.join(30)


def experiments_of(catalogue: Catalogue) -> list[dict[str, Any]]:
    with catalogue.read() as conn:
        return [row.arms for row in conn.execute(sa.select(opened).order_by(opened.c.created_at))]


@pytest.fixture
def slow_switch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the two pointers a gateway has time to look, and does."""
    monkeypatch.setattr(arms, "FRESH_S", 0.0)
    replace = Path.replace

    def slowly(path: Path, to: Path) -> Path:
        moved = replace(path, to)
        if to.name == "finetuned_adapter":
            time.sleep(1.2)
        return moved

    monkeypatch.setattr(Path, "replace", slowly)


def test_visitors_search_on_while_a_server_gets_an_adapter(
    settings: Settings, sqlite_catalogue: Catalogue, tmp_path: Path, slow_switch: None
) -> None:
    Shop(sqlite_catalogue, Encoder(settings.encoder_dir))
    with Vllm(reply=SAID) as server:
        base = str(served_base(tmp_path / "base"))
        values = {"llm_api_base": server.base, "llm_model": "base-1", "trainer_base": base}
        mine = settings.model_copy(update={**values, "deploy": "vllm", "candidate_share": 0.5})
        tuned(mine, sqlite_catalogue)
        evaluated(mine, sqlite_catalogue)
        ranker(mine, sqlite_catalogue)
        with searching(create_app(mine)) as found:
            assert Trainer(mine, sqlite_catalogue)("deploy")["figures"]["deployed"]
            until(lambda: {one["group"] for _, one in found[-20:]} == {"stable", "candidate"}, 30)
            before = len(found)
            # At share 0 another one takes its place.
            with sqlite_catalogue.write() as conn:
                now = experiments.current(conn)
                experiments.change(conn, now.id, 0.0, None, None, time.time())
            tuned(mine, sqlite_catalogue, "a2")
            evaluated(mine, sqlite_catalogue, "a2")
            assert Trainer(mine, sqlite_catalogue)("deploy")["figures"]["deployed"]
            until(lambda: any(one["experiment"] not in (None, now.id) for _, one in found[before:]), 30)
    assert {status for status, _ in found} == {200}
    assert {one["answer"]["source"] for _, one in found} == {"llm"}
    # Never one with half of what went out together.
    candidates = [one["candidate"] for one in experiments_of(sqlite_catalogue)]
    assert [(one["adapter"], one["query_adapter"]) for one in candidates] == [("a1", "q1"), ("a2", "q1")]


@pytest.fixture
def gguf(settings: Settings, sqlite_catalogue: Catalogue) -> Callable[..., Path]:
    """A LoRA of random weights that the embedded model can be asked with; `broken` makes it none."""

    def made(name: str, broken: bool = False) -> Path:
        folder = write_adapter(settings.models_dir / "adapters" / name, strength=0.02)
        if broken:
            whole = (folder / "adapter.gguf").read_bytes()
            (folder / "adapter.gguf").write_bytes(whole[: len(whole) // 2])
        tuned(settings, sqlite_catalogue, name)
        evaluated(settings, sqlite_catalogue, name)
        return folder

    return made


def test_the_embedded_model_is_tried_and_the_candidates_server_follows(
    settings: Settings, sqlite_catalogue: Catalogue, gguf: Callable[..., Path]
) -> None:
    point(settings.models_dir / "finetuned_adapter", write_adapter(settings.models_dir / "adapters" / "old"))
    gguf("a1")
    with serving(settings, "candidate") as candidate:
        assert candidate.health()["adapter"] == "old"
        ended = Trainer(settings, sqlite_catalogue)("deploy")
        assert ended["figures"] == {
            "driver": "embedded",
            "deployed": True,
            "left_out": ended["figures"]["left_out"],
            "adapter": "a1",
        }
        until(lambda: candidate.health()["adapter"] == "a1", 20)
        assert candidate.health()["status"] == "ok"


def test_a_broken_gguf_never_gets_a_pointer_and_stable_goes_on(
    settings: Settings, sqlite_catalogue: Catalogue, gguf: Callable[..., Path]
) -> None:
    Shop(sqlite_catalogue, Encoder(settings.encoder_dir))
    gguf("half", broken=True)
    with searching(create_app(settings)) as found:
        ended = Trainer(settings, sqlite_catalogue)("deploy")
    assert (ended["state"], ended["reason"]) == ("failed", "adapter_broken"), ended
    assert "half" in ended["detail"] and "finetune_model" in ended["detail"]
    assert not (settings.models_dir / "finetuned_adapter").exists()
    assert {status for status, _ in found} == {200}
    assert {one["experiment"] for _, one in found} == {None}
