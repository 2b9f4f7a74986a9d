"""How a worker gets through its pages when some of them fail, kill or are taken away."""

import time
from collections.abc import Callable, Sequence

import pytest
import sqlalchemy as sa
from toolscout.catalogue import Catalogue, pages
from toolscout.catalogue.pages import FETCH
from toolscout.catalogue.tables import pages as page_table
from toolscout.domain import State
from toolscout.work import new_owner, renewing, work_through

LEASE = 30.0
AddPages = Callable[..., list[int]]


class Worker:
    """Finishes pages under its lease; fails on those in `bad`, and notes with whom each was done."""

    def __init__(self, catalogue: Catalogue, bad: Sequence[int] = ()) -> None:
        self.catalogue = catalogue
        self.bad = bad
        self.calls: list[list[int]] = []

    def __call__(self, rows: Sequence[sa.Row], owner: str) -> None:
        ids = [row.id for row in rows]
        self.calls.append(ids)
        if set(ids) & set(self.bad):
            raise ValueError("bad page")
        self.finish(ids, owner)

    def finish(self, ids: list[int], owner: str) -> None:
        with self.catalogue.write() as conn:
            mine = pages.held(conn, ids, owner, time.time())
            pages.close(conn, sorted(mine), State.INDEXED, None, time.time())


def states(catalogue: Catalogue, ids: list[int]) -> list[tuple[str, str | None]]:
    with catalogue.read() as conn:
        return [(row.state, row.reason) for page_id in ids if (row := pages.get(conn, page_id))]


def run(worker: Callable, catalogue: Catalogue, ids: list[int]) -> int:
    return work_through(catalogue, FETCH, ids, LEASE, worker)


def test_a_batch_is_done_together(catalogue: Catalogue, add_pages: AddPages) -> None:
    ids = add_pages(catalogue, 4)
    worker = Worker(catalogue)
    assert run(worker, catalogue, ids) == 4
    assert [sorted(call) for call in worker.calls] == [ids]
    assert states(catalogue, ids) == [("indexed", None)] * 4


def test_a_second_run_of_the_same_task_does_nothing(catalogue: Catalogue, add_pages: AddPages) -> None:
    ids = add_pages(catalogue, 2)
    run(Worker(catalogue), catalogue, ids)
    again = Worker(catalogue)
    assert run(again, catalogue, ids) == 0
    assert again.calls == []


def test_a_task_redelivered_while_it_runs_leaves_the_pages_alone(catalogue: Catalogue, add_pages: AddPages) -> None:
    ids, second = add_pages(catalogue, 2), Worker(catalogue)

    def first(rows: Sequence[sa.Row], owner: str) -> None:
        assert run(second, catalogue, ids) == 0
        Worker(catalogue)(rows, owner)

    assert run(first, catalogue, ids) == 2
    assert second.calls == []


def test_a_failing_batch_is_done_one_by_one_and_only_the_bad_page_is_lost(
    catalogue: Catalogue, add_pages: AddPages
) -> None:
    ids = add_pages(catalogue, 4)
    worker = Worker(catalogue, bad=[ids[1]])
    run(worker, catalogue, ids)
    assert states(catalogue, ids) == [("indexed", None), ("failed", "poison"), ("indexed", None), ("indexed", None)]
    assert worker.calls.count([ids[1]]) == 3
    assert all(worker.calls.count([page_id]) == 1 for page_id in (ids[0], ids[2], ids[3]))


def test_pages_of_a_dead_worker_are_done_alone(catalogue: Catalogue, add_pages: AddPages) -> None:
    ids = add_pages(catalogue, 3)
    with catalogue.write() as conn:
        pages.claim(conn, FETCH, ids[:2], "dead", time.time() - LEASE - 1, LEASE)
    worker = Worker(catalogue)
    assert run(worker, catalogue, ids) == 3
    assert sorted(worker.calls) == [[page_id] for page_id in ids]


def test_a_page_that_kills_every_worker_is_poison(sqlite_catalogue: Catalogue, add_pages: AddPages) -> None:
    (page_id,) = add_pages(sqlite_catalogue)

    def killed(rows: Sequence[sa.Row], owner: str) -> None:
        with sqlite_catalogue.write() as conn:  # what a sweep long after its death would find
            conn.execute(sa.update(page_table).values(lease_until=1.0))
        raise SystemExit

    for _ in range(4):
        with pytest.raises(SystemExit):
            run(killed, sqlite_catalogue, [page_id])
    worker = Worker(sqlite_catalogue)
    run(worker, sqlite_catalogue, [page_id])
    assert worker.calls == []
    assert states(sqlite_catalogue, [page_id]) == [("failed", "poison")]


def test_what_lost_its_lease_is_not_written(catalogue: Catalogue, add_pages: AddPages) -> None:
    ids = add_pages(catalogue, 2)

    def slow(rows: Sequence[sa.Row], owner: str) -> None:
        with catalogue.write() as conn:  # meanwhile another worker took over the first page
            conn.execute(sa.update(page_table).where(page_table.c.id == ids[0]).values(lease_owner="other"))
        Worker(catalogue)(rows, owner)

    run(slow, catalogue, ids)
    assert states(catalogue, ids) == [("fetching", None), ("indexed", None)]


def test_a_database_that_is_away_counts_for_no_page(sqlite_catalogue: Catalogue, add_pages: AddPages) -> None:
    ids = add_pages(sqlite_catalogue)

    def away(rows: Sequence[sa.Row], owner: str) -> None:
        raise sa.exc.OperationalError("SELECT", {}, ConnectionError("gone"))

    with pytest.raises(sa.exc.OperationalError):
        run(away, sqlite_catalogue, ids)
    with sqlite_catalogue.read() as conn:
        row = pages.get(conn, ids[0])
    assert row
    assert (row.state, row.attempts) == ("fetching", 0)


def test_long_work_keeps_its_lease(sqlite_catalogue: Catalogue, add_pages: AddPages) -> None:
    ids, owner, lease = add_pages(sqlite_catalogue), new_owner(), 1.2
    with sqlite_catalogue.write() as conn:
        pages.claim(conn, FETCH, ids, owner, time.time(), lease)
    with renewing(sqlite_catalogue, owner, lease):
        time.sleep(1.8)
        with sqlite_catalogue.write() as conn:
            assert pages.held(conn, ids, owner, time.time()) == set(ids)
    with sqlite_catalogue.write() as conn:
        assert pages.held(conn, ids, owner, time.time() + lease + 0.1) == set()
