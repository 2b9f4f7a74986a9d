"""Questions written by a model: what it says is checked, kept, and replaced by templates where it is of no use."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from toolscout import llm
from toolscout.breaker import _breakers
from toolscout.catalogue import Catalogue
from toolscout.catalogue.tables import tools
from toolscout.settings import Settings

from services.trainer.generate_synthetic_data import ROWS, TRIPLES, make
from services.trainer.hygiene import Evaluation
from services.trainer.job import Job
from services.trainer.synthetic_llm import KEPT
from tests.llm_faults import END, STREAMS, LlmServer, pieces
from tests.services.trainer import market
from tests.services.trainer.market import GERMAN, TOOLS, fill, job_of, of, rows_of, said

BAD = [
    {"passage": 1, "question": "How do I ask a database in plain words?", "answer": "Querio translates plain"
     " questions into SQL. Mail bob@querio.example about it."},
    {"passage": 1, "question": "What does Querio do with joins?", "answer": "Querio explains slow joins."},
    {"passage": 7, "question": "Which tool explains slow joins?", "answer": "Querio explains slow joins."},
    {"passage": 1, "question": "느린 조인을 설명하는 도구가 있나요?", "answer": "Querio explains slow joins."},
]  # fmt: skip
GOOD = [
    {"passage": 1, "question": "Who can put plain questions to a database?", "answer": "Querio translates plain"
     " questions into SQL. Querio is an open-source assistant that explains slow joins."},
    {"passage": 1, "question": "What charges 900 dollars for slow joins?", "answer": "Querio charges 900 dollars."},
]  # fmt: skip


@pytest.fixture
def ids(sqlite_catalogue: Catalogue) -> dict[str, int]:
    return fill(sqlite_catalogue)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"llm": "off"})


@pytest.fixture
def external(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Settings]:
    """Settings with a large model at an address; one question at a time, and little patience."""
    _breakers.clear()
    monkeypatch.setattr(llm, "FIRST_PAUSE_S", 0.02)
    quick = {"llm": "external", "llm_first_token_seconds": 1.5, "llm_seconds": 2.0, "llm_concurrency": 1}
    return lambda base: settings.model_copy(update={"llm_api_base": base, **quick})


@pytest.fixture
def made(settings: Settings, sqlite_catalogue: Catalogue) -> Callable[..., tuple[Job, list[dict[str, Any]]]]:
    return lambda with_settings=settings, **more: market.made(with_settings, sqlite_catalogue, **more)


def replies(monkeypatch: pytest.MonkeyPatch, questions: list[dict[str, Any]], mode: str = "asking") -> LlmServer:
    """A server whose model says these questions, whatever tool it is asked about."""
    monkeypatch.setitem(STREAMS, mode, [*pieces(json.dumps({"questions": questions}, ensure_ascii=False)), END])
    return LlmServer(modes=[mode], models=["large-1"])


def only(catalogue: Catalogue, ids: dict[str, int], *names: str) -> None:
    with catalogue.write() as conn:
        conn.execute(sa.update(tools).where(tools.c.id.not_in([ids[name] for name in names])).values(hidden=True))


def test_a_model_writes_the_questions_and_what_its_passage_does_not_say_is_left_out(
    ids, made, external, sqlite_catalogue, monkeypatch
):
    only(sqlite_catalogue, ids, "Querio", "Fretly")
    with replies(monkeypatch, GOOD) as server:
        job, rows = made(external(server.base))
        assert {request.headers["x-toolscout-purpose"] for request in server.asked} == {"synthesise"}
    row = next(row for row in of(rows, "answer") if row["tool_ids"][0] == ids["Querio"])
    assert row["query"] == GOOD[0]["question"] and row["by"] == "large-1"
    assert re.fullmatch(r"(.+\.) \[\d\] (.+\.) \[\d\]", said(row))[1] == "Querio translates plain questions into SQL."
    assert job.figures["by"] == "model large-1" and "why" not in job.figures
    # The price is nowhere on the page. Of the other tool nothing is borne out, or it was asked before: templates ask.
    assert job.drops["answer_unsupported"] >= 2
    assert job.drops["answer_unsupported"] + job.drops["asked_before"] == 3
    assert {row["by"] for row in of(rows, "answer") if row["tool_ids"][0] == ids["Fretly"]} == {"templates"}


def test_what_a_model_says_is_checked_and_scrubbed(ids, made, external, sqlite_catalogue, monkeypatch):
    only(sqlite_catalogue, ids, "Querio", "Fretly")
    kept: list[str] = []
    monkeypatch.setattr(Path, "unlink", _keeping(kept))
    with replies(monkeypatch, BAD) as server:
        job, rows = made(external(server.base), limit=2)
    # Both tools were told the same; Querio's name is only Querio's to keep out.
    assert job.drops["no_such_passage"] == job.drops["wrong_language"] == 2
    assert job.drops["names_tool"] == 1
    assert kept and "bob@" not in kept[0] and "[email]" in kept[0]
    assert "What does Querio" not in json.dumps(rows)


def test_two_tools_are_not_both_the_answer_to_one_question(ids, made, external, sqlite_catalogue, monkeypatch):
    only(sqlite_catalogue, ids, "Zorbo", "Posterli")
    fits_both = "Who removes what stands behind somebody?"
    asked = {"passage": 1, "question": fits_both, "answer": "It removes the background of a photo."}
    with replies(monkeypatch, [asked]) as server:
        job, _ = made(external(server.base))
    assert job.drops["asked_before"] == 1
    assert [row["query"] for row in rows_of(job, TRIPLES)].count(fits_both) == 1


def _keeping(kept: list[str]) -> Callable[..., None]:
    """As Path.unlink, but what was said is read before it goes."""
    unlink = Path.unlink

    def keep(path: Path, missing_ok: bool = False) -> None:
        if path.name == KEPT and path.exists():
            kept.append(path.read_text())
        unlink(path, missing_ok=missing_ok)

    return keep


@pytest.mark.parametrize(
    ("mode", "why"), [("garbage", "unreachable"), ("never_json", "bad_reply"), ("html", "bad_reply")]
)
def test_a_model_that_says_nothing_usable_is_replaced_by_templates(ids, made, external, mode, why):
    by_templates = made(run="a")[0]
    with LlmServer(modes=[mode]) as server:
        job, _ = made(external(server.base), run="b")
    assert job.figures["by"] == "templates" and job.figures["why"] == why
    assert (job.directory / ROWS).read_bytes() == (by_templates.directory / ROWS).read_bytes()


def test_a_model_that_is_away_or_too_small_is_replaced_by_templates(ids, made, external, settings):
    job, rows = made(external("http://127.0.0.1:9/v1"))
    assert of(rows, "answer") and job.figures["by"] == "templates" and job.figures["why"] == "unreachable"
    with LlmServer() as server:
        embedded = settings.model_copy(update={"llm": "embedded"})
        embedded.llm_file("stable").parent.mkdir(parents=True)
        embedded.llm_file("stable").write_text(server.base)
        job, _ = made(embedded, run="b")
        assert server.asked == []
    assert job.figures["why"] == "embedded_model_too_small"


def test_a_run_that_was_killed_asks_only_for_the_rest(ids, external, sqlite_catalogue, monkeypatch):
    known = len(TOOLS) - len(GERMAN)
    with replies(monkeypatch, GOOD) as server:
        settings = external(server.base)
        job = job_of(settings, sqlite_catalogue)
        monkeypatch.setattr(job, "progress", _raising_at(4, job.progress))
        with pytest.raises(RuntimeError, match="killed"):
            make(job, Evaluation([]))
        asked = len(server.asked)
        assert 0 < asked < known and not (job.directory / ROWS).exists()
        with (job.directory / KEPT).open("ab") as file:
            file.write(b'{"tool_id": 1, "ki')  # the line that was being written
        again = job_of(settings, sqlite_catalogue)
        make(again, Evaluation([]))
        assert len(server.asked) == known
        whole = job_of(settings, sqlite_catalogue, run="whole")
        make(whole, Evaluation([]))
        assert len(server.asked) == 2 * known
    assert (again.directory / ROWS).read_bytes() == (whole.directory / ROWS).read_bytes()
    assert not (again.directory / KEPT).exists()


def _raising_at(n: int, progress: Callable[..., None]) -> Callable[..., None]:
    left = iter(range(n, -1, -1))

    def say(*what: Any) -> None:
        if next(left, 0) == 0:
            raise RuntimeError("killed")
        progress(*what)

    return say
