"""The loop over HTTP: visitors with known tastes rate, the pipeline learns, its candidate is promoted."""

from collections import Counter

import pytest
from toolscout.query_adapter import POINTERS

from benchmarks.feedback import pipeline, promote, unadapted
from benchmarks.system import SHARED, running
from services import simulate
from tests.needs import missing

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("e2e")]

SET = SHARED / "data" / "retrieval" / "metatool"


@pytest.fixture(scope="module")
def world() -> simulate.World:
    if not SET.exists():
        missing("../shared/data/retrieval/metatool")
    return simulate.read(SET)


def test_search_learns_from_visitors_and_not_from_one_who_poisons(world: simulate.World) -> None:
    with unadapted() as system:
        simulate.load(system.url, system.admin_key, world, lambda _: None)
        before = simulate.measure(system.url, world)

        simulate.visit(system.url, world, "poisoned", 1, 300, 1.0, 9)
        last = pipeline(system)[-1]
        assert last["state"] == "skipped", last
        assert not promote(system)
        assert simulate.measure(system.url, world) == before

        said = simulate.visit(system.url, world, "known", 90, 6, 0.9, 1)
        assert said["searches"] == 540
        steps = pipeline(system)
        assert [step["state"] for step in steps] == ["done"] * len(steps), steps
        assert promote(system)
        after = simulate.measure(system.url, world)
        assert after["ndcg10"] > before["ndcg10"], (before, after)
        assert after["questions"] > 500

        [changed, *_] = [e for e in system.events("experiment_changed") if e["toolscout"]["change"] == "promote"]
        assert changed["toolscout"]["experiment"]
        ended = {e["toolscout"]["step"] for e in system.events("step_ended")}
        assert "train_query_adapter" in ended
        served = system.events("search_served")[-1]["toolscout"]["query_adapter"]
        models = system.env["TOOLSCOUT_MODELS_DIR"]
        assert served and served in str((SET.__class__(models) / POINTERS["stable"]).resolve())


def test_a_run_that_crawls_waits_for_its_pages(site) -> None:
    """Pages whose copy is old are fetched again, read, and only then does the run go on."""
    urls = site.urls(3)
    with running(llm="off", allow_hosts=site.allow, host_delay=0, recrawl_days=0) as system:
        with system.client(headers={"Authorization": f"Bearer {system.admin_key}"}) as operator:
            operator.post("/api/v1/process_url", json={"urls": urls, "wait": True}).raise_for_status()
        done = system.command("train", "--kind", "crawl")
        assert done.returncode == 0, done.stderr
        assert "crawl: done" in done.stdout and "process: done" in done.stdout
        fetched = Counter(event["url"]["full"] for event in system.events("page_fetched"))
    assert fetched == dict.fromkeys(urls, 2)
