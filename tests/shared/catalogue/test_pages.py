import time

import pytest
import sqlalchemy as sa
from toolscout.catalogue import jobs, pages
from toolscout.catalogue.jobs import Wanted
from toolscout.catalogue.pages import FETCH, PROCESS
from toolscout.catalogue.tables import pages as page_table
from toolscout.domain import State

NOW = 1_000_000.0


def wanted(*names: str) -> list[Wanted]:
    return [Wanted(f"https://{n}.example/", f"https://{n}.example/", f"{n}.example", f"{n}.example") for n in names]


@pytest.fixture
def submit(catalogue):
    def run(*names: str, now: float = NOW, max_age: float = 60.0) -> jobs.Job:
        with catalogue.write() as conn:
            return jobs.submit(conn, wanted(*names), now, max_age, None)

    return run


def state_of(catalogue, page_id):
    with catalogue.read() as conn:
        row = pages.get(conn, page_id)
    return row.state, row.reason


def test_a_page_is_claimed_once_and_comes_back_when_its_lease_ran_out(catalogue, submit):
    ids = submit("a", "b").to_fetch
    with catalogue.write() as conn:
        assert {row.id for row in pages.claim(conn, FETCH, ids, "one", NOW, 30).fresh} == set(ids)
        assert pages.claim(conn, FETCH, ids, "two", NOW + 29, 30).fresh == []
        late = pages.claim(conn, FETCH, ids, "two", NOW + 31, 30)
    assert late.fresh == []
    assert sorted(late.shaky) == sorted(ids)  # their worker died: each is claimed alone


def test_two_workers_never_hold_the_same_page(catalogue, submit, together):
    ids = submit(*[f"n{i}" for i in range(40)]).to_fetch

    def claim(owner: str) -> set[int]:
        with catalogue.write() as conn:
            return {row.id for row in pages.claim(conn, FETCH, ids, owner, time.time(), 30).fresh}

    found = together(*[lambda o=o: claim(o) for o in "abcd"])
    assert sum(map(len, found)) == len(set.union(*found)) == 40


def test_a_renewed_lease_stays_and_a_lost_one_is_not_brought_back(catalogue, submit):
    ids = submit("a").to_fetch
    with catalogue.write() as conn:
        pages.claim(conn, FETCH, ids, "one", NOW, 30)
        pages.renew(conn, "one", NOW + 20, 30)
        assert pages.held(conn, ids, "one", NOW + 45) == set(ids)
        pages.renew(conn, "one", NOW + 60, 30)
        assert pages.held(conn, ids, "one", NOW + 61) == set()


def test_a_page_that_kills_its_worker_three_times_is_poison(catalogue, submit):
    job = submit("a")
    page_id = job.to_fetch[0]
    with catalogue.write() as conn:
        pages.claim(conn, FETCH, [page_id], "first", NOW, 1)
        for n in range(3):
            assert pages.claim_one(conn, FETCH, page_id, f"w{n}", NOW + 2 + n * 2, 1) is not None
        assert pages.claim_one(conn, FETCH, page_id, "last", NOW + 20, 1) is None
    assert state_of(catalogue, page_id) == (State.FAILED, "poison")
    with catalogue.read() as conn:
        assert jobs.status(conn, job.id)["urls"][0]["reason"] == "poison"


def test_what_is_handed_back_waits_for_its_time_without_a_failed_attempt(catalogue, submit):
    ids = submit("a").to_fetch
    with catalogue.write() as conn:
        pages.claim(conn, FETCH, ids, "one", NOW, 30)
        pages.hand_back(conn, FETCH, ids[0], "one", NOW, NOW + 100)
        assert pages.claim(conn, FETCH, ids, "two", NOW + 99, 30).fresh == []
        assert len(pages.claim(conn, FETCH, ids, "two", NOW + 101, 30).fresh) == 1


def test_a_fetched_page_goes_on_to_the_processor_and_ends_for_every_job(catalogue, submit):
    first, second = submit("a"), submit("a")
    page_id = first.to_fetch[0]
    assert second.to_fetch == []  # it waits already
    with catalogue.write() as conn:
        pages.claim(conn, FETCH, [page_id], "one", NOW, 30)
        pages.advance(conn, page_id, State.FETCHED, NOW, digest="d", fetched_at=NOW)
        assert pages.claim(conn, FETCH, [page_id], "one", NOW, 30).fresh == []
        assert len(pages.claim(conn, PROCESS, [page_id], "one", NOW, 30).fresh) == 1
        pages.close(conn, [page_id], State.INDEXED, None, NOW, indexed_at=NOW)
    with catalogue.read() as conn:
        assert [jobs.status(conn, job.id)["state"] for job in (first, second)] == ["indexed", "indexed"]
        assert jobs.open_count(conn, first.id) == 0


def test_a_sweep_finds_what_stands_still_and_only_once(catalogue, submit):
    ids = submit("a", "b").to_fetch
    with catalogue.write() as conn:
        assert pages.standing_still(conn, FETCH, NOW + 5, 10) == []
        assert pages.standing_still(conn, FETCH, NOW + 11, 10) == sorted(ids)
        assert pages.standing_still(conn, FETCH, NOW + 12, 10) == []
        pages.claim(conn, FETCH, ids, "one", NOW + 12, 5)
        assert pages.standing_still(conn, FETCH, NOW + 16, 1) == []  # somebody works on them
        assert pages.standing_still(conn, FETCH, NOW + 30, 10) == sorted(ids)


def test_the_last_three_bodies_are_kept_and_others_are_named_for_removal(catalogue, submit):
    a, b = submit("a", "b").to_fetch
    with catalogue.write() as conn:
        assert [pages.keep_version(conn, a, d, NOW + n) for n, d in enumerate(["d1", "d2", "d3"])] == [[], [], []]
        assert pages.keep_version(conn, a, "d4", NOW + 4) == ["d1"]
        pages.keep_version(conn, b, "d2", NOW + 5)
        assert pages.keep_version(conn, a, "d5", NOW + 6) == []  # d2 is still a body of b


def test_a_job_answers_for_refused_doubled_and_fresh_urls_in_order(catalogue, submit):
    page_id = submit("a").to_fetch[0]
    with catalogue.write() as conn:
        pages.close(conn, [page_id], State.INDEXED, None, NOW, digest="d", fetched_at=NOW, indexed_at=NOW)
        rows = [*wanted("a", "b"), Wanted("nonsense", refused="invalid_url"), *wanted("b")]
        job = jobs.submit(conn, rows, NOW + 30, 60, None)
        found = jobs.status(conn, job.id)
    assert [(u["url"], u["state"], u["reason"]) for u in found["urls"]] == [
        ("https://a.example/", "unchanged", "fresh_copy"),
        ("https://b.example/", "queued", None),
        ("nonsense", "failed", "invalid_url"),
        ("https://b.example/", "queued", None),
    ]
    assert found["state"] == "queued"
    assert len(job.to_fetch) == 1


def test_an_old_copy_is_fetched_again(catalogue, submit):
    page_id = submit("a").to_fetch[0]
    with catalogue.write() as conn:
        pages.close(conn, [page_id], State.INDEXED, None, NOW, digest="d", fetched_at=NOW, indexed_at=NOW)
    assert submit("a", now=NOW + 59).to_fetch == []
    assert submit("a", now=NOW + 61).to_fetch == [page_id]


def test_cancelling_leaves_pages_that_another_job_waits_for(catalogue, submit):
    first = submit("a", "b")
    second = submit("b")
    with catalogue.write() as conn:
        jobs.cancel(conn, first.id, NOW)
        assert jobs.status(conn, first.id)["state"] == "cancelled"
        assert jobs.status(conn, second.id)["state"] == "queued"
        states = dict(conn.execute(sa.select(page_table.c.url, page_table.c.state)).all())
    assert states == {"https://a.example/": "cancelled", "https://b.example/": "queued"}


def test_an_unknown_job_is_none(catalogue):
    with catalogue.read() as conn:
        assert jobs.status(conn, "no-such-job") is None
