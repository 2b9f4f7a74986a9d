"""Experiments as rows, on both databases: one is current, assignments stay, changes are history."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from toolscout.catalogue import Catalogue, experiments, searches
from toolscout.catalogue.tables import assignments, experiment_changes
from toolscout.catalogue.tables import experiments as rows
from toolscout.errors import Conflict, NotFound
from toolscout.experiments import Experiment, group_of

NOW = 1_764_072_000.0  # 2025-11-25
STABLE = {"endpoint": "http://127.0.0.1:1/v1", "model": "a", "prompt": "v1", "adapter": None}
CANDIDATE = STABLE | {"model": "b"}
ARMS = {"stable": STABLE, "candidate": CANDIDATE}


def sync(catalogue: Catalogue, arms: dict | None = ARMS, share: float = 0.1, now: float = NOW) -> Experiment | None:
    with catalogue.write() as conn:
        return experiments.sync(conn, arms, share, now)


def change(catalogue: Catalogue, name: str, share: float | None = None, action: str | None = None) -> Experiment:
    with catalogue.write() as conn:
        return experiments.change(conn, name, share, action, "why", NOW + 1)[0]


def assign(catalogue: Catalogue, experiment: Experiment, session: str, counted: bool = True) -> tuple[sa.Row, bool]:
    with catalogue.write() as conn:
        return experiments.assign(conn, experiment, session, counted, NOW)


def send(catalogue: Catalogue, name: str, session: str, arm: str) -> None:
    with catalogue.write() as conn:
        experiments.name_tester(conn, name, session, arm, "listed", "Min-ji", NOW + 2)


def current(catalogue: Catalogue) -> Experiment | None:
    with catalogue.read() as conn:
        return experiments.current(conn)


def history(catalogue: Catalogue, name: str) -> list[tuple[str, float]]:
    with catalogue.read() as conn:
        return [(row["change"], row["share"]) for row in experiments.history(conn, name)]


@pytest.fixture
def running(catalogue: Catalogue) -> Experiment:
    found = sync(catalogue, share=0.5)
    assert found
    return found


def test_the_same_arms_go_on_with_their_share_and_state(catalogue: Catalogue) -> None:
    first = sync(catalogue)
    assert first
    assert first.id.startswith("exp-20251125-")
    changed = change(catalogue, first.id, 0.3, "pause")
    assert sync(catalogue, share=0.1, now=NOW + 9) == changed == current(catalogue)
    assert (changed.share, changed.stage, changed.state) == (0.3, 2, "paused")


def test_other_arms_open_another_experiment_with_another_salt(catalogue: Catalogue) -> None:
    first = sync(catalogue)
    second = sync(catalogue, ARMS | {"candidate": CANDIDATE | {"adapter": "new"}}, share=0.2, now=NOW + 5)
    assert first
    assert second
    assert (second.share, second.state, second.stage) == (0.2, "running", 1)
    assert first.salt != second.salt
    assert history(catalogue, second.id) == [("opened", 0.2)]
    with catalogue.read() as conn:
        assert [found.id for found in experiments.items(conn)] == [second.id, first.id]
    with pytest.raises(Conflict) as refused:
        change(catalogue, first.id, 0.5)
    assert second.id in refused.value.remedy


def test_without_a_candidate_nothing_is_current_and_history_stays(catalogue: Catalogue, running: Experiment) -> None:
    assert sync(catalogue, None) is None
    assert current(catalogue) is None
    with catalogue.read() as conn:
        assert [(found.id, found.state) for found in experiments.items(conn)] == [(running.id, "running")]
    again = sync(catalogue)
    assert again
    assert again.id != running.id


def test_gateways_that_start_together_open_one(catalogue: Catalogue, together: Any) -> None:
    found = together(*[lambda: sync(catalogue)] * 8)
    assert len({one.id for one in found}) == 1
    with catalogue.read() as conn:
        assert conn.execute(sa.select(sa.func.count()).select_from(rows)).scalar() == 1
        assert conn.execute(sa.select(sa.func.count()).select_from(experiment_changes)).scalar() == 1


def test_no_password_reaches_a_row(catalogue: Catalogue) -> None:
    secret = STABLE | {"endpoint": "https://me:hidden@llm.example:8443/v1"}
    found = sync(catalogue, {"stable": secret, "candidate": secret})
    assert found
    assert found.arms["stable"]["endpoint"] == "https://llm.example:8443/v1"
    assert sync(catalogue, {"stable": secret, "candidate": secret}, now=NOW + 1) == found
    with catalogue.read() as conn:
        assert "hidden" not in str(conn.execute(sa.select(rows)).all())


def test_a_session_is_assigned_once_and_a_ramp_leaves_it_where_it_is(catalogue: Catalogue, running: Experiment) -> None:
    stable = next(s for s in map(str, range(99)) if group_of(running, s) == "stable")
    row, first = assign(catalogue, running, stable)
    assert (row.ab_group, row.share, row.stage, row.rule, row.counted, first) == ("stable", 0.5, 1, None, True, True)
    everybody = change(catalogue, running.id, 1.0)
    row, first = assign(catalogue, everybody, stable)
    assert (row.ab_group, row.stage, first) == ("stable", 1, False)
    row, _ = assign(catalogue, everybody, "somebody new")
    assert (row.ab_group, row.share, row.stage) == ("candidate", 1.0, 2)


def test_one_session_that_comes_many_times_at_once_is_new_once(
    catalogue: Catalogue, running: Experiment, together: Any
) -> None:
    found = together(*[lambda: assign(catalogue, running, "me")] * 8)
    assert sum(first for _, first in found) == 1
    assert len({row.ab_group for row, _ in found}) == 1
    with catalogue.read() as conn:
        assert conn.execute(sa.select(sa.func.count()).select_from(assignments)).scalar() == 1


def test_a_listed_tester_gets_the_arm_that_was_said_and_does_not_count(
    catalogue: Catalogue, running: Experiment
) -> None:
    for n, arm in enumerate(["candidate", "stable"] * 4):
        send(catalogue, running.id, f"t{n}", arm)
        row, first = assign(catalogue, running, f"t{n}")
        assert (row.ab_group, row.rule, row.counted, first) == (arm, "listed", False, True)


def test_who_is_listed_later_changes_over_and_is_left_out_from_then_on(
    catalogue: Catalogue, running: Experiment
) -> None:
    before, _ = assign(catalogue, running, "me")
    other = "stable" if before.ab_group == "candidate" else "candidate"
    send(catalogue, running.id, "me", other)
    row, first = assign(catalogue, running, "me")
    assert (row.ab_group, row.rule, row.counted, first) == (other, "listed", False, False)
    with catalogue.write() as conn:
        experiments.forget_tester(conn, running.id, "me", NOW + 3)
        assert experiments.testers_of(conn, running.id) == []
        assert experiments.exposures(conn, running.id) == {}
    row, _ = assign(catalogue, running, "me")
    assert (row.ab_group, row.counted) == (group_of(running, "me"), False)


def test_whom_nobody_listed_cannot_be_taken_off(catalogue: Catalogue, running: Experiment) -> None:
    with pytest.raises(NotFound), catalogue.write() as conn:
        experiments.forget_tester(conn, running.id, "me", NOW)


def test_every_change_is_told_with_its_share(catalogue: Catalogue, running: Experiment) -> None:
    change(catalogue, running.id, 0.5)  # as it is: nothing happens
    change(catalogue, running.id, 0.7)
    change(catalogue, running.id, None, "pause")
    change(catalogue, running.id, 0.8, "resume")
    change(catalogue, running.id, None, "promote")
    changes = [("promote", 0.8), ("resume", 0.8), ("share", 0.8), ("pause", 0.7), ("share", 0.7), ("opened", 0.5)]
    assert history(catalogue, running.id) == changes
    with pytest.raises(Conflict):
        change(catalogue, running.id, 0.9)
    found = change(catalogue, running.id, None, "rollback")
    assert (found.state, found.stage, found.share) == ("rolled_back", 3, 0.8)
    assert current(catalogue) == found


def test_a_change_that_is_refused_changes_nothing(catalogue: Catalogue, running: Experiment) -> None:
    with pytest.raises(Conflict):
        change(catalogue, running.id, 0.9, "resume")
    assert current(catalogue) == running
    assert history(catalogue, running.id) == [("opened", 0.5)]
    with pytest.raises(NotFound):
        change(catalogue, "exp-0", 0.9)


def test_changes_at_the_same_time_come_one_after_the_other(
    catalogue: Catalogue, running: Experiment, together: Any
) -> None:
    together(*[lambda n=n: change(catalogue, running.id, (n + 1) / 10) for n in range(4)])
    found = current(catalogue)
    assert found
    assert found.stage == len(history(catalogue, running.id))


def test_figures_are_read_from_counted_searches_of_the_arm_alone(catalogue: Catalogue, running: Experiment) -> None:
    base = {"session_id": "me", "query": "q", "filters": {}, "results": [], "no_match": False, "encoder": "e"}
    base |= {"created_at": NOW, "index_version": 1, "timings": {"total": 12.5, "first_token": 3.0}}
    base |= {"experiment": running.id, "counted": True, "answer": None, "arm": {"fallback": None}}
    with catalogue.write() as conn:
        searches.add(conn, base | {"id": "1", "ab_group": "candidate", "arm": {"fallback": "llm_timeout"}})
        searches.add(conn, base | {"id": "2", "ab_group": "candidate", "answer": {"source": "llm", "reason": None}})
        searches.add(conn, base | {"id": "3", "ab_group": "candidate", "counted": False})
        searches.add(conn, base | {"id": "4", "ab_group": "stable", "timings": {}})
        searches.add(conn, base | {"id": "5", "ab_group": "stable", "experiment": None})
        found = experiments.outcomes(conn, running.id, "candidate")
        assert {(row.fallback, row.source, row.total, row.first_token) for row in found} == {
            ("llm_timeout", None, 12.5, 3.0),
            (None, "llm", 12.5, 3.0),
        }
        assert [tuple(row) for row in experiments.outcomes(conn, running.id, "stable")] == [(False, *[None] * 5)]
        assert experiments.count_searches(conn, running.id) == 3
        assert experiments.count_searches(conn, running.id, counted=False) == 1


def test_the_figures_of_an_arm_need_no_look_at_other_searches(sqlite_catalogue: Catalogue) -> None:
    plan = "EXPLAIN QUERY PLAN SELECT id FROM searches WHERE experiment = 'e' AND ab_group = 'stable'"
    plan += " AND counted IS 1 ORDER BY created_at DESC LIMIT 20000"
    with sqlite_catalogue.read() as conn:
        steps = [row[-1] for row in conn.exec_driver_sql(plan)]
    assert len(steps) == 1
    assert "ix_searches_arm (experiment=? AND ab_group=? AND counted=?)" in steps[0]
