"""The search log and what people thought."""

import pytest
import sqlalchemy as sa
from toolscout.catalogue import Catalogue, meta, searches
from toolscout.catalogue.tables import clicks, feedback

SEARCH = {
    "id": "s1",
    "session_id": "me",
    "created_at": 1.0,
    "ab_group": "stable",
    "query": "배경 제거",
    "filters": {"language": ["ko"]},
    "results": [{"tool_id": 1, "score": 0.5, "chunks": [7]}],
    "no_match": False,
    "index_version": 3,
    "encoder": "e",
    "timings": {"total": 1.5},
}
RATING = {"search_id": "s1", "session_id": "me", "tool_id": 0, "rating": None, "score": None, "comment": None}


@pytest.fixture(autouse=True)
def _search(catalogue: Catalogue) -> None:
    with catalogue.write() as conn:
        searches.add(conn, SEARCH)


def rate(catalogue: Catalogue, **values: object) -> None:
    with catalogue.write() as conn:
        searches.rate(conn, RATING | {"created_at": 2.0} | values)


def rated(catalogue: Catalogue) -> list[tuple]:
    columns = (feedback.c.session_id, feedback.c.tool_id, feedback.c.rating, feedback.c.score)
    with catalogue.read() as conn:
        return [tuple(row) for row in conn.execute(sa.select(*columns).order_by(*columns))]


def test_a_search_reads_back_as_it_was(catalogue: Catalogue) -> None:
    with catalogue.read() as conn:
        row = searches.get(conn, "s1")
        assert searches.get(conn, "other") is None
    assert row
    assert {name: row._mapping[name] for name in SEARCH} == SEARCH


def test_the_last_rating_of_a_session_wins(catalogue: Catalogue) -> None:
    rate(catalogue, rating="up", score=5)
    rate(catalogue, rating="down")
    assert rated(catalogue) == [("me", 0, "down", None)]


def test_sessions_and_tools_are_rated_apart(catalogue: Catalogue) -> None:
    rate(catalogue, rating="up")
    rate(catalogue, rating="down", tool_id=4)
    rate(catalogue, rating="down", session_id="you")
    assert len(rated(catalogue)) == 3


def test_a_rating_of_no_search_is_refused(catalogue: Catalogue) -> None:
    with pytest.raises(sa.exc.IntegrityError):
        rate(catalogue, search_id="nobody's")


def test_every_click_counts(catalogue: Catalogue) -> None:
    row = {"search_id": "s1", "session_id": "me", "tool_id": 1, "position": 1, "created_at": 2.0}
    with catalogue.write() as conn:
        searches.click(conn, row)
        searches.click(conn, row)
        assert conn.execute(sa.select(sa.func.count()).select_from(clicks)).scalar() == 2


def test_the_admin_key_is_kept_as_a_hash(catalogue: Catalogue) -> None:
    with catalogue.write() as conn:
        assert not meta.is_admin_key(conn, "")
        old = meta.new_admin_key(conn)
        new = meta.new_admin_key(conn)
        assert meta.is_admin_key(conn, new)
        assert not meta.is_admin_key(conn, old)
        assert meta.get(conn, "admin_key_sha256") != new
