"""The same rows from a real Elasticsearch as from the catalogue: visitors over HTTP, their events as documents."""

from __future__ import annotations

import logging
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import elasticsearch
import pytest
from elasticsearch.helpers import bulk
from fastapi import FastAPI
from starlette.testclient import TestClient
from toolscout import events, logs
from toolscout.catalogue import Catalogue, meta
from toolscout.encoder import Encoder
from toolscout.settings import Settings

from services.gateway.app import create_app
from services.up import free_port
from tests.needs import missing
from tests.services.trainer.conftest import Trainer
from tests.services.trainer.shop import Shop

START = Path(__file__).resolve().parents[4] / "shared" / "tools" / "elasticsearch" / "start.sh"
STREAM = "logs-toolscout.gateway-default"
FILES = ("finetuning.jsonl", "kto.jsonl", "retrieval.jsonl")


@pytest.fixture(scope="module")
def elastic_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if not START.exists():
        missing("../shared/tools/elasticsearch")
    if not (shutil.which("mvn") and list(Path("/usr/lib/jvm").glob("temurin-2*"))):
        pytest.skip("Java 21 and Maven, which build the Elasticsearch of ../shared, are not here")
    port = free_port()
    argv = ["bash", str(START), str(port), str(tmp_path_factory.mktemp("elasticsearch"))]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert process.stdout
        said = ""
        for line in process.stdout:
            said += line
            if line.startswith("READY"):
                break
        else:
            pytest.fail(f"Elasticsearch did not start: {said[-2000:]}")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


class _Documents(logging.Handler):
    """Every event as Logstash would get it."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[dict[str, Any]] = []
        self._formatter = logs.JsonFormatter("gateway")

    def emit(self, record: logging.LogRecord) -> None:
        from toolscout import context

        if isinstance(getattr(record, "toolscout_event", None), events.Event):
            record.toolscout_context = context.current()
            self.found.append(self._formatter.document(record))


@pytest.fixture
def documents() -> Iterator[_Documents]:
    handler, logger = _Documents(), logging.getLogger("toolscout.events")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield handler
    logger.removeHandler(handler)
    logger.setLevel(level)


@pytest.fixture
def app(settings: Settings, sqlite_catalogue: Catalogue) -> Iterator[FastAPI]:
    Shop(sqlite_catalogue, Encoder(settings.encoder_dir))
    app = create_app(settings.model_copy(update={"llm": "off"}))
    with TestClient(app):
        app.state.gateway.follower.ready.wait(30)
        yield app


def visitor_of(app: FastAPI, **options: Any) -> TestClient:
    return TestClient(app, base_url="http://127.0.0.1", client=("127.0.0.1", 50_000), **options)


def ask(app: FastAPI, query: str, **said: Any) -> str:
    """One visitor's search, and what they say of it: answer=, tool=, click=, survey=."""
    visitor = visitor_of(app)
    found = visitor.post("/api/v1/search", json={"query": query}).json()
    search, first = found["search_id"], found["results"][0]["tool_id"]
    if "answer" in said:
        visitor.post("/api/v1/feedback", json={"search_id": search, "rating": said["answer"]}).raise_for_status()
    if "tool" in said:
        body = {"search_id": search, "rating": said["tool"], "tool_id": first}
        visitor.post("/api/v1/feedback", json=body).raise_for_status()
    if "click" in said:
        visitor.post("/api/v1/click", json={"search_id": search, "tool_id": first, "position": 0}).raise_for_status()
    if "survey" in said:
        visitor.post("/api/v1/survey", json={"search_id": search, "score": said["survey"]}).raise_for_status()
    return search


def test_both_sources_give_the_same_rows(
    app: FastAPI, documents: _Documents, train: Trainer, elastic_url: str, settings: Settings
) -> None:
    ask(app, "remove the background of a photo", answer="up", click=True)
    ask(app, "turn speech into text", tool="up", answer="down")
    ask(app, "read invoices and receipts", tool="down")
    ask(app, "guitar tablature from a recording", survey=5)
    ask(app, "nobody says anything of this photo")
    ask(app, "write to kim@mail.example about speech", answer="up")
    missed = ask(app, "draw a comic about invoices", answer="down")
    wrong = ask(app, "keep hair sharp in a photo", answer="down")
    with train.catalogue.write() as conn:
        key = meta.new_admin_key(conn)
    operator = visitor_of(app, headers={"Authorization": f"Bearer {key}"})
    operator.put(f"/api/v1/missed/{missed}", json={"verdict": "no_such_tool"}).raise_for_status()
    operator.put(f"/api/v1/missed/{wrong}", json={"verdict": "no_such_tool"}).raise_for_status()
    operator.delete(f"/api/v1/missed/{wrong}").raise_for_status()
    with elasticsearch.Elasticsearch(elastic_url) as client:
        bulk(client, ({"_op_type": "create", "_index": STREAM, **one} for one in documents.found), refresh=True)
    train("generate_finetuning_data")
    ours, drops = {name: rows(train, name) for name in FILES}, train.run["steps"][0]["drops"]
    theirs = Trainer(settings.model_copy(update={"elasticsearch_url": elastic_url}), train.catalogue)
    step = theirs("generate_finetuning_data", source="elasticsearch")
    assert step["state"] == "done", step["detail"]
    assert {name: rows(theirs, name) for name in FILES} == ours
    assert step["drops"] == drops
    assert len(ours["finetuning.jsonl"]) == 4
    assert len(ours["retrieval.jsonl"]) == 5


def rows(train: Trainer, name: str) -> list[dict[str, Any]]:
    """An event's time is that of its writing, some milliseconds after the row's."""
    return [{**row, "at": None} for row in train.rows(name)]


def test_without_elasticsearch_the_step_says_what_to_do(train: Trainer, settings: Settings) -> None:
    step = train("generate_finetuning_data", source="elasticsearch")
    assert (step["state"], step["reason"]) == ("failed", "config_error")
    assert "TOOLSCOUT_ELASTICSEARCH_URL" in step["detail"]
    away = Trainer(
        settings.model_copy(update={"elasticsearch_url": f"http://127.0.0.1:{free_port()}"}), train.catalogue
    )
    step = away("generate_finetuning_data", source="elasticsearch")
    assert (step["state"], step["reason"]) == ("failed", "elasticsearch_away")
