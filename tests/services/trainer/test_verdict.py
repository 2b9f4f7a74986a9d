"""What lets an adapter pass, and what keeps it back."""

from __future__ import annotations

from typing import Any

import pytest

from services.trainer.verdict import Thresholds, judged, markdown

Row = dict[str, Any]
ALLOWED = Thresholds(rows=20, gain=0.0, worse=0.02, slower=2.0)


def asked(before: float, after: float, kind: str = "extraction", ms: float = 100, **more: Any) -> Row:
    both = {
        "json_valid": 1.0,
        "fits_form": 1.0,
        "citation_precision": 1.0,
        "supported": 1.0,
        "not_refused": 1.0,
        "grounded": 1.0,
    }
    side = {"tokens_in": 10, "tokens_out": 5, **both}
    late = side | {"score": after, "ms": ms} | more
    return {"kind": kind, "before": side | {"score": before, "ms": 100}, "after": late, "verdict": None}


def test_a_clear_gain_passes_and_chance_does_not() -> None:
    clear = judged([asked(0.2, 0.8)] * 20 + [asked(0.5, 0.5)] * 10, ALLOWED)
    assert clear["passed"]
    assert clear["gain"] == pytest.approx(0.4)
    assert clear["kinds"]["extraction"]["rows"] == 30
    chance = judged([asked(0, 1), asked(1, 0)] * 15, ALLOWED)
    assert not chance["passed"]
    assert not judged([asked(0.5, 0.5)] * 30, ALLOWED)["passed"]


@pytest.mark.parametrize(
    ("rows", "word"),
    [
        ([asked(0.1, 0.9, json_valid=0.0)] * 30, "valid JSON"),
        ([asked(0.1, 0.9, "answer", citation_precision=0.5)] * 30, "citation precision"),
        ([asked(0.1, 0.9, "answer", not_refused=0.0)] * 30, "answers where there is one"),
        ([asked(0.1, 0.9)] * 60 + [asked(1, 0, "refusal")] * 20, "refusals where nothing fits"),
        ([asked(0.1, 0.9, ms=250)] * 30, "2.5 times as long"),
    ],
)
def test_what_gets_worse_keeps_it_back(rows: list[Row], word: str) -> None:
    found = judged(rows, ALLOWED)
    assert not found["passed"]
    assert [why for why in found["why_not"] if word in why]
    # And nothing else does.
    assert len(found["why_not"]) == 1


def test_twice_as_long_is_allowed_and_a_little_worse_too() -> None:
    assert judged([asked(0.1, 0.9, ms=190)] * 30, ALLOWED)["passed"]
    assert judged([asked(0.1, 0.9, json_valid=0.99)] * 30, ALLOWED)["passed"]


def test_the_judges_word_and_the_reasons_are_told_to_people() -> None:
    rows = [asked(0.5, 0.5) | {"verdict": verdict} for verdict in [1.0] * 15 + [0.5] * 10 + [0.0] * 5]
    found = judged(rows, ALLOWED)
    assert found["judge"]["win_rate"] == pytest.approx(20 / 30, abs=1e-4)
    assert (found["judge"]["won"], found["judge"]["tie"], found["judge"]["lost"]) == (15, 10, 5)
    low, high = found["judge"]["interval"]
    assert 0.5 < low < 20 / 30 < high < 0.85
    text = markdown(found | {"adapter": "a1", "stable": "base", "candidate": "base+a1"})
    assert "It may not serve: the mean gain may be chance" in text
    assert "The judge preferred it in 67%" in text
    assert "| extraction | 30 | 0.500 | 0.500 | +0.000 (+0.000 to +0.000) |" in text
