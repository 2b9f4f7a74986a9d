"""The whole system with its embedded model: answers that stand, tools described later, what status says."""

from __future__ import annotations

import json
import time

import pytest

from benchmarks.system import System, running

pytestmark = pytest.mark.e2e

PAGES = {
    "minutes": "Minutes records meetings and writes a transcript in real time. It sends summaries to Slack.",
    "cutout": "Cutout removes the background of a photo in seconds. It offers an API for developers.",
    "lantern": "Lantern is an open-source framework to run language models on your own laptop.",
}
PATIENCE_S = 240.0


@pytest.fixture(scope="module")
def embedded():
    with running(host_delay=0, sweep_seconds=1, no_match_score=0.2) as system:
        with system.client(headers={"Authorization": f"Bearer {system.admin_key}"}) as client:
            for name, text in PAGES.items():
                html = f"<title>{name.title()}</title><main><h1>{name.title()}</h1><p>{text}</p></main>"
                form = {"url": f"https://{name}.example/", "html": f"<html>{html}</html>", "wait": True}
                assert client.post("/api/v1/process_url", json=form).json()["state"] == "indexed"
        yield system


def test_answers_are_the_models_or_quoted_and_cite_what_is_shown(embedded: System):
    sources = []
    with embedded.client() as client:
        for query in ("remove the background of a photo", "run language models on a laptop", "transcribe meetings"):
            body = client.post("/api/v1/search", json={"query": query}).json()
            answer = body["answer"]
            shown = {p["chunk_id"] for r in body["results"] for p in r["highlights"]}
            assert answer["citations"] and {c["chunk_id"] for c in answer["citations"]} <= shown
            assert (answer["source"] == "llm") == (answer["reason"] is None)
            sources.append(answer["source"])
    assert "llm" in sources, sources
    called = embedded.events("llm_called")
    assert called and all(event["toolscout"]["tokens_in"] <= 350 for event in called)
    assert all(event["toolscout"]["purpose"] in ("answer", "describe") for event in called)


def test_tools_are_described_while_they_are_searchable(embedded: System):
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until and len(embedded.events("tool_described")) < len(PAGES):
        time.sleep(0.5)
    described = embedded.events("tool_described")
    assert {event["toolscout"]["tool_id"] for event in described} == {1, 2, 3}
    with embedded.client() as client:
        for item in client.get("/api/v1/tools").json()["items"]:
            assert item["name"] in ("Minutes", "Cutout", "Lantern"), json.dumps(item)


def test_status_says_that_the_model_is_ready(embedded: System):
    assert "stable: ready" in embedded.command("status").stdout
