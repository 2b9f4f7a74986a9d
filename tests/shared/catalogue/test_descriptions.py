"""Which tools a language model is to describe, and who does it now; on both databases."""

import pytest
from toolscout.catalogue import Catalogue, descriptions, tools

NOW = 1000.0


@pytest.fixture
def ids(catalogue: Catalogue) -> list[int]:
    """Three tools to describe and one that is described."""
    values = {"url": "", "name": "t", "platforms": [], "languages": [], "sources": {}}
    with catalogue.write() as conn:
        due = [tools.upsert(conn, f"t{n}.example", values | {"describe_at": NOW - n}, NOW) for n in range(3)]
        tools.upsert(conn, "done.example", values, NOW)
    return due


def due(catalogue: Catalogue, now: float, limit: int = 10) -> list[int]:
    with catalogue.write() as conn:
        return descriptions.due(conn, now, limit)


def claim(catalogue: Catalogue, ids: list[int], now: float) -> list[int]:
    with catalogue.write() as conn:
        return [one.id for one in descriptions.claim(conn, ids, now, 60.0)]


def test_the_longest_due_come_first_and_are_woken_once(catalogue: Catalogue, ids: list[int]):
    assert due(catalogue, NOW, 2) == [ids[2], ids[1]]
    assert due(catalogue, NOW) == [ids[0]]
    assert due(catalogue, NOW) == []
    assert sorted(due(catalogue, NOW + descriptions.PAUSE_S)) == ids, "a lost task is sent again"


def test_nobody_is_woken_while_one_batch_is_described(catalogue: Catalogue, ids: list[int]):
    assert claim(catalogue, ids[:1], NOW) == ids[:1]
    assert due(catalogue, NOW + 1) == []
    assert set(due(catalogue, NOW + 61)) == set(ids), "whoever died over it is forgotten"


def test_a_claimed_tool_is_nobody_elses(catalogue: Catalogue, ids: list[int]):
    assert claim(catalogue, [*ids, 999], NOW) == ids
    assert claim(catalogue, ids, NOW + 1) == []
    assert claim(catalogue, ids, NOW + 61) == ids


def test_a_tool_that_was_handed_back_waits_for_its_time(catalogue: Catalogue, ids: list[int]):
    claim(catalogue, ids, NOW)
    with catalogue.write() as conn:
        descriptions.later(conn, ids[0], 1, NOW + 30)
        descriptions.later(conn, ids[1], 3, None)
        descriptions.later(conn, ids[2], 3, None)
    assert due(catalogue, NOW + 29) == []
    assert due(catalogue, NOW + 31) == [ids[0]]
    assert claim(catalogue, [ids[1]], NOW + 100) == [], "given up until its page changes"
