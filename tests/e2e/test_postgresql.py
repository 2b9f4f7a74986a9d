"""The whole system on PostgreSQL instead of SQLite."""

import time

import pytest

from benchmarks.system import running

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("postgresql")]


def test_the_whole_flow_runs_on_postgresql(site, postgresql):
    urls = site.urls(20)
    with (
        running(llm="off", database_url=postgresql(), allow_hosts=site.allow, host_delay=0, lease_seconds=5) as system,
        system.client() as client,
    ):
        done = client.post("/api/v1/process_url", json={"urls": urls, "wait": True})
        assert {row["state"] for row in done.json()["urls"]} == {"indexed"}
        time.sleep(0.5)
        found = client.post("/api/v1/search", json={"query": "helper13"}).json()
        assert urls[13] in [h["url"] for result in found["results"] for h in result["highlights"]]
        rated = {"search_id": found["search_id"], "tool_id": found["results"][0]["tool_id"], "rating": "up"}
        assert client.post("/api/v1/feedback", json=rated).status_code == 204
        again = client.post("/api/v1/process_url", json={"urls": urls, "wait": True}).json()
        assert {row["reason"] for row in again["urls"]} == {"fresh_copy"}
        assert not (system.data_dir / "toolscout.db").exists()
        assert [e for e in system.events("message_logged") if e["event"]["outcome"] == "failure"] == []
