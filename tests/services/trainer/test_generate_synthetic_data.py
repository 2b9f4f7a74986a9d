"""Rows made of the catalogue's pages by templates: what they hold must be on the page."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from toolscout.catalogue import Catalogue
from toolscout.catalogue.tables import chunks, tools
from toolscout.check import check
from toolscout.encoder import pack
from toolscout.form import form
from toolscout.prompts.answer import NOTHING, Source
from toolscout.settings import Settings

from services.trainer.generate_synthetic_data import ROWS, TRIPLES
from services.trainer.job import Job
from services.trainer.synthetic_korean import adnominal
from tests.services.trainer import market
from tests.services.trainer.conftest import Trainer
from tests.services.trainer.market import KOREAN, TOOLS, fill, of, rows_of, said


@pytest.fixture
def ids(sqlite_catalogue: Catalogue) -> dict[str, int]:
    return fill(sqlite_catalogue)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"llm": "off"})


@pytest.fixture
def made(settings: Settings, sqlite_catalogue: Catalogue) -> Callable[..., tuple[Job, list[dict[str, Any]]]]:
    return lambda with_settings=settings, **more: market.made(with_settings, sqlite_catalogue, **more)


def sources(row: dict[str, Any]) -> list[Source]:
    """The passages as the prompt shows them."""
    shown = row["prompt"][-1]["content"].rpartition("\n\nQuestion: ")[0]
    found = re.findall(r"^\[(\d+)\] (.+?): (.+)$", shown, re.M)
    return [Source(int(n), int(n), 0, name, text) for n, name, text in found]


def test_the_same_catalogue_and_seed_give_the_same_bytes(ids, made):
    first, again, other = made(run="a")[0], made(run="b")[0], made(run="c", seed=1)[0]
    for name in (ROWS, TRIPLES):
        assert (first.directory / name).read_bytes() == (again.directory / name).read_bytes()
    assert (first.directory / ROWS).read_bytes() != (other.directory / ROWS).read_bytes()


def test_either_database_gives_rows(catalogue: Catalogue, settings: Settings):
    fill(catalogue)
    _, rows = market.made(settings, catalogue)
    assert len(of(rows, "answer")) > 5 and of(rows, "refusal") and of(rows, "extraction")


def test_every_answer_is_borne_out_by_the_passage_that_it_cites_among_others(ids, made):
    answers = of(made()[1], "answer")
    names = {tool: name for name, tool in ids.items()}
    for row in answers:
        shown = sources(row)
        assert 2 <= len(shown) <= 3
        found = check(said(row), shown, 0.8)
        assert found.dropped == 0 and 1 <= found.kept <= 3
        assert [next(s.name for s in shown if s.n == c.chunk_id) for c in found.citations] == [
            names[row["tool_ids"][0]]
        ]
    # The right passage stands anywhere, or its number would be learnt.
    assert len({re.findall(r"\[(\d)\]", said(row))[0] for row in answers}) > 1


def test_questions_name_no_tool_and_are_asked_in_its_language(ids, made):
    rows = of(made()[1], "answer")
    names = {tool: name for name, tool in ids.items()}
    for row in rows:
        name = names[row["tool_ids"][0]]
        assert name.casefold() not in row["query"].casefold()
        if name in KOREAN:
            assert row["language"] == "ko" and re.search("[가-힣]", said(row))
    assert {row["language"] for row in rows} == {"en", "ko"}
    assert len({row["query"] for row in rows}) == len(rows)


def test_no_passage_of_a_refusal_says_what_is_asked(ids, made):
    rows = made()[1]
    asked = {row["query"]: row["tool_ids"][0] for row in of(rows, "answer")}
    for row in of(rows, "refusal"):
        assert said(row) == NOTHING[row["language"]]
        shown = {source.name for source in sources(row)}
        assert shown and asked.get(row["query"]) not in row["tool_ids"]
        words = set(re.findall(r"[\w']{6,}", row["query"].casefold()))
        for source in sources(row):
            assert sum(word in source.text.casefold() for word in words) <= len(words) / 3, row["query"]
    # By their vectors these two are strangers, by their words they are not.
    twins = {ids["Zorbo"], ids["Posterli"]}
    assert [row["query"] for row in of(rows, "answer") if {*row["tool_ids"]} >= twins >= {row["tool_ids"][0]}] == []


def test_tools_that_are_alike_are_not_shown_as_others(ids, made, sqlite_catalogue):
    """Where all passages have one vector, none can be told from the one that answers."""
    with sqlite_catalogue.write() as conn:
        conn.execute(sa.update(chunks).values(vector=pack(np.full((1, 384), 384**-0.5))[0]))
    job, rows = made()
    assert {row["kind"] for row in rows} == {"extraction"} and job.drops["no_unlike_passages"] > 0


def test_a_page_is_read_into_what_its_structured_data_state_and_its_text_says(ids, made):
    job, every = made()
    rows = {row["tool_ids"][0]: row for row in of(every, "extraction")}
    labels = {name: json.loads(said(rows[ids[name]])) for name in ("Zorbo", "Murmel", "회의록봇")}
    # The category was read in the text, and no platform is in it.
    assert labels["Zorbo"] == {"name": "Zorbo", "summary": "Zorbo turns a sketch into a coloured poster."}
    # The summary is not what the page says.
    assert labels["Murmel"] == {"features": ["Separates the speakers"]}
    assert labels["회의록봇"] == {"summary": "회의를 녹음해서 요약해 주는 AI 도구입니다."}
    assert ids["Ledgerix"] not in rows and job.drops["no_structured_data"] == 4
    for row in rows.values():
        found = json.loads(said(row))
        form(list(found)).model_validate(found)
        text, _, asked = row["prompt"][-1]["content"].rpartition("\n\n")
        assert asked.startswith(f"Fill in {', '.join(found)} of ") and "json-ld" not in text
    # Who is to find the name is not told it.
    assert rows[ids["Zorbo"]]["prompt"][-1]["content"].endswith("of s0.example.")


def test_a_triple_says_which_passage_answers(ids, made, sqlite_catalogue):
    job, _ = made()
    with sqlite_catalogue.read() as conn:
        owner = dict(conn.execute(sa.select(chunks.c.id, chunks.c.tool_id)).all())
    triples = rows_of(job, TRIPLES)
    assert triples and all(owner[row["chunk_id"]] == row["tool_id"] for row in triples)
    assert all(row["negatives"] == [] and row["weight"] == 0.5 and row["source"] == "synthetic" for row in triples)
    most = max(sum(row["tool_id"] == tool for row in triples) for tool in ids.values())
    assert 1 < most <= 4
    # Whose price is meant, no one can tell.
    assert job.drops["generic_for_search"] > 0
    assert not any(re.search(r"free plan|무료 요금제", row["query"]) for row in triples)


def test_personal_data_and_orders_to_models_are_gone(ids, made):
    job, _ = made()
    everything = "".join((job.directory / name).read_text() for name in (ROWS, TRIPLES))
    assert "zorbo.example" not in everything and "123-4567" not in everything
    assert "previous instructions" not in everything and "tablature" in everything
    assert "[email]" in everything  # the page is there, without the address


def test_questions_that_are_measured_on_are_left_out(ids, made):
    rows = of(made()[1], "answer")
    measured = rows[0]["query"]
    job, rest = made(measured=(measured.upper(),), run="b")
    assert job.drops["evaluation_overlap"] == 1
    assert measured not in {row["query"] for row in [*rest, *rows_of(job, TRIPLES)]}


def test_tools_that_are_hidden_or_in_another_language_are_left_out(ids, made, sqlite_catalogue):
    with sqlite_catalogue.write() as conn:
        conn.execute(sa.update(tools).where(tools.c.id == ids["Zorbo"]).values(hidden=True))
    job, rows = made()
    shown = {tool for row in rows for tool in row["tool_ids"]}
    assert shown and not shown & {ids["Zorbo"], ids["Bildner"]}
    assert job.drops["other_language_or_empty"] == 1 and job.figures["tools"] == len(TOOLS) - 1


def test_a_limit_samples_the_catalogue(ids, made):
    shown = []
    for seed in range(4):
        job, rows = made(limit=3, seed=seed)
        shown.append({tool for row in rows for tool in row["tool_ids"]})
        assert job.figures["tools"] == 3 and len(shown[-1]) <= 3
    assert len(set.union(*shown)) > 3


def test_an_empty_catalogue_ends_well(train: Trainer):
    step = train("generate_synthetic_data")
    assert step["state"] == "done" and {one["name"]: one["rows"] for one in step["artefacts"]} == {ROWS: 0, TRIPLES: 0}
    assert step["figures"]["by"] == "templates" and step["figures"]["why"] == "llm_off"


def test_a_korean_statement_stands_before_a_noun():
    verbs = {"영상을 글로 바꿉니다": "영상을 글로 바꾸는", "만들 수 있습니다": "만들 수 있는", "요약한다": "요약하는"}
    assert {said: adnominal(said) for said in verbs} == verbs
    assert [adnominal(said) for said in ("만들었습니다", "쉽습니다", "도구입니다", "추천해요")] == [""] * 4
