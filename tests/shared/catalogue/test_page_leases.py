"""Who may work on a page, for how long, and how it ends."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import sqlalchemy as sa
from toolscout.catalogue import Catalogue, pages
from toolscout.catalogue.pages import FETCH, PROCESS
from toolscout.domain import State

LEASE = 30.0
AddPages = Callable[..., list[int]]


def claim(catalogue: Catalogue, ids: list[int], owner: str, now: float) -> pages.Claim:
    with catalogue.write() as conn:
        return pages.claim(conn, FETCH, ids, owner, now, LEASE)


def claim_one(catalogue: Catalogue, page_id: int, owner: str, now: float) -> sa.Row | None:
    with catalogue.write() as conn:
        return pages.claim_one(conn, FETCH, page_id, owner, now, LEASE)


def held(catalogue: Catalogue, ids: list[int], owner: str, now: float) -> set[int]:
    with catalogue.write() as conn:
        return pages.held(conn, ids, owner, now)


def row(catalogue: Catalogue, page_id: int) -> sa.Row:
    with catalogue.read() as conn:
        found = pages.get(conn, page_id)
    assert found
    return found


def test_pages_are_added_once(catalogue: Catalogue, add_pages: AddPages) -> None:
    first = add_pages(catalogue, url="https://a.example/same")
    assert add_pages(catalogue, url="https://a.example/same", state=State.FETCHED) == first
    assert row(catalogue, first[0]).state == State.QUEUED


def test_a_claim_takes_what_waits_and_leaves_the_rest(catalogue: Catalogue, add_pages: AddPages) -> None:
    waiting, other = add_pages(catalogue), add_pages(catalogue, state=State.FETCHED)
    done, later = add_pages(catalogue, state=State.INDEXED), add_pages(catalogue, not_before=time.time() + 60)
    claimed = claim(catalogue, waiting + other + done + later, "w", time.time())
    assert [r.id for r in claimed.fresh] == waiting
    assert claimed.shaky == []
    assert row(catalogue, waiting[0]).state == State.FETCHING


def test_what_is_held_is_not_claimed_again(catalogue: Catalogue, add_pages: AddPages) -> None:
    ids, now = add_pages(catalogue, 2), time.time()
    claim(catalogue, ids, "first", now)
    second = claim(catalogue, ids, "second", now)
    assert (second.fresh, second.shaky) == ([], [])
    assert claim_one(catalogue, ids[0], "second", now) is None


def test_two_workers_never_hold_the_same_page(catalogue: Catalogue, add_pages: AddPages) -> None:
    ids, start = add_pages(catalogue, 60), Barrier(6)

    def work(name: int) -> list[int]:
        start.wait()
        mine = ids[name:] + ids[:name]
        return [r.id for n in range(0, 60, 7) for r in claim(catalogue, mine[n : n + 7], f"w{name}", time.time()).fresh]

    with ThreadPoolExecutor(6) as pool:
        taken = [page_id for found in pool.map(work, range(6)) for page_id in found]
    assert len(taken) == len(set(taken))
    # A row that somebody else just looks at is skipped; whoever comes next takes it.
    rest = [r.id for r in claim(catalogue, ids, "last", time.time()).fresh]
    assert sorted(taken + rest) == ids


def test_a_page_whose_lease_ran_out_is_claimed_alone(catalogue: Catalogue, add_pages: AddPages) -> None:
    ids, now = add_pages(catalogue, 2), time.time()
    claim(catalogue, ids[:1], "dead", now - LEASE - 1)
    claimed = claim(catalogue, ids, "alive", now)
    assert [r.id for r in claimed.fresh] == ids[1:]
    assert claimed.shaky == ids[:1]
    assert claim_one(catalogue, ids[0], "alive", now) is not None
    assert held(catalogue, ids, "alive", now) == set(ids)


def test_the_fourth_attempt_ends_as_poison(catalogue: Catalogue, add_pages: AddPages) -> None:
    ids, now = add_pages(catalogue), time.time()
    for n in range(3):
        assert claim_one(catalogue, ids[0], f"w{n}", now + n * 100) is not None
    assert claim_one(catalogue, ids[0], "w3", now + 300) is None
    assert (row(catalogue, ids[0]).state, row(catalogue, ids[0]).reason) == (State.FAILED, "poison")


def test_a_renewed_lease_is_still_held_and_a_lost_one_stays_lost(catalogue: Catalogue, add_pages: AddPages) -> None:
    ids, now = add_pages(catalogue), time.time()
    claim(catalogue, ids, "w", now)
    with catalogue.write() as conn:
        pages.renew(conn, "w", now + 20, LEASE)
    assert held(catalogue, ids, "w", now + 45) == set(ids)
    with catalogue.write() as conn:
        pages.renew(conn, "w", now + 51, LEASE)
    assert held(catalogue, ids, "w", now + 52) == set()


def test_only_the_holder_holds(catalogue: Catalogue, add_pages: AddPages) -> None:
    ids, now = add_pages(catalogue), time.time()
    claim(catalogue, ids, "w", now)
    assert held(catalogue, ids, "other", now) == set()


def test_release_gives_all_back_and_counts_no_attempt(catalogue: Catalogue, add_pages: AddPages) -> None:
    ids, now = add_pages(catalogue, 2), time.time()
    claim(catalogue, ids, "w", now)
    with catalogue.write() as conn:
        pages.release(conn, FETCH, "w", now)
    assert [r.id for r in claim(catalogue, ids, "next", now).fresh] == ids


def test_a_page_handed_back_waits_for_its_time(catalogue: Catalogue, add_pages: AddPages) -> None:
    ids, now = add_pages(catalogue), time.time()
    claim(catalogue, ids, "w", now)
    with catalogue.write() as conn:
        pages.hand_back(conn, FETCH, ids[0], "w", now, now + 60, tries=1)
    assert claim(catalogue, ids, "next", now + 59).fresh == []
    taken = claim(catalogue, ids, "next", now + 61).fresh
    assert [(r.id, r.tries) for r in taken] == [(ids[0], 1)]


def test_who_lost_a_page_can_not_hand_it_back(catalogue: Catalogue, add_pages: AddPages) -> None:
    ids, now = add_pages(catalogue), time.time()
    claim(catalogue, ids, "w", now)
    with catalogue.write() as conn:
        pages.hand_back(conn, FETCH, ids[0], "other", now, now)
    assert held(catalogue, ids, "w", now) == set(ids)


def test_an_advanced_page_waits_for_the_next_stage(catalogue: Catalogue, add_pages: AddPages) -> None:
    ids, now = add_pages(catalogue), time.time()
    claim(catalogue, ids, "w", now)
    with catalogue.write() as conn:
        pages.advance(conn, ids[0], State.FETCHED, now, digest="d")
        claimed = pages.claim(conn, PROCESS, ids, "p", now, LEASE)
    assert [(r.id, r.digest) for r in claimed.fresh] == [(ids[0], "d")]


def test_a_closed_page_is_free_of_its_lease_and_not_claimed(catalogue: Catalogue, add_pages: AddPages) -> None:
    ids, now = add_pages(catalogue), time.time()
    claim(catalogue, ids, "w", now)
    with catalogue.write() as conn:
        pages.close(conn, ids, State.SKIPPED, "noindex", now)
    assert held(catalogue, ids, "w", now) == set()
    assert claim(catalogue, ids, "next", now + 1000).fresh == []
    assert (row(catalogue, ids[0]).state, row(catalogue, ids[0]).reason) == (State.SKIPPED, "noindex")


def test_a_page_is_not_closed_into_an_open_state(catalogue: Catalogue) -> None:
    with catalogue.write() as conn, pytest.raises(AssertionError):
        pages.close(conn, [], State.QUEUED, None, time.time())


def test_what_stands_still_is_found_once_per_patience(catalogue: Catalogue, add_pages: AddPages) -> None:
    now = time.time()
    still = add_pages(catalogue, woken_at=now - 100)
    add_pages(catalogue, woken_at=now - 1)
    add_pages(catalogue, woken_at=now - 100, not_before=now + 60)
    add_pages(catalogue, woken_at=now - 100, state=State.INDEXED)
    working = add_pages(catalogue, woken_at=now - 100)
    dead = add_pages(catalogue, woken_at=now - 100)
    claim(catalogue, working, "w", now)
    claim(catalogue, dead, "d", now - LEASE - 1)
    with catalogue.write() as conn:
        assert pages.standing_still(conn, FETCH, now, 30) == still + dead
        assert pages.standing_still(conn, FETCH, now, 30) == []
        assert pages.standing_still(conn, FETCH, now + 31, 30)[:1] == still


def test_the_last_three_bodies_of_a_page_are_kept(catalogue: Catalogue, add_pages: AddPages) -> None:
    one, two = add_pages(catalogue, 2)
    with catalogue.write() as conn:
        assert [pages.keep_version(conn, one, d, n) for n, d in enumerate("abc")] == [[], [], []]
        pages.keep_version(conn, one, "a", 3)  # seen again: now the newest
        assert pages.keep_version(conn, one, "d", 4) == ["b"]
        pages.keep_version(conn, two, "c", 5)
        assert pages.keep_version(conn, one, "e", 6) == []  # c goes here, but another page has it


def test_the_newest_body_is_kept_when_the_clock_went_back(catalogue: Catalogue, add_pages: AddPages) -> None:
    (page,) = add_pages(catalogue)
    with catalogue.write() as conn:
        for n, digest in enumerate("abc"):
            pages.keep_version(conn, page, digest, 100.0 + n)
        assert pages.keep_version(conn, page, "new", 1.0) == ["a"]


def test_counts_by_state(catalogue: Catalogue, add_pages: AddPages) -> None:
    add_pages(catalogue, 2)
    add_pages(catalogue, state=State.INDEXED)
    with catalogue.read() as conn:
        assert pages.counts(conn) == {"queued": 2, "indexed": 1}
