"""The facts of captured pages against hand-made labels, without a language model."""

import json
from pathlib import Path

import pytest
from toolscout.domain import CATEGORIES, Pricing

from benchmarks import metadata

# On the half of the labels on which no rule was made; what a price is called is often a matter of opinion.
FLOORS = {"name": 0.9, "description": 0.8, "pricing": 0.7, "category": 0.6}
MOST_UNASKED = 0.25


def test_labels_are_facts_of_distinct_pages_and_hold_no_text_of_theirs():
    rows = [json.loads(line) for line in metadata.LABELS.read_text(encoding="utf-8").splitlines()]
    assert len(rows) >= 110
    assert len({row["file"] for row in rows}) == len(rows)
    for row in rows:
        assert set(row) <= {"file", "url", "name", "names", "pricing", "category"}
        assert row["name"] in row.get("names", [row["name"]])
        assert all(len(name) < 50 for name in row.get("names", [row["name"]]))
        assert row["category"] in CATEGORIES
        assert row["pricing"] is None or row["pricing"] in set(Pricing)


def test_held_out_labels_reach_the_floors(shared_data):
    assert shared_data == metadata.SHARED / "data"
    held = [row for row in metadata.expectations(metadata.LABELS) if row["source"] == "labels_held"]
    found = metadata.figures([metadata.measure(row) for row in held])
    print(len(held), "pages", found)
    assert all(found[name]["score"] >= floor for name, floor in FLOORS.items()), found
    assert found["pricing_unasked"]["score"] <= MOST_UNASKED, found


@pytest.mark.parametrize(
    ("hits", "n", "interval"),
    [(90, 100, (0.826, 0.945)), (0, 5, (0.0, 0.434)), (5, 5, (0.566, 1.0)), (0, 0, (None, None))],
)
def test_wilsons_interval(hits, n, interval):
    assert metadata.wilson(hits, n) == interval


def test_names_are_compared_without_case_and_punctuation():
    assert metadata.normal("Pest-R-Us™  Services,") == metadata.normal("pest~r~us services") == "pest r us services"
    assert metadata.normal("소리글 ") == "소리글"
    assert metadata.normal("FlyIO") != metadata.normal("Fly.io")


def test_texts_overlap_by_half_of_their_words():
    assert metadata.overlaps("paints what you say", "It paints what you say, in seconds, on paper and canvas and wood")
    assert not metadata.overlaps("paints what you say", "a library of colours for your shop")
    assert not metadata.overlaps("", "a library of colours")


def test_a_directorys_words_are_ours():
    words = ["free-trial", "Free Trial", "Freemium", "Contact for Pricing", "Open Source", "paid", "?", None]
    kinds = ["free_trial", "free_trial", "freemium", "contact", "open_source", "paid", None, None]
    assert [metadata.price_of(word) for word in words] == kinds
    assert metadata.categories_of("E-mail, Marketing") == ["productivity", "marketing"]


def test_a_manifest_of_ones_own_is_measured(tmp_path: Path):
    html = "<title>Home | Brushwork</title><p>Our free plan is free for ever.</p>"
    (tmp_path / "a.html").write_text(html)
    row = {"file": "a.html", "original_url": "https://brushwork.example/", "name": "Brushwork", "pricing": "Freemium"}
    away = row | {"name": "Palette"}
    (tmp_path / "rows.jsonl").write_text(f"{json.dumps(row)}\n{json.dumps(away)}\n")
    here, there = (metadata.measure(row) for row in metadata.expectations(tmp_path / "rows.jsonl"))
    assert (here["name"], here["pricing"], here["source"]) == (True, True, "directory")
    assert (there["name"], there["name_not_on_page"]) == (None, True)
