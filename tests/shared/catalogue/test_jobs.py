"""What somebody asked for, and what they are told about it."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import sqlalchemy as sa
from toolscout.catalogue import Catalogue, jobs, pages
from toolscout.catalogue.jobs import Job, Wanted
from toolscout.catalogue.tables import job_urls
from toolscout.catalogue.tables import pages as page_table
from toolscout.domain import State

DAY = 86_400.0
AddPages = Callable[..., list[int]]


def want(name: str, **values: str) -> Wanted:
    url = f"https://a.example/{name}"
    return Wanted(f"{url}#as-typed", url, "a.example", "a.example", **values)


def submit(catalogue: Catalogue, *wanted: Wanted, max_age: float = DAY) -> Job:
    with catalogue.write() as conn:
        return jobs.submit(conn, wanted, time.time(), max_age, None)


def status(catalogue: Catalogue, job: Job) -> dict:
    with catalogue.read() as conn:
        found = jobs.status(conn, job.id)
    assert found
    return found


def urls(catalogue: Catalogue, job: Job) -> list[tuple[str, str | None]]:
    return [(u["state"], u["reason"]) for u in status(catalogue, job)["urls"]]


def end(
    catalogue: Catalogue, job: Job, state: State = State.INDEXED, reason: str | None = None, **values: object
) -> None:
    now = time.time()
    values = {"digest": "d", "fetched_at": now, "indexed_at": now} | values
    with catalogue.write() as conn:
        pages.close(conn, job.to_fetch + job.to_process, state, reason, now, **values)


def cancel(catalogue: Catalogue, job: Job) -> None:
    with catalogue.write() as conn:
        jobs.cancel(conn, job.id, time.time())


def test_urls_are_echoed_as_submitted_in_their_order(catalogue: Catalogue) -> None:
    job = submit(catalogue, want("b"), want("a"), want("c"))
    found = status(catalogue, job)
    assert [u["url"] for u in found["urls"]] == [f"https://a.example/{name}#as-typed" for name in "bac"]
    assert (found["state"], len(job.to_fetch)) == ("queued", 3)
    assert all(type(key) is str for key in found["urls"][0])


def test_the_same_url_twice_is_fetched_once_and_answered_twice(catalogue: Catalogue) -> None:
    job = submit(catalogue, want("a"), want("a"))
    assert len(job.to_fetch) == 1
    end(catalogue, job)
    assert urls(catalogue, job) == [("indexed", None), ("indexed", None)]


def test_a_refused_url_fails_at_once_and_its_neighbour_does_not(catalogue: Catalogue) -> None:
    job = submit(catalogue, Wanted("nonsense", refused="invalid_url"), want("a"))
    assert urls(catalogue, job) == [("failed", "invalid_url"), ("queued", None)]
    assert status(catalogue, job)["state"] == "queued"


def test_a_job_of_refused_urls_only_has_failed(catalogue: Catalogue) -> None:
    job = submit(catalogue, Wanted("nonsense", refused="invalid_url"))
    assert (status(catalogue, job)["state"], job.to_fetch) == ("failed", [])


def test_a_fresh_copy_is_unchanged_and_an_old_one_is_fetched(catalogue: Catalogue) -> None:
    end(catalogue, submit(catalogue, want("a")))
    again = submit(catalogue, want("a"))
    assert (again.to_fetch, urls(catalogue, again)) == ([], [("unchanged", "fresh_copy")])
    assert len(submit(catalogue, want("a"), max_age=0).to_fetch) == 1


def test_a_fresh_body_that_was_never_indexed_is_only_processed(catalogue: Catalogue) -> None:
    end(catalogue, submit(catalogue, want("a")), State.FAILED, "poison", indexed_at=None)
    again = submit(catalogue, want("a"))
    assert (again.to_fetch, len(again.to_process), urls(catalogue, again)) == ([], 1, [("fetched", None)])


def test_a_page_on_its_way_is_joined(catalogue: Catalogue) -> None:
    first = submit(catalogue, want("a"))
    second = submit(catalogue, want("a"))
    assert (second.to_fetch, second.to_process) == ([], [])
    end(catalogue, first)
    assert urls(catalogue, second) == [("indexed", None)]


def test_the_outcome_of_an_old_job_stays_when_the_page_is_read_again(catalogue: Catalogue) -> None:
    first = submit(catalogue, want("a"))
    end(catalogue, first)
    submit(catalogue, want("a"), max_age=0)
    assert urls(catalogue, first) == [("indexed", None)]


def test_a_given_body_is_processed_without_a_fetch(catalogue: Catalogue) -> None:
    job = submit(catalogue, want("a", digest="given", content_type="text/html"))
    assert (job.to_fetch, len(job.to_process)) == ([], 1)
    with catalogue.read() as conn:
        row = pages.get(conn, job.to_process[0])
    assert row
    assert (row.state, row.digest, row.submitted) == ("fetched", "given", True)


def test_open_urls_are_counted(catalogue: Catalogue) -> None:
    job = submit(catalogue, want("a"), want("b"), Wanted("x", refused="invalid_url"))
    with catalogue.read() as conn:
        assert jobs.open_count(conn, job.id) == 2
    end(catalogue, job)
    with catalogue.read() as conn:
        assert jobs.open_count(conn, job.id) == 0


def test_there_is_no_status_of_an_unknown_job(catalogue: Catalogue) -> None:
    with catalogue.read() as conn:
        assert jobs.status(conn, "nobody") is None


def test_a_cancelled_job_ends_its_waiting_pages(catalogue: Catalogue) -> None:
    job = submit(catalogue, want("a"))
    cancel(catalogue, job)
    assert status(catalogue, job)["state"] == "cancelled"
    with catalogue.read() as conn:
        assert pages.counts(conn) == {"cancelled": 1}


def test_a_page_that_another_job_waits_for_goes_on(catalogue: Catalogue) -> None:
    first, second = submit(catalogue, want("shared"), want("own")), submit(catalogue, want("shared"))
    cancel(catalogue, first)
    assert status(catalogue, first)["state"] == "cancelled"
    assert urls(catalogue, second) == [("queued", None)]
    with catalogue.read() as conn:
        assert pages.counts(conn) == {"queued": 1, "cancelled": 1}


def test_a_page_that_is_worked_on_is_finished_all_the_same(catalogue: Catalogue) -> None:
    job, now = submit(catalogue, want("a")), time.time()
    with catalogue.write() as conn:
        pages.claim(conn, pages.FETCH, job.to_fetch, "w", now, 30)
    cancel(catalogue, job)
    with catalogue.write() as conn:
        assert pages.held(conn, job.to_fetch, "w", now) == set(job.to_fetch)
    assert status(catalogue, job)["state"] == "cancelled"


def test_what_has_ended_is_not_cancelled(catalogue: Catalogue) -> None:
    job = submit(catalogue, want("a"))
    end(catalogue, job)
    cancel(catalogue, job)
    assert urls(catalogue, job) == [("indexed", None)]


def test_who_submits_while_a_page_ends_is_told_the_end(catalogue: Catalogue) -> None:
    first = submit(catalogue, want("a"))
    with ThreadPoolExecutor(1) as pool:
        with catalogue.write() as conn:
            conn.execute(sa.select(page_table.c.id).with_for_update()).all()
            second = pool.submit(submit, catalogue, want("a"))
            time.sleep(0.2)
            now = time.time()
            ended = {"digest": "d", "fetched_at": now, "indexed_at": now}
            pages.close(conn, first.to_fetch, State.INDEXED, None, now, **ended)
        assert urls(catalogue, second.result()) == [("unchanged", "fresh_copy")]


@pytest.mark.parametrize("stored", [True, False], ids=["stored", "new"])
def test_jobs_with_the_same_urls_never_block_each_other(catalogue: Catalogue, stored: bool) -> None:
    names, start = [f"p{n:03}" for n in range(120)], Barrier(4)
    if stored:
        submit(catalogue, *map(want, names[::3] + names[1::3] + names[2::3]))

    def run(turn: int) -> int:
        start.wait()
        return len(submit(catalogue, *map(want, names if turn % 2 else names[::-1])).to_fetch)

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(run, range(4))) == (0 if stored else 120)
    with catalogue.read() as conn:
        assert conn.execute(sa.select(sa.func.count()).select_from(job_urls)).scalar() == 120 * (5 if stored else 4)
