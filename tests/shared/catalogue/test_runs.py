"""Runs of the pipeline: who may work on a step, how it ends, and what becomes of those that nobody works on."""

from __future__ import annotations

from typing import Any

import pytest
from toolscout.catalogue import Catalogue, runs, searches
from toolscout.errors import Conflict, LostLease, NotFound
from toolscout.settings import Settings

STEPS = ("first", "second", "third")
LEASE = 30.0
DONE = {"state": runs.DONE, "reason": None, "detail": None}
FAILED = {"state": runs.FAILED, "reason": "disk_full", "detail": "No space left."}


class Clock:
    """The catalogue's runs at a time that a test moves on."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.now = 1000.0

    def create(self, *names: str, **options: Any) -> str:
        with self.catalogue.write() as conn:
            return runs.create(conn, "train", names or STEPS, 7, options, "test", self.now)

    def claim(self, run_id: str, name: str = "first", owner: str = "a") -> dict[str, Any] | None:
        with self.catalogue.write() as conn:
            return runs.claim(conn, run_id, name, owner, self.now, LEASE)

    def renew(self, run_id: str, name: str = "first", owner: str = "a", **progress: Any) -> bool:
        with self.catalogue.write() as conn:
            return runs.renew(conn, run_id, name, owner, self.now, LEASE, **progress)

    def finish(self, run_id: str, name: str = "first", owner: str = "a", values: dict[str, Any] = DONE) -> None:
        with self.catalogue.write() as conn:
            runs.finish(conn, run_id, name, owner, values, self.now)

    def release(self, run_id: str, name: str = "first", owner: str = "a") -> None:
        with self.catalogue.write() as conn:
            runs.release(conn, run_id, name, owner, self.now)

    def cancel(self, run_id: str) -> None:
        with self.catalogue.write() as conn:
            runs.cancel(conn, run_id, self.now)

    def standing_still(self, patience: float = 60.0) -> list[str]:
        with self.catalogue.write() as conn:
            return runs.standing_still(conn, self.now, patience)

    def next(self, run_id: str) -> str | None:
        with self.catalogue.read() as conn:
            return runs.next_step(conn, run_id)

    def get(self, run_id: str) -> dict[str, Any]:
        with self.catalogue.read() as conn:
            return runs.get(conn, run_id)

    def states(self, run_id: str) -> list[str]:
        """The run's own, then its steps'."""
        run = self.get(run_id)
        return [run["state"], *(step["state"] for step in run["steps"])]


@pytest.fixture
def clock(catalogue: Catalogue) -> Clock:
    return Clock(catalogue)


def test_a_run_says_what_was_asked_and_its_steps_come_in_order(clock: Clock) -> None:
    run_id = clock.create("b", "a", source="catalogue")
    run = clock.get(run_id)
    assert (run["kind"], run["seed"], run["asked_by"], run["options"]) == ("train", 7, "test", {"source": "catalogue"})
    assert (run["state"], run["created_at"], run["ended_at"], run["cancel_at"]) == ("queued", 1000.0, None, None)
    assert [step["name"] for step in run["steps"]] == ["b", "a"]
    assert clock.next(run_id) == "b"
    with pytest.raises(NotFound, match="no run 'x'"):
        clock.get("x")


def test_a_run_goes_from_step_to_step_to_its_end(clock: Clock) -> None:
    run_id = clock.create()
    for name in STEPS:
        assert clock.next(run_id) == name
        held = clock.claim(run_id, name)
        assert held and (held["step"]["name"], held["step"]["tries"]) == (name, 1)
        assert clock.states(run_id)[0] == "running"
        clock.now += 5
        clock.finish(run_id, name, values=DONE | {"figures": {"rows": 3}, "drops": {"lukewarm": 2}})
    run = clock.get(run_id)
    assert (run["state"], run["ended_at"], clock.next(run_id)) == ("done", 1015.0, None)
    assert [(step["started_at"], step["ended_at"]) for step in run["steps"]] == [
        (1000.0, 1005.0),
        (1005.0, 1010.0),
        (1010.0, 1015.0),
    ]
    assert run["steps"][0]["figures"] == {"rows": 3}
    assert run["steps"][0]["drops"] == {"lukewarm": 2}


def test_only_the_step_whose_turn_it_is_can_be_taken_and_by_one_alone(clock: Clock) -> None:
    run_id = clock.create()
    assert clock.claim(run_id, "second") is None
    assert clock.claim(run_id, "no such step") is None
    assert clock.claim(run_id)
    assert clock.claim(run_id, owner="b") is None
    clock.finish(run_id)
    assert clock.claim(run_id) is None


def test_workers_that_come_at_once_get_one_lease(clock: Clock, together: Any) -> None:
    run_id = clock.create()
    held = together(*(lambda owner=f"w{n}": clock.claim(run_id, owner=owner) for n in range(4)))
    assert len([one for one in held if one]) == 1
    assert clock.get(run_id)["steps"][0]["tries"] == 1


def test_one_run_is_open_at_a_time(clock: Clock) -> None:
    run_id = clock.create()
    with pytest.raises(Conflict, match=run_id) as refused:
        clock.create()
    assert refused.value.reason == "run_open"
    assert f"--cancel {run_id}" in refused.value.remedy
    clock.cancel(run_id)
    assert clock.create() != run_id


def test_of_those_that_start_at_once_one_gets_a_run(clock: Clock, together: Any) -> None:
    def start() -> str:
        try:
            return clock.create()
        except Conflict:
            return ""

    made = together(*[start] * 4)
    assert len([one for one in made if one]) == 1
    with clock.catalogue.read() as conn:
        assert runs.count(conn) == 1


def test_renewing_notes_progress_keeps_the_lease_and_tells_of_a_wish_to_cancel(clock: Clock) -> None:
    run_id = clock.create()
    clock.claim(run_id)
    clock.now += LEASE - 1
    assert not clock.renew(run_id, doing="reading", done=3, total=9)
    clock.now += LEASE - 1
    assert clock.claim(run_id, owner="b") is None
    step = clock.get(run_id)["steps"][0]
    assert (step["doing"], step["done"], step["total"]) == ("reading", 3, 9)
    clock.cancel(run_id)
    assert clock.renew(run_id)


def test_who_lost_the_lease_writes_nothing_any_more(clock: Clock) -> None:
    run_id = clock.create()
    clock.claim(run_id, owner="a")
    clock.now += LEASE + 1
    held = clock.claim(run_id, owner="b")
    assert held and held["step"]["tries"] == 2
    for write in (clock.renew, clock.finish):
        with pytest.raises(LostLease):
            write(run_id, owner="a")
    clock.release(run_id, owner="a")
    assert clock.states(run_id)[:2] == ["running", "running"]
    clock.finish(run_id, owner="b")
    with pytest.raises(LostLease):
        clock.finish(run_id, owner="b")


def test_a_step_that_is_given_back_is_there_for_the_next(clock: Clock) -> None:
    run_id = clock.create()
    clock.claim(run_id)
    clock.release(run_id)
    assert clock.states(run_id)[:2] == ["running", "queued"]
    assert clock.claim(run_id, owner="b")


def test_a_step_whose_worker_dies_three_times_is_poison_and_ends_its_run(clock: Clock) -> None:
    run_id = clock.create()
    for _ in range(runs.MOST_TRIES):
        assert clock.claim(run_id)
        clock.now += LEASE + 1
    assert clock.claim(run_id) is None
    assert clock.states(run_id) == ["failed", "failed", "skipped", "skipped"]
    first, second, _ = clock.get(run_id)["steps"]
    assert (first["reason"], first["tries"], second["reason"]) == ("poison", 3, "first_failed")
    assert clock.create()


def test_a_failure_skips_the_rest_and_a_skip_does_not(clock: Clock) -> None:
    run_id = clock.create()
    clock.claim(run_id)
    clock.finish(run_id, values={"state": runs.SKIPPED, "reason": "too_few", "detail": "None."})
    assert clock.states(run_id) == ["running", "skipped", "queued", "queued"]
    clock.claim(run_id, "second")
    clock.finish(run_id, "second", values=FAILED)
    run = clock.get(run_id)
    assert (run["state"], run["ended_at"]) == ("failed", 1000.0)
    assert [step["reason"] for step in run["steps"]] == ["too_few", "disk_full", "second_failed"]
    assert run["steps"][1]["detail"] == "No space left."


def test_what_has_not_begun_is_cancelled_at_once(clock: Clock) -> None:
    run_id = clock.create()
    clock.cancel(run_id)
    assert clock.states(run_id) == ["cancelled"] * 4
    before = clock.get(run_id)
    clock.now += 50
    clock.cancel(run_id)
    assert clock.get(run_id) == before
    assert clock.claim(run_id) is None
    with pytest.raises(NotFound):
        clock.cancel("x")


def test_a_step_at_work_is_asked_to_stop(clock: Clock) -> None:
    run_id = clock.create()
    clock.claim(run_id)
    clock.cancel(run_id)
    assert clock.states(run_id) == ["running", "running", "cancelled", "cancelled"]
    assert clock.get(run_id)["cancel_at"] == 1000.0
    with pytest.raises(Conflict):
        clock.create()
    clock.finish(run_id, values={"state": runs.CANCELLED, "reason": "cancelled", "detail": None})
    assert clock.states(run_id) == ["cancelled"] * 4


def test_a_step_that_was_done_before_it_saw_the_wish_stays_done(clock: Clock) -> None:
    run_id = clock.create()
    clock.claim(run_id)
    clock.cancel(run_id)
    clock.finish(run_id)
    assert clock.states(run_id) == ["cancelled", "done", "cancelled", "cancelled"]
    clock.cancel(run_id)
    assert clock.states(run_id) == ["cancelled", "done", "cancelled", "cancelled"]


def test_a_run_whose_worker_is_dead_is_cancelled_and_the_dead_write_nothing(clock: Clock) -> None:
    run_id = clock.create()
    clock.claim(run_id)
    clock.now += LEASE + 1
    clock.cancel(run_id)
    assert clock.states(run_id) == ["cancelled"] * 4
    for write in (clock.renew, clock.finish):
        with pytest.raises(LostLease):
            write(run_id)
    clock.release(run_id)
    assert clock.states(run_id) == ["cancelled"] * 4


def test_a_run_that_stands_still_is_found_once_in_a_while(clock: Clock) -> None:
    run_id = clock.create()
    assert clock.standing_still() == []
    clock.now += 61
    assert clock.standing_still() == [run_id]
    assert clock.standing_still() == []
    clock.claim(run_id)
    clock.now += LEASE - 1
    assert clock.standing_still(patience=5) == []
    clock.now += 61
    assert clock.standing_still() == [run_id]


def test_a_run_that_stands_still_and_was_to_end_is_ended(clock: Clock) -> None:
    run_id = clock.create()
    clock.claim(run_id)
    clock.cancel(run_id)
    clock.now += 61
    assert clock.standing_still() == []
    assert clock.states(run_id) == ["cancelled"] * 4


def test_runs_are_listed_newest_first_in_pages(clock: Clock) -> None:
    made: list[str] = []
    for _ in range(3):
        made.insert(0, clock.create("first"))
        clock.cancel(made[0])
        clock.now += 1
    with clock.catalogue.read() as conn:
        assert [run["id"] for run in runs.recent(conn, 2)] == made[:2]
        assert [run["id"] for run in runs.recent(conn, 2, 2)] == made[2:]
        assert runs.recent(conn, 2, 9) == []
        assert (runs.count(conn), [len(run["steps"]) for run in runs.recent(conn)]) == (3, [1, 1, 1])


def test_an_artefact_is_this_runs_else_the_newest(clock: Clock) -> None:
    made: list[str] = []
    for n in range(3):
        run_id = clock.create("first")
        clock.claim(run_id)
        file = {"name": "rows.jsonl", "path": f"runs/{n}", "rows": n, "bytes": 1, "sha256": "0"}
        clock.finish(run_id, values=(DONE if n < 2 else FAILED) | {"artefacts": [file]})
        made.append(run_id)
        clock.now += 1
    with clock.catalogue.read() as conn:
        for wanted, found in ((made[0], made[0]), (made[1], made[1]), (made[2], made[1]), ("", made[1])):
            one = runs.artefact(conn, "first", "rows.jsonl", wanted)
            assert one and one["run_id"] == found
        assert runs.artefact(conn, "first", "other") is None


def rate(catalogue: Catalogue, n: int, at: float) -> None:
    row = {"filters": {}, "results": [], "no_match": False, "index_version": 1, "encoder": "e", "timings": {}}
    row |= {"ab_group": "stable", "session_id": "s", "query": "q", "created_at": at}
    with catalogue.write() as conn:
        for k in range(n):
            searches.add(conn, row | {"id": f"{at}-{k}"})
            said = {"search_id": f"{at}-{k}", "session_id": "s", "tool_id": 0, "rating": "up", "score": None}
            searches.rate(conn, said | {"comment": None, "created_at": at})


def test_a_run_is_due_after_some_ratings_or_some_days(catalogue: Catalogue, settings: Settings) -> None:
    mine = settings.model_copy(update={"pipeline_days": 7.0, "pipeline_ratings": 5})

    def due(now: float, **values: float) -> tuple[bool, float | None, int]:
        with catalogue.read() as conn:
            found = runs.next_start(conn, mine.model_copy(update=values), now)
        return found["due"], found["at"], found["ratings"]

    assert due(1e9) == (False, None, 0)  # nobody has said anything
    rate(catalogue, 3, 1000.0)
    assert due(2000.0) == (False, 1000.0 + 7 * 86_400, 3)
    assert due(1000.0 + 7 * 86_400)[0]
    assert due(2000.0, pipeline_ratings=3)[0]
    assert due(1e9, pipeline_days=0.0, pipeline_ratings=0) == (False, None, 3)
    with catalogue.write() as conn:
        runs.create(conn, "train", ["a"], 0, {}, "test", 5000.0)
    assert due(1e9) == (False, None, 0)  # what was said before that run is known to it
    rate(catalogue, 1, 6000.0)
    assert due(6001.0) == (False, 5000.0 + 7 * 86_400, 1)
