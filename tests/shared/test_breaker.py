"""The circuit breaker: what keeps failing is left alone, and tried again after a while."""

import pytest
from toolscout import breaker
from toolscout.breaker import FAILURES, PAUSE_S, Breaker, breaker_of


class Clock:
    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(breaker, "time", clock)
    return clock


def opened() -> Breaker:
    found = Breaker()
    for _ in range(FAILURES):
        assert found.allow()
        found.failed()
    return found


def test_it_opens_after_failures_in_a_row(clock: Clock) -> None:
    assert not opened().allow()


def test_a_success_between_them_keeps_it_closed(clock: Clock) -> None:
    found = Breaker()
    for _ in range(FAILURES * 2):
        found.failed()
        found.succeeded()
    assert found.allow()


def test_after_a_pause_one_call_may_try(clock: Clock) -> None:
    found = opened()
    clock.now += PAUSE_S - 0.1
    assert not found.allow()
    clock.now += 0.2
    assert [found.allow() for _ in range(3)] == [True, False, False]


def test_a_try_that_succeeds_closes_it(clock: Clock) -> None:
    found = opened()
    clock.now += PAUSE_S
    assert found.allow()
    found.succeeded()
    assert found.allow()
    assert found.allow()


def test_a_try_that_fails_keeps_it_open_for_as_long_again(clock: Clock) -> None:
    found = opened()
    clock.now += PAUSE_S
    assert found.allow()
    clock.now += 1
    found.failed()
    clock.now += PAUSE_S - 0.1
    assert not found.allow()
    clock.now += 0.2
    assert found.allow()


def test_a_try_that_never_ends_does_not_keep_it_open_for_ever(clock: Clock) -> None:
    found = opened()
    clock.now += PAUSE_S
    assert found.allow()
    clock.now += PAUSE_S
    assert found.allow()


def test_an_address_has_one_in_this_process() -> None:
    assert breaker_of("http://a.example/v1") is breaker_of("http://a.example/v1")
    assert breaker_of("http://a.example/v1") is not breaker_of("http://b.example/v1")
