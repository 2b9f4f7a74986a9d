"""Tools: one record a site, and what filters find."""

import time
from collections.abc import Callable

import pytest
from toolscout.catalogue import Catalogue, tools
from toolscout.domain import State

AddPages = Callable[..., list[int]]


def put(catalogue: Catalogue, site: str, **values: object) -> int:
    row = {"url": f"https://{site}/", "name": site, "platforms": [], "languages": [], "sources": {}} | values
    with catalogue.write() as conn:
        return tools.upsert(conn, site, row, time.time())


def test_a_site_keeps_its_id(catalogue: Catalogue) -> None:
    first = put(catalogue, "a.example", name="Old")
    other = put(catalogue, "b.example")
    assert put(catalogue, "a.example", name="New") == first != other
    with catalogue.read() as conn:
        row = tools.get(conn, first)
    assert row
    assert row.name == "New"
    assert row.updated_at >= row.created_at


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({}, "ab"),
        ({"category": ["image"]}, "a"),
        ({"category": ["image", "code"]}, "ab"),
        ({"pricing": ["free"]}, "b"),
        ({"platform": ["web"]}, "ab"),
        ({"platform": ["ios"]}, "a"),
        ({"platform": ["io"]}, ""),
        ({"platform": ["%"]}, ""),
        ({"language": ["ko"]}, "b"),
        ({"category": ["image"], "language": ["ko"]}, ""),
    ],
)
def test_filters(catalogue: Catalogue, filters: dict, found: str) -> None:
    ids = {
        "a": put(catalogue, "a.example", category="image", pricing="paid", platforms=["web", "ios"], languages=["en"]),
        "b": put(catalogue, "b.example", category="code", pricing="free", platforms=["web"], languages=["en", "ko"]),
    }
    put(catalogue, "c.example", category="image", platforms=["web"], hidden=True)
    with catalogue.read() as conn:
        assert tools.ids_matching(conn, filters) == {ids[name] for name in found}


def test_a_hidden_tool_is_not_shown(catalogue: Catalogue) -> None:
    hidden, shown = put(catalogue, "a.example", hidden=True), put(catalogue, "b.example")
    with catalogue.read() as conn:
        assert tools.get(conn, hidden) is None
        assert set(tools.many(conn, [hidden, shown])) == {shown}


def test_a_page_of_tools_with_facets(catalogue: Catalogue) -> None:
    for n, category in enumerate(["code", "code", "image"]):
        put(catalogue, f"{n}.example", name=f"Tool {n}", category=category, summary="100% odd" if n == 1 else "")
    with catalogue.read() as conn:
        total, rows, facets = tools.page(conn, {}, "", 1, 1)
        assert (total, [r.name for r in rows], facets["category"]) == (3, ["Tool 1"], {"code": 2, "image": 1})
        assert tools.page(conn, {}, "100% ODD", 0, 9)[0] == 1
        assert tools.page(conn, {}, "1%", 0, 9)[0] == 0


def test_a_tool_without_pages_is_forgotten(catalogue: Catalogue, add_pages: AddPages) -> None:
    empty, used = put(catalogue, "a.example"), put(catalogue, "b.example")
    add_pages(catalogue, state=State.INDEXED, tool_id=used)
    with catalogue.write() as conn:
        tools.forget_if_empty(conn, empty)
        tools.forget_if_empty(conn, used)
        assert set(tools.many(conn, [empty, used])) == {used}


def test_leads_are_kept_once(catalogue: Catalogue, add_pages: AddPages) -> None:
    (page_id,) = add_pages(catalogue)
    with catalogue.write() as conn:
        for _ in range(2):
            tools.add_leads(conn, page_id, [("https://x.example/", "x" * 999)], time.time())
        tools.add_leads(conn, page_id, [], time.time())
        assert tools.counts(conn)["leads"] == 1
