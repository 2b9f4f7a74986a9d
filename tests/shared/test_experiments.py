"""Who gets which arm, over many sessions, and how an experiment may go on."""

from __future__ import annotations

import math
import uuid

import pytest
from toolscout.errors import Conflict
from toolscout.experiments import ACTIONS, CANDIDATE, STABLE, Experiment, chance, group_of, state_after

SESSIONS = [f"session-{n}" for n in range(200_000)]
STATES = ("running", "paused", "promoted", "rolled_back")


def experiment(share: float, salt: str = "a") -> Experiment:
    return Experiment("exp-1", salt, share, 1, "running", {})


@pytest.fixture(scope="module")
def chances() -> list[float]:
    return [chance("a", session) for session in SESSIONS]


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5])
def test_the_candidate_gets_its_share(share: float) -> None:
    got = sum(group_of(experiment(share), session) == CANDIDATE for session in SESSIONS)
    sigma = math.sqrt(len(SESSIONS) * share * (1 - share))
    assert abs(got - len(SESSIONS) * share) <= 3 * sigma


def test_nobody_goes_back_while_the_share_grows() -> None:
    before: set[str] = set()
    for share in (0, 0.01, 0.05, 0.1, 0.5, 1):
        now = {session for session in SESSIONS[:20_000] if group_of(experiment(share), session) == CANDIDATE}
        assert before <= now
        before = now
    assert len(before) == 20_000


def test_a_share_of_nothing_is_nobody_and_of_one_is_everybody(chances: list[float]) -> None:
    assert min(chances) >= 0
    assert max(chances) < 1
    assert group_of(experiment(0), SESSIONS[0]) == STABLE


def test_two_experiments_divide_independently(chances: list[float]) -> None:
    others = [chance("b", session) for session in SESSIONS]
    n = len(SESSIONS)
    mean_a, mean_b = sum(chances) / n, sum(others) / n
    covariance = sum((a - mean_a) * (b - mean_b) for a, b in zip(chances, others, strict=True)) / n
    correlation = covariance * 12  # the variance of a uniform number is 1/12
    assert abs(correlation) <= 3 / math.sqrt(n)


def test_random_sessions_divide_as_well() -> None:
    sessions = [uuid.UUID(int=n * 0x9E3779B97F4A7C15 % 2**128).hex for n in range(50_000)]
    got = sum(group_of(experiment(0.5, "c"), session) == CANDIDATE for session in sessions)
    assert abs(got - 25_000) <= 3 * math.sqrt(50_000 / 4)


def test_the_hash_is_the_one_that_others_can_compute() -> None:
    # printf 's:x' | sha256sum
    assert chance("s", "x") == 0xB9CC050815A80145 / 2**64


def test_every_action_from_every_state() -> None:
    allowed = {
        ("running", "pause"): "paused",
        ("paused", "resume"): "running",
        ("running", "promote"): "promoted",
        ("paused", "promote"): "promoted",
        ("running", "rollback"): "rolled_back",
        ("paused", "rollback"): "rolled_back",
        ("promoted", "rollback"): "rolled_back",
    }
    for state in STATES:
        for action in ACTIONS:
            if (state, action) in allowed:
                assert state_after(state, action) == allowed[state, action]
            else:
                with pytest.raises(Conflict) as refused:
                    state_after(state, action)
                assert refused.value.remedy
