"""The one question: only who searched may answer it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from toolscout.catalogue.tables import surveys

from tests.services.gateway.operated import Operated, operated


@pytest.fixture
def app(settings, database_url) -> Iterator[Operated]:
    with operated(settings.model_copy(update={"database_url": database_url})) as found:
        found.search("s1", session_id="api:me")
        yield found


def answer(app: Operated, session: str = "me", **body):
    return app.client(headers={"X-Session-ID": session}).post("/api/v1/survey", json=body)


def stored(app: Operated) -> list[tuple]:
    with app.catalogue.read() as conn:
        return [
            tuple(row) for row in conn.execute(sa.select(surveys.c.search_id, surveys.c.session_id, surveys.c.score))
        ]


def test_the_last_answer_wins_also_when_it_is_none(app):
    for score in (2, 5):
        assert answer(app, search_id="s1", score=score).status_code == 204
    assert stored(app) == [("s1", "api:me", 5)]
    assert answer(app, search_id="s1", score=None).status_code == 204
    assert stored(app) == [("s1", "api:me", None)]


def test_nobody_answers_for_another(app):
    refused = answer(app, "you", search_id="s1", score=5)
    assert (refused.status_code, refused.json()["reason"]) == (403, "foreign_session")
    assert answer(app, search_id="s2", score=5).status_code == 404
    assert stored(app) == []


@pytest.mark.parametrize(
    "body", [{}, {"search_id": ""}, {"search_id": "s1", "score": 0}, {"search_id": "s1", "score": 6}]
)
def test_an_answer_is_from_one_to_five(app, body):
    refused = answer(app, **body)
    assert refused.status_code == 422
    assert refused.json()["remedy"]
