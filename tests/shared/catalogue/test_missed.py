"""Missed questions, what operators said of them, and the survey, on both databases."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from toolscout.catalogue import Catalogue, missed, searches
from toolscout.catalogue.tables import leads, marks, surveys

NOW = 1_764_072_000.0
DAY = 86_400
SEARCH = {"session_id": "me", "ab_group": "stable", "filters": {}, "results": [], "no_match": False, "timings": {}}
SEARCH |= {"answer": {"text": "A.", "source": "llm", "reason": None}, "index_version": 1, "encoder": "e"}
RATING = {"session_id": "me", "tool_id": 0, "rating": None, "score": None, "comment": None, "created_at": NOW}
MARK = {"verdict": "no_such_tool", "tool_id": None, "url": None, "note": None}


def ask(catalogue: Catalogue, name: str, at: float = NOW, **values: Any) -> None:
    with catalogue.write() as conn:
        searches.add(conn, SEARCH | {"id": name, "query": f"question {name}", "created_at": at} | values)


def rate(catalogue: Catalogue, name: str, **values: Any) -> None:
    with catalogue.write() as conn:
        searches.rate(conn, RATING | {"search_id": name} | values)


def mark(catalogue: Catalogue, group: str, names: list[str], **values: Any) -> None:
    with catalogue.write() as conn:
        missed.mark(conn, group, names, MARK | values, NOW)


def reasons(rows: list[sa.Row]) -> dict[str, tuple[bool, bool, bool]]:
    return {row.id: (bool(row.no_match), bool(row.ungrounded), bool(row.rated_down)) for row in rows}


def open_searches(catalogue: Catalogue) -> dict[str, tuple[bool, bool, bool]]:
    with catalogue.read() as conn:
        return reasons(missed.open_searches(conn))


def test_what_counts_as_missed(catalogue: Catalogue) -> None:
    ask(catalogue, "fine")
    ask(catalogue, "no answer", answer=None)
    ask(catalogue, "nothing", no_match=True, at=NOW + 1)
    ask(catalogue, "ungrounded", answer={"reason": "ungrounded"}, at=NOW + 2)
    ask(catalogue, "down", at=NOW + 3)
    ask(catalogue, "two stars", at=NOW + 4, no_match=True)
    ask(catalogue, "three stars", at=NOW + 5)
    rate(catalogue, "down", rating="down", tool_id=7)
    rate(catalogue, "two stars", score=2)
    rate(catalogue, "three stars", score=3, rating="up")
    assert list(open_searches(catalogue).items()) == [
        ("two stars", (True, False, True)),
        ("down", (False, False, True)),
        ("ungrounded", (False, True, False)),
        ("nothing", (True, False, False)),
    ]


def test_only_the_newest_are_looked_at(catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(missed, "MOST_MISSED", 2)
    for n in range(4):
        ask(catalogue, str(n), at=NOW + n, no_match=True)
    assert list(open_searches(catalogue)) == ["3", "2"]


def test_a_mark_takes_searches_out_of_the_open_ones_until_it_is_taken_back(catalogue: Catalogue) -> None:
    for n in range(3):
        ask(catalogue, str(n), at=NOW + n, no_match=True)
    mark(catalogue, "0", ["0", "2"], note="없는 도구")
    assert list(open_searches(catalogue)) == ["1"]
    with catalogue.read() as conn:
        rows = missed.marked_searches(conn)
        assert [(row.id, row.group_id) for row in rows] == [("2", "0"), ("0", "0")]
        assert reasons(rows)["2"] == (True, False, False)
        assert missed.marked_searches(conn, "1") == []
        assert missed.marks_of(conn, ["0", "1"]) == {"0": MARK | {"note": "없는 도구", "at": NOW}}
    with catalogue.write() as conn:
        assert missed.unmark(conn, "0") == 2
        assert missed.unmark(conn, "0") == 0
    assert list(open_searches(catalogue)) == ["2", "1", "0"]


def test_the_last_mark_wins_and_its_address_is_a_lead_once(catalogue: Catalogue) -> None:
    ask(catalogue, "0", no_match=True)
    mark(catalogue, "0", ["0"])
    for _ in range(2):
        mark(catalogue, "0", ["0"], verdict="should_find", url="https://a.example/")
    with catalogue.read() as conn:
        assert conn.execute(sa.select(marks.c.verdict)).scalars().all() == ["should_find"]
        assert conn.execute(sa.select(leads.c.url)).scalars().all() == ["https://a.example/"]


def test_the_last_comment_is_shown(catalogue: Catalogue) -> None:
    ask(catalogue, "0")
    rate(catalogue, "0", rating="down", comment="새 것", created_at=NOW + 1)
    rate(catalogue, "0", rating="down", comment="old", tool_id=3)
    with catalogue.read() as conn:
        assert missed.comments(conn, ["0", "1"]) == {"0": "새 것"}


def due(catalogue: Catalogue, session: str, count: int, now: float = NOW) -> list[bool]:
    """What is asked after each of so many searches."""
    out = []
    for _ in range(count):
        with catalogue.write() as conn:
            n = conn.execute(sa.select(sa.func.count()).where(searches_of(session))).scalar_one()
            name = f"{session}/{n}"
            searches.add(conn, SEARCH | {"id": name, "session_id": session, "query": "q", "created_at": now + n})
            out.append(missed.survey_due(conn, session, now + n))
    return out


def searches_of(session: str) -> sa.ColumnElement[bool]:
    return searches.searches.c.session_id == session


def test_a_quarter_of_the_sessions_is_asked_at_the_third_search(catalogue: Catalogue) -> None:
    asked = [due(catalogue, f"session {n}", 3) for n in range(200)]
    assert {tuple(some[:2]) for some in asked} == {(False, False)}
    assert 30 <= sum(some[2] for some in asked) <= 70


def test_who_was_asked_is_left_alone_for_thirty_days(catalogue: Catalogue) -> None:
    found = due(catalogue, "me", 60)
    assert sum(found) == 1
    at = found.index(True)
    with catalogue.read() as conn:
        rows = conn.execute(sa.select(surveys.c.search_id, surveys.c.score)).all()
    assert rows == [(f"me/{at}", None)]
    assert not any(due(catalogue, "me", 30, NOW + 29 * DAY))
    assert any(due(catalogue, "me", 30, NOW + 31 * DAY))


def test_whether_to_ask_is_the_same_in_every_process(catalogue: Catalogue) -> None:
    first = due(catalogue, "you", 40)
    with catalogue.write() as conn:
        conn.execute(sa.delete(surveys))
        conn.execute(sa.delete(searches.searches))
    assert due(catalogue, "you", 40) == first


def test_programs_are_never_asked(catalogue: Catalogue) -> None:
    assert not any(due(catalogue, "api:robot", 40))


def test_the_last_answer_to_the_survey_wins(catalogue: Catalogue) -> None:
    ask(catalogue, "0")
    with catalogue.write() as conn:
        missed.answer_survey(conn, "0", "me", None, NOW)
        missed.answer_survey(conn, "0", "me", 4, NOW + 1)
        assert conn.execute(sa.select(surveys.c.score)).scalars().all() == [4]
