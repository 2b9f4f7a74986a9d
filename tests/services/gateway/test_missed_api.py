"""Missed questions over HTTP: like ones together, marked and open again. The encoder is the real one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from toolscout.catalogue import tools
from toolscout.catalogue.tables import leads

from services.gateway.likeness import Likeness, normalised
from tests.services.gateway.operated import Operated, operated

MISSED = "/api/v1/missed"


@pytest.fixture
def app(settings, database_url) -> Iterator[Operated]:
    with operated(settings.model_copy(update={"database_url": database_url})) as found:
        yield found


def miss(app: Operated, name: str, query: str, at: float, **values) -> None:
    app.search(name, query=query, created_at=at, **{"no_match": True, **values})


def groups(app: Operated, **asked) -> list[dict]:
    found = app.operator.get(MISSED, params=asked).json()
    assert len(found["groups"]) <= found["total"]
    return found["groups"]


def mark(app: Operated, group: str, **body):
    return app.operator.put(f"{MISSED}/{group}", json=body)


def add_tool(app: Operated, name: str = "Cleanvoice") -> int:
    values = {"url": f"https://{name}.example/", "name": name, "platforms": [], "languages": [], "sources": {}}
    with app.catalogue.write() as conn:
        return tools.upsert(conn, f"{name}.example", values, 1.0)


def test_only_the_operator_reads_them(app):
    for answer in (app.client().get(MISSED), app.client().put(f"{MISSED}/x", json={"verdict": "no_such_tool"})):
        assert (answer.status_code, answer.json()["reason"]) == (401, "admin_key_needed")


def test_like_questions_are_one_group_led_by_the_oldest(app):
    miss(app, "a", "Remove background noise from a podcast", 1)
    miss(app, "b", "remove   background noise from a podcast!", 2)
    miss(app, "c", "remove background noise from podcasts", 3)
    miss(app, "d", "translate a contract into French", 4)
    miss(app, "e", "회의 녹음을 받아 적는 도구", 5)
    miss(app, "f", "회의녹음을 받아적는 도구", 6)
    miss(app, "g", "사진 배경을 지우는 도구", 7)
    found = groups(app)
    assert [(group["id"], group["count"]) for group in found] == [("a", 3), ("e", 2), ("g", 1), ("d", 1)]
    assert found[0]["question"] == "Remove background noise from a podcast"
    assert [search["search_id"] for search in found[0]["searches"]] == ["c", "b", "a"]
    assert found[0]["reasons"] == {"no_match": 3, "ungrounded": 0, "rated_down": 0}


def test_a_group_shows_what_its_visitors_saw(app):
    tool = add_tool(app)
    shown = [{"tool_id": n, "score": 0.3, "chunks": []} for n in (tool, *range(100, 110))]
    values = {"results": shown, "answer": {"text": "맞는 도구를 찾지 못했습니다.", "reason": "ungrounded"}}
    miss(app, "a", "잡음 제거", 3.5, ab_group="candidate", counted=False, **values)
    app.rate("a", rating="down", comment="틀렸어요")
    (found,) = groups(app)
    assert found["searches"] == [
        {
            "search_id": "a",
            "query": "잡음 제거",
            "at": 3.5,
            "group": "candidate",
            "reasons": ["no_match", "ungrounded", "rated_down"],
            "answer": "맞는 도구를 찾지 못했습니다.",
            "comment": "틀렸어요",
            "results": [{"tool_id": tool, "name": "Cleanvoice", "url": "https://Cleanvoice.example/"}],
        }
    ]


def test_pages_of_groups_and_no_more_than_twenty_searches_of_one(app):
    for n in range(25):
        miss(app, f"a{n}", "the same again", float(n))
    for n, query in enumerate(["write a poem", "edit a video", "invoice customers"]):
        miss(app, f"b{n}", query, 100.0 + n)
    assert app.operator.get(MISSED, params={"limit": 2}).json()["total"] == 4
    (first, second) = groups(app, limit=2)
    assert (first["count"], len(first["searches"]), first["searches"][0]["search_id"]) == (25, 20, "a24")
    assert [second["id"], *(group["id"] for group in groups(app, offset=2, limit=5))] == ["b2", "b1", "b0"]
    assert groups(app, offset=4) == []


def test_a_mark_stands_for_every_question_of_its_group_until_it_is_taken_back(app):
    miss(app, "a", "write a poem", 1)
    miss(app, "b", "Write a poem", 2)
    tool = add_tool(app)
    answer = mark(app, "a", verdict="should_find", tool_id=tool, note=" 이것 ")
    assert answer.status_code == 200
    made = answer.json()["mark"]
    assert (made["verdict"], made["tool_id"], made["url"], made["note"]) == ("should_find", tool, None, "이것")
    assert made["at"] > 0
    assert groups(app) == []
    (found,) = groups(app, state="marked")
    assert found == answer.json()
    assert (found["id"], found["count"]) == ("a", 2)
    assert mark(app, "a", verdict="wrong_answer").json()["mark"]["tool_id"] is None
    assert app.operator.delete(f"{MISSED}/a").status_code == 204
    assert groups(app, state="marked") == []
    assert [group["id"] for group in groups(app)] == ["a"]
    assert app.operator.delete(f"{MISSED}/a").status_code == 404


def test_who_asks_the_same_after_the_mark_is_seen_again(app):
    miss(app, "a", "write a poem", 1)
    mark(app, "a", verdict="no_such_tool")
    miss(app, "b", "write a poem", 2)
    assert [(group["id"], group["count"]) for group in groups(app)] == [("b", 1)]
    assert [group["id"] for group in groups(app, state="marked")] == ["a"]


def test_an_address_is_checked_and_becomes_a_lead(app):
    miss(app, "a", "write a poem", 1)
    refused = mark(app, "a", verdict="should_find", url="http://169.254.169.254/latest")
    assert (refused.status_code, refused.json()["reason"]) == (422, "address_forbidden")
    assert mark(app, "a", verdict="should_find", url="not a url").json()["reason"] == "invalid_url"
    assert len(groups(app)) == 1
    answer = mark(app, "a", verdict="should_find", url="https://Poems.example/?utm_source=x")
    assert answer.json()["mark"]["url"] == "https://poems.example/"
    with app.catalogue.read() as conn:
        assert conn.execute(sa.select(leads.c.url)).scalars().all() == ["https://poems.example/"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"verdict": "maybe"},
        {"verdict": "should_find"},
        {"verdict": "no_such_tool", "tool_id": 1},
        {"verdict": "should_find", "tool_id": 404},
        {"verdict": "no_such_tool", "note": "x" * 2001},
    ],
)
def test_a_mark_that_says_nothing_sensible_is_refused(app, body):
    miss(app, "a", "write a poem", 1)
    refused = mark(app, "a", **body)
    assert refused.status_code == 422
    assert refused.json()["remedy"]
    assert len(groups(app)) == 1


def test_a_group_that_is_not_there_is_a_problem(app):
    answer = mark(app, "nobody", verdict="no_such_tool")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


def test_what_people_vary_does_not_matter_but_the_language_does():
    assert normalised(" How  to: C++? ") == normalised("how to c++")
    assert normalised("C#") != normalised("C++") != normalised("c")
    assert normalised("ＡＩ 도구") == normalised("AI 도구")
    assert normalised("???") == "???"


def test_a_group_of_many_is_not_computed_twice_and_grows(app, monkeypatch):
    likeness = Likeness(app.gateway.encoder)
    encoded = []
    encode = app.gateway.encoder.encode
    monkeypatch.setattr(app.gateway.encoder, "encode", lambda texts: encoded.extend(texts) or encode(texts))
    questions = ["write a poem", "edit a video", "write poems"]
    assert likeness.leaders(questions) == [0, 1, 0]
    assert likeness.leaders(list(questions)) == [0, 1, 0]
    assert likeness.leaders([*questions, "edit videos", "시를 쓰다"]) == [0, 1, 0, 1, 4]
    assert encoded == [*questions, "edit videos"]
    assert likeness.leaders([]) == []
