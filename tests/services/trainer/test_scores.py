"""How replies are scored."""

from __future__ import annotations

import json

import pytest
from toolscout.prompts.answer import NOTHING, Source

from services.trainer.scores import answer, extraction, refusal, refuses, set_f1


def test_an_extraction_is_judged_field_by_field() -> None:
    wanted = {
        "name": "Pest-R-Us",
        "summary": "It removes the background of photos.",
        "category": "image",
        "pricing": None,
    }
    said = {"name": "pest r us™", "summary": "removes background of photos", "category": "video", "pricing": None}
    found = extraction(json.dumps(said), wanted)
    fields = {name.removeprefix("field_"): n for name, n in found.items() if name.startswith("field_")}
    assert fields == {"name": 1, "summary": 1, "category": 0, "pricing": 1}
    assert found["score"] == 0.75
    assert found["json_valid"] == 1


@pytest.mark.parametrize(
    ("reply", "valid", "fits", "score"),
    [
        ('{"name": "Zorbo"}', 1, 1, 1),
        ('Here it is:\n{"name": "Zorbo"}', 0, 0, 1),
        ('{"name": "Zorbo", "more": 1}', 1, 0, 1),
        ("{'name': 'Zorbo',", 0, 0, 1),
        ('{"name": 5}', 1, 0, 0),
        ('["Zorbo"]', 0, 0, 0),
        ("", 0, 0, 0),
        ("[" * 5000, 0, 0, 0),
    ],
)
def test_json_is_valid_as_it_came_and_read_as_the_processor_reads_it(
    reply: str, valid: int, fits: int, score: int
) -> None:
    found = extraction(reply, {"name": "Zorbo"})
    assert (found["json_valid"], found["fits_form"], found["score"]) == (valid, fits, score)


def test_nothing_stated_is_a_value_and_silence_is_none() -> None:
    assert extraction('{"pricing": null}', {"pricing": None})["score"] == 1
    assert extraction('{"pricing": "free"}', {"pricing": None})["score"] == 0
    assert extraction('{"category": "image"}', {"pricing": None})["score"] == 0


def test_lists_are_compared_as_sets() -> None:
    assert set_f1(["web", "ios"], ["ios", "web"], exact=True) == 1
    assert set_f1(["web", "ios", "web"], ["web"], exact=True) == pytest.approx(2 / 3)
    assert set_f1(["Removes noise from speech"], ["removes noise"], exact=False) == 1
    assert set_f1([], [], exact=True) == 1


SOURCES = [
    Source(1, 1, 1, "Murmur", "Murmur turns speech into text in ninety languages."),
    Source(2, 2, 2, "Snipper", "Snipper removes the background of a photo."),
]
TOLD = "Murmur turns speech into text. [1]"


def test_an_answer_is_judged_by_what_would_be_shown_of_it() -> None:
    right = answer("Murmur turns speech into text in ninety languages [1].", TOLD, SOURCES, 0.5)
    assert (right["score"], right["citation_precision"], right["citation_recall"], right["grounded"]) == (1, 1, 1, 1)
    both = answer(f"{TOLD}\nSnipper removes the background of a photo. [2]", TOLD, SOURCES, 0.5)
    assert (both["citation_precision"], both["citation_recall"]) == (0.5, 1)
    made_up = answer(f"{TOLD}\nMurmur costs $5 in Bolivia. [1]", TOLD, SOURCES, 0.5)
    assert made_up["supported"] == 0.5
    wrong = answer("Snipper removes the background of a photo. [2]", TOLD, SOURCES, 0.5)
    assert (wrong["score"], wrong["supported"], wrong["not_refused"]) == (0, 1, 1)
    silent = answer(NOTHING["en"], TOLD, SOURCES, 0.5)
    assert (silent["score"], silent["not_refused"], silent["grounded"]) == (0, 0, 0)


def test_a_refusal_is_recognised_in_both_languages() -> None:
    assert refusal(f"{NOTHING['ko']} ")["score"] == 1
    assert refuses("Nothing here fits that question")
    assert not refuses("Murmur fits that question. [1]")
