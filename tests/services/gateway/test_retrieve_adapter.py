"""Searches with a query adapter: it ranks, and leaves alone what the gateway says does not fit."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import sqlalchemy as sa
from toolscout.catalogue import Catalogue, changes, tools
from toolscout.catalogue.tables import chunks, pages
from toolscout.domain import STABLE, Chunk, State
from toolscout.encoder import DIM, Encoder, pack
from toolscout.index import Index
from toolscout.query_adapter import POINTERS, QueryAdapter, serving
from toolscout.settings import ROOT

from services.gateway.follow import Follower
from services.gateway.retrieve import Found, Retriever

TEXTS = {
    "Brushwork": "Paints portraits from a description and lets you correct every stroke.",
    "Minutes": "Records meetings and writes down who promised what, in twelve languages.",
    "Ledger": "Books the invoices of small companies and warns before a tax is due.",
    "Parrot": "Reads any text aloud with a voice that sounds like yours.",
    "Loom": "Writes unit tests for code in Python and finds what they miss.",
}
FITTING = ["paint a portrait of my dog", "who promised what in a meeting", "read a text aloud", "tests for python code"]
FOREIGN = ["how long does sourdough bread rise", "football results of yesterday", "the oldest trees of Tasmania"]
THRESHOLD = 0.35


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder(ROOT / "models" / "encoder")


@pytest.fixture
def index(sqlite_catalogue: Catalogue, encoder: Encoder) -> Iterator[Index]:
    vectors = pack(encoder.encode([Chunk(0, 0, name, text).indexed_text for name, text in TEXTS.items()]))
    with sqlite_catalogue.write() as conn:
        version = changes.draw(conn)
        for (name, text), vector in zip(TEXTS.items(), vectors, strict=True):
            url = f"https://{name.lower()}.example/"
            values = {"url": url, "name": name, "platforms": [], "languages": [], "sources": {}}
            tool_id = tools.upsert(conn, url.split("/")[2], values, 1.0)
            page = {"url": url, "host": "h", "site": "s", "state": State.INDEXED, "created_at": 0, "updated_at": 0}
            page_id = conn.execute(sa.insert(pages).values(**page).returning(pages.c.id)).scalar_one()
            row = {"page_id": page_id, "tool_id": tool_id, "title": name, "text": text, "ordinal": 0}
            row |= {"digest": name, "encoder": encoder.sha, "vector": vector, "version": version}
            conn.execute(sa.insert(chunks), [row])
    follower = Follower(sqlite_catalogue, 1)
    assert follower.step()
    yield follower.index


def turned(strength: float) -> QueryAdapter:
    noise = np.random.default_rng(1).standard_normal((DIM, DIM)).astype(np.float32)
    weight = np.eye(DIM, dtype=np.float32) + strength * noise / DIM**0.5
    return QueryAdapter("turned", weight, np.zeros(DIM, np.float32))


def names(found: Found) -> list[str]:
    return [result.tool.name for result in found.results]


def test_without_an_adapter_nothing_names_one(sqlite_catalogue, encoder, index):
    found = Retriever(sqlite_catalogue, encoder, THRESHOLD).find(index, FITTING[0], 5)
    assert found.adapter is None and names(found)[0] == "Brushwork"
    assert found.top_score == pytest.approx(found.results[0].score)


def test_the_identity_changes_nothing_but_the_name(sqlite_catalogue, encoder, index):
    identity = QueryAdapter("same", np.eye(DIM, dtype=np.float32), np.zeros(DIM, np.float32))
    for query in FITTING + FOREIGN:
        plain, with_it = (
            Retriever(sqlite_catalogue, encoder, THRESHOLD, a).find(index, query, 5) for a in (None, identity)
        )
        assert names(plain) == names(with_it) and with_it.adapter == "same"
        assert [r.score for r in with_it.results] == pytest.approx([r.score for r in plain.results], abs=1e-4)


def test_an_adapter_decides_the_ranking(sqlite_catalogue, encoder, index):
    """One that sends every query to the same passage."""
    (target,) = encoder.encode([Chunk(0, 0, "Ledger", TEXTS["Ledger"]).indexed_text])
    adapter = QueryAdapter("ledger", np.zeros((DIM, DIM), np.float32), target)
    for query in FITTING:
        found = Retriever(sqlite_catalogue, encoder, THRESHOLD, adapter).find(index, query, 5)
        assert names(found)[0] == "Ledger"
        # The scores shown are those that ranked, the one compared with the threshold is the query's own.
        assert found.results[0].score > 0.9 > found.top_score


@pytest.mark.parametrize("strength", [0.2, 1.0, 5.0])
def test_what_fits_is_decided_as_without_an_adapter(sqlite_catalogue, encoder, index, strength):
    decided = {}
    for query in FITTING + FOREIGN:
        plain, with_it = (
            Retriever(sqlite_catalogue, encoder, THRESHOLD, a).find(index, query, 5) for a in (None, turned(strength))
        )
        assert with_it.top_score == pytest.approx(plain.top_score, abs=1e-3)
        assert with_it.no_match == plain.no_match
        decided[query] = plain.no_match
    assert not any(decided[query] for query in FITTING) and all(decided[query] for query in FOREIGN)


def test_nothing_found_is_no_match_with_an_adapter_too(sqlite_catalogue, encoder):
    found = Retriever(sqlite_catalogue, encoder, THRESHOLD, turned(0.1)).find(Index(), "anything", 5)
    assert (found.no_match, found.top_score, found.results) == (True, None, [])


def test_with_a_broken_adapter_a_search_goes_on_without(sqlite_catalogue, encoder, index, tmp_path):
    (tmp_path / POINTERS[STABLE]).write_text("query_adapters/gone")
    adapter = serving(tmp_path, STABLE, encoder.sha)
    found = Retriever(sqlite_catalogue, encoder, THRESHOLD, adapter).find(index, FITTING[0], 5)
    assert names(found)[0] == "Brushwork" and found.adapter is None
