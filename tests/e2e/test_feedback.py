"""The loop over HTTP: visitors with known tastes rate, the pipeline learns, its candidate is promoted."""

import pytest
from toolscout.query_adapter import POINTERS

from benchmarks.feedback import pipeline, promote, unadapted
from benchmarks.system import SHARED
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
