"""From what visitors said to rows that train: what is taken, and what is left out for which reason."""

from __future__ import annotations

import pytest
from toolscout.check import check
from toolscout.prompts.answer import NOTHING
from toolscout.settings import Settings

from tests.services.trainer.conftest import Trainer
from tests.services.trainer.shop import TOOLS, Shop

STEP = "generate_finetuning_data"
PHOTO = "remove the background of a photo"
QUOTED = "Snipper: Snipper removes the background of a photo in one click. [1]"


def test_an_answer_rated_up_is_a_row_whose_citation_names_its_passage_in_the_prompt(shop: Shop, train: Trainer) -> None:
    search = shop.search(PHOTO, ["Murmur", "Snipper"], QUOTED, ["Snipper"])
    shop.rate(search, "up")
    assert train(STEP)["state"] == "done"
    [row] = train.rows("finetuning.jsonl")
    # In the prompt Murmur's passage comes first, so the answer's [1] is the prompt's [2].
    assert row["completion"][0]["content"] == QUOTED.replace("[1]", "[2]")
    asked = row["prompt"][-1]["content"]
    assert f"[2] Snipper: {TOOLS['Snipper']}" in asked
    assert asked.endswith(f"Question: {PHOTO}")
    assert row["group"] == "stable"
    assert train.rows("retrieval.jsonl")[0]["positives"] == [
        {"chunk_id": shop.chunk["Snipper"], "tool_id": shop.tool["Snipper"], "how": "cited"}
    ]


def test_only_what_a_model_wrote_gets_a_label(shop: Shop, train: Trainer) -> None:
    for n, (source, rating) in enumerate(
        [("llm", "up"), ("llm", "down"), ("extractive", "up"), ("extractive", "down")]
    ):
        search = shop.search(f"{PHOTO} number {n}", ["Snipper"], QUOTED, ["Snipper"], source=source)
        shop.rate(search, rating)
    step = train(STEP)
    assert [row["label"] for row in train.rows("kto.jsonl")] == [True, False]
    assert step["drops"] == {"quoted_down": 1}
    assert len(train.rows("finetuning.jsonl")) == 2


def test_the_survey_rates_the_answer_unless_the_visitor_did(shop: Shop, train: Trainer) -> None:
    good, bad = (shop.search(f"{PHOTO} {n}", ["Snipper"], QUOTED, ["Snipper"]) for n in (1, 2))
    shop.survey(good, 5)
    shop.survey(bad, 5)
    shop.rate(bad, "down")
    assert train(STEP)["drops"] == {"quoted_down": 1}
    assert [row["search_id"] for row in train.rows("finetuning.jsonl")] == [good]


def test_what_was_shown_and_not_clicked_speaks_against_nothing(shop: Shop, train: Trainer) -> None:
    search = shop.search("write down who said what", ["Ledgerly", "Murmur", "Snipper", "Fretboard"])
    shop.rate(search, "up", "Murmur")
    shop.rate(search, "down", "Snipper")
    shop.click(search, "Ledgerly")
    train(STEP)
    [row] = train.rows("retrieval.jsonl")
    assert [one["chunk_id"] for one in row["positives"]] == [shop.chunk["Murmur"]]
    assert row["negatives"] == [shop.chunk["Snipper"]]


def test_a_click_counts_where_the_answer_was_rated_up(shop: Shop, train: Trainer) -> None:
    search = shop.search(PHOTO, ["Snipper", "Murmur"], QUOTED, ["Snipper"])
    shop.rate(search, "up")
    shop.click(search, "Murmur")
    only_clicked = shop.search("something else", ["Murmur"])
    shop.click(only_clicked, "Murmur")
    step = train(STEP)
    [row] = train.rows("retrieval.jsonl")
    assert {one["how"]: one["tool_id"] for one in row["positives"]} == {
        "cited": shop.tool["Snipper"],
        "clicked": shop.tool["Murmur"],
    }
    assert step["drops"] == {"no_signal": 1}


def test_a_mark_corrects_an_answer_and_names_a_passage(shop: Shop, train: Trainer, settings: Settings) -> None:
    search = shop.search("tablature of a guitar recording", ["Snipper"])
    shop.mark(search, "should_find", "Fretboard")
    train(STEP)
    [row] = train.rows("finetuning.jsonl")
    assert row["source"] == "mark"
    assert "Fretboard writes guitar tablature from a recording. [1]" in row["completion"][0]["content"]
    [found] = train.rows("retrieval.jsonl")
    assert found["positives"][0] == {
        "chunk_id": shop.chunk["Fretboard"],
        "tool_id": shop.tool["Fretboard"],
        "how": "marked",
    }
    assert found["weight"] > 1


@pytest.mark.parametrize(
    ("query", "language"), [("book a flight to the moon", "en"), ("달로 가는 비행기를 예약해 줘", "ko")]
)
def test_where_no_tool_exists_the_right_answer_says_so(shop: Shop, train: Trainer, query: str, language: str) -> None:
    shop.mark(shop.search(query, ["Snipper"], QUOTED, ["Snipper"]), "no_such_tool")
    train(STEP)
    [row] = train.rows("finetuning.jsonl")
    assert row["kind"] == "refusal"
    assert row["completion"][0]["content"] == NOTHING[language]


def test_a_wrong_answer_of_a_model_is_one_not_to_give(shop: Shop, train: Trainer) -> None:
    search = shop.search(PHOTO, ["Snipper"], QUOTED, ["Snipper"], source="llm")
    shop.mark(search, "wrong_answer")
    train(STEP)
    assert [row["label"] for row in train.rows("kto.jsonl")] == [False]


def test_every_row_that_is_left_out_has_a_reason(shop: Shop, train: Trainer, evaluation) -> None:
    evaluation("transcribe a meeting with speakers")
    shop.rate(shop.search("a", ["Snipper"], counted=False), "up")  # not counted
    shop.search("b", ["Snipper"])  # nobody said anything
    shop.survey(shop.search("c", ["Snipper"]), 3)  # neither good nor bad
    shop.rate(shop.search("Transcribe a meeting, with speakers!", ["Murmur"]), "up", "Murmur")  # measured on
    shop.rate(shop.search(PHOTO, ["Snipper"], "Snipper costs 12 dollars. [1]", ["Snipper"]), "up")  # not in the passage
    shop.rate(
        shop.search("read invoices", ["Ledgerly"], "Ledgerly: Ledgerly reads invoices and receipts. [1]", ["Ledgerly"]),
        "up",
    )
    shop.change_page("Ledgerly")
    step = train(STEP)
    assert step["drops"] == {
        "not_counted": 1,
        "no_signal": 1,
        "lukewarm": 1,
        "evaluation_overlap": 1,
        "citation_unsupported": 1,
        "page_changed": 2,  # its passage as what to find, and its answer
    }
    assert train.rows("finetuning.jsonl") == []
    assert step["figures"]["searches"] == 6


def test_saying_the_same_again_adds_nothing_and_a_session_gives_so_much(
    shop: Shop, train: Trainer, settings: Settings
) -> None:
    for _ in range(5):
        shop.rate(shop.search(PHOTO, ["Snipper"]), "up", "Snipper")
    for n in range(30):
        shop.rate(shop.search(f"question {n}", ["Murmur"], session="busy"), "up", "Murmur", session="busy")
    drops = train(STEP)["drops"]
    assert drops == {"repeated": 4, "session_cap": 30 - settings.train_session_cap}
    assert len(train.rows("retrieval.jsonl")) == 1 + settings.train_session_cap


def test_a_network_gives_so_much_whatever_sessions_it_makes(shop: Shop, train: Trainer, settings: Settings) -> None:
    most = settings.train_network_cap
    for n in range(most + 10):
        search = shop.search(f"question {n}", ["Murmur"], session=f"s{n}", network="abc")
        shop.rate(search, "up", "Murmur", session=f"s{n}")
    assert train(STEP)["drops"] == {"network_cap": 10}
    assert len(train.rows("retrieval.jsonl")) == most


def test_personal_data_is_gone(shop: Shop, train: Trainer) -> None:
    query = "mail kim@mail.example or call 010-1234-5678 about a photo background"
    shop.rate(shop.search(query, ["Snipper"], QUOTED, ["Snipper"]), "up")
    train(STEP)
    text = b"".join(train.path(name).read_bytes() for name in ("finetuning.jsonl", "retrieval.jsonl", "kto.jsonl"))
    assert b"kim@mail" not in text
    assert b"1234-5678" not in text
    assert b"[email]" in text
    assert b'"s1"' not in text  # nor who said it


def test_an_empty_log_makes_empty_files(train: Trainer, shop: Shop) -> None:
    step = train(STEP)
    assert step["state"] == "done"
    assert [one["rows"] for one in step["artefacts"]] == [0, 0, 0]


def test_a_row_stands_before_the_same_check_as_an_answer(shop: Shop, train: Trainer, settings: Settings) -> None:
    """What is trained is what the gateway would have let stand."""
    shop.rate(
        shop.search("한국어 맞춤법을 고쳐 줘", ["글벗"], "글벗: 맞춤법과 띄어쓰기를 고쳐 줍니다. [1]", ["글벗"]), "up"
    )
    train(STEP)
    [row] = train.rows("finetuning.jsonl")
    assert row["language"] == "ko"

    class Source:
        n, chunk_id, tool_id, name, text = 1, 1, 1, "글벗", TOOLS["글벗"]

    assert check(row["completion"][0]["content"], [Source], settings.support_score).stands  # type: ignore[list-item]
