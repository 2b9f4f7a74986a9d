"""Politeness that all crawlers share: one request a host at a time, and a delay between two."""

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from toolscout.catalogue import Catalogue, hosts

NOW = 1_000_000.0


def take(catalogue: Catalogue, owner: str, now: float = NOW, host: str = "a.example") -> float:
    with catalogue.write() as conn:
        return hosts.take_turn(conn, host, owner, now, 30)


def end(catalogue: Catalogue, owner: str, next_at: float) -> None:
    with catalogue.write() as conn:
        hosts.end_turn(conn, "a.example", owner, next_at)


def test_only_one_of_many_gets_the_turn(catalogue: Catalogue) -> None:
    start = Barrier(6)

    def ask(n: int) -> float:
        start.wait()
        return take(catalogue, f"w{n}", time.time())

    with ThreadPoolExecutor(6) as pool:
        waits = list(pool.map(ask, range(6)))
    assert waits.count(0) == 1
    assert all(0 <= wait <= 1 for wait in waits)


def test_hosts_do_not_wait_for_each_other(catalogue: Catalogue) -> None:
    assert take(catalogue, "a") == 0
    assert take(catalogue, "b", host="b.example") == 0


def test_the_next_turn_comes_after_the_delay(catalogue: Catalogue) -> None:
    take(catalogue, "a")
    end(catalogue, "a", NOW + 2)
    assert take(catalogue, "b", NOW + 0.5) == pytest.approx(1.5)
    assert take(catalogue, "b", NOW + 2) == 0


def test_the_turn_of_a_dead_worker_runs_out(catalogue: Catalogue) -> None:
    take(catalogue, "dead")
    assert take(catalogue, "b", NOW + 29) > 0
    assert take(catalogue, "b", NOW + 31) == 0


def test_only_the_holder_ends_a_turn(catalogue: Catalogue) -> None:
    take(catalogue, "a")
    end(catalogue, "b", NOW)
    assert take(catalogue, "b") > 0


def test_a_postponed_host_is_left_alone_and_never_asked_sooner(catalogue: Catalogue) -> None:
    take(catalogue, "a")
    end(catalogue, "a", NOW)
    with catalogue.write() as conn:
        hosts.postpone(conn, "a.example", NOW + 60)
        hosts.postpone(conn, "a.example", NOW + 10)
    assert take(catalogue, "b", NOW + 20) == pytest.approx(40)


def test_a_turn_that_ends_does_not_undo_what_was_postponed_meanwhile(catalogue: Catalogue) -> None:
    take(catalogue, "a")
    with catalogue.write() as conn:
        hosts.postpone(conn, "a.example", NOW + 60)
    end(catalogue, "a", NOW + 2)
    assert take(catalogue, "b", NOW + 3) == pytest.approx(57)


def test_robots_are_remembered_and_replaced(catalogue: Catalogue) -> None:
    with catalogue.write() as conn:
        assert hosts.robots(conn, "a.example") is None
        for text in ("old", "new"):
            hosts.put_robots(conn, "a.example", status="ok", text=text, fetched_at=1.0, expires_at=2.0)
        found = hosts.robots(conn, "a.example")
    assert found
    assert tuple(found) == ("ok", "new", 1.0, 2.0)
    assert take(catalogue, "a") == 0
