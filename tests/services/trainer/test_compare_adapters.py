"""Two adapters asked the same questions: against a server that is told what to say, and against the real one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from toolscout.catalogue import Catalogue, questions, runs
from toolscout.endpoints import Endpoint
from toolscout.queue import RUN_KINDS
from toolscout.settings import Settings

from services.trainer import compare_adapters
from services.trainer.compare_adapters import Serve
from services.trainer.job import run_step
from services.trainer.served import Served
from services.trainer.tasks import create_worker
from tests.llm_faults import LlmServer
from tests.services.llm.conftest import write_adapter
from tests.services.trainer.shop import Shop

STEP = "compare_adapters"
ASKED = ("remove the background of a photo", "who speaks when in a meeting", "how long does sourdough bread rise")
GOOD = "Snipper removes the background of a photo in one click. [1]"
INVENTED = "Frobnicator paints seventeen castles on the moon every Tuesday. [1]"


class Comparing:
    """Starts runs and says how their step ended."""

    def __init__(self, settings: Settings, catalogue: Catalogue) -> None:
        self.settings = settings
        self.catalogue = catalogue
        self.loaded: list[str] = []

    def keep(self, *texts: str) -> None:
        with self.catalogue.write() as conn:
            for text in texts:
                questions.add(conn, text, 1.0)

    def adapter(self, name: str) -> Path:
        folder = self.settings.models_dir / "adapters" / name
        folder.mkdir(parents=True)
        (folder / "adapter.gguf").write_bytes(b"GGUF")
        return folder

    def start(self, **options: Any) -> str:
        with self.catalogue.write() as conn:
            return runs.create(conn, "compare", RUN_KINDS["compare"], 0, options, "operator", time.time())

    def __call__(self, serve: Serve, a: str | None, b: str | None, **changed: Any) -> dict[str, Any]:
        """The step as it ended."""
        self.run_id = self.start(a=a, b=b)
        settings = self.settings.model_copy(update=changed)
        run_step(settings, self.catalogue, self.run_id, STEP, lambda job: compare_adapters.run(job, serve))
        with self.catalogue.read() as conn:
            return runs.get(conn, self.run_id)["steps"][0]

    def rows(self) -> list[dict[str, Any]]:
        return orjson.loads((self.settings.models_dir / "runs" / self.run_id / "compare.json").read_bytes())

    def serving(self, servers: dict[str, LlmServer], error: str = "") -> Serve:
        """One server stands for each adapter; only one of them is up at a time."""
        up: list[str] = []

        @contextmanager
        def serve(_settings: Settings, folder: Path | None) -> Iterator[Served]:
            name = folder.name if folder else "base"
            assert not up
            up.append(name)
            self.loaded.append(name)
            yield Served(Endpoint("candidate", servers[name].base, embedded=True), f"small+{name}", error)
            up.remove(name)

        return serve


@pytest.fixture
def compare(settings: Settings, sqlite_catalogue: Catalogue) -> Comparing:
    return Comparing(settings, sqlite_catalogue)


@pytest.fixture
def base() -> Iterator[LlmServer]:
    with LlmServer(reply=INVENTED) as server:
        yield server


@pytest.fixture
def tuned() -> Iterator[LlmServer]:
    with LlmServer(reply=GOOD) as server:
        yield server


def test_both_are_asked_the_same_and_each_answer_is_checked(
    compare: Comparing, shop: Shop, base: LlmServer, tuned: LlmServer
) -> None:
    compare.adapter("tuned")
    compare.keep(*ASKED)
    step = compare(compare.serving({"base": base, "tuned": tuned}), None, "tuned")
    assert step["state"] == "done", step
    assert compare.loaded == ["base", "tuned"]
    assert [r.body["messages"] for r in base.asked] == [r.body["messages"] for r in tuned.asked]
    assert "Snipper removes the background" in base.asked[0].body["messages"][-1]["content"]
    rows = compare.rows()
    assert [(row["question"], row["no_match"]) for row in rows] == [
        (ASKED[0], False),
        (ASKED[1], False),
        (ASKED[2], True),
    ]
    a, b = rows[0]["a"], rows[0]["b"]
    assert (a["said"], a["text"], a["grounded"], a["support"], a["dropped"]) == (INVENTED, "", False, None, 1)
    assert (b["text"], b["grounded"], b["dropped"]) == (GOOD, True, 0)
    (cited,) = b["citations"]
    assert (cited["n"], cited["tool"], cited["chunk_id"]) == (1, "Snipper", shop.chunk["Snipper"])
    assert "in one click" in cited["passage"]
    assert b["first_token_ms"] > 0
    figures = step["figures"]
    assert (figures["a"]["adapter"], figures["b"]["adapter"]) == ("base", "tuned")
    assert figures["a"]["grounded"] == 0
    assert 0 < figures["b"]["grounded"] <= 1
    assert figures["b"]["support"] > 0.9 and figures["a"]["support"] is None
    (file,) = step["artefacts"]
    assert (file["name"], file["path"]) == ("compare.json", f"runs/{compare.run_id}/compare.json")


def test_a_refusal_is_told_from_an_answer(compare: Comparing, shop: Shop, base: LlmServer, tuned: LlmServer) -> None:
    tuned.reply = "Nothing here fits that question."
    compare.adapter("tuned")
    compare.keep(ASKED[0])
    step = compare(compare.serving({"base": base, "tuned": tuned}), "tuned", None)
    assert [compare.rows()[0][side]["refused"] for side in "ab"] == [True, False]
    assert (step["figures"]["a"]["refused"], step["figures"]["b"]["refused"]) == (1, 0)


def test_one_question_that_fails_spoils_no_other(
    compare: Comparing, shop: Shop, base: LlmServer, tuned: LlmServer
) -> None:
    tuned.modes = ["empty", "ok"]
    compare.adapter("tuned")
    compare.keep(*ASKED)
    step = compare(compare.serving({"base": base, "tuned": tuned}), None, "tuned")
    assert step["state"] == "done"
    assert [bool(row["b"]["said"]) for row in compare.rows()] == [False, True, True]
    assert (compare.rows()[0]["b"]["text"], compare.rows()[0]["b"]["first_token_ms"]) == ("", None)


def test_where_every_question_fails_the_step_does(
    compare: Comparing, shop: Shop, base: LlmServer, tuned: LlmServer
) -> None:
    tuned.modes = ["html"]
    compare.adapter("tuned")
    compare.keep(*ASKED)
    step = compare(compare.serving({"base": base, "tuned": tuned}), None, "tuned")
    assert (step["state"], step["reason"]) == ("failed", "bad_reply")
    assert not (compare.settings.models_dir / "runs" / compare.run_id / "compare.json").exists()


@pytest.mark.parametrize(
    ("reason", "remedy"),
    [
        ("served_elsewhere", "TOOLSCOUT_LLM=embedded"),
        ("same_adapter", "/admin/models"),
        ("adapter_gone", "/admin/models"),
        ("no_questions", "/admin/models"),
        ("adapter_broken", "Train it again"),
        ("empty_catalogue", "toolscout crawl"),
    ],
)
def test_what_keeps_it_from_comparing_is_said_with_a_way_out(
    compare: Comparing, settings: Settings, sqlite_catalogue: Catalogue, base: LlmServer, reason: str, remedy: str
) -> None:
    if reason != "empty_catalogue":
        Shop(sqlite_catalogue, compare_adapters.Encoder(settings.encoder_dir))
    if reason != "adapter_gone":
        compare.adapter("tuned")
    if reason != "no_questions":
        compare.keep(ASKED[0])
    serve = compare.serving({"base": base, "tuned": base}, "no such tensor" if reason == "adapter_broken" else "")
    changed = {"llm_api_base": "http://127.0.0.1:9/v1"} if reason == "served_elsewhere" else {}
    step = compare(serve, None, None if reason == "same_adapter" else "tuned", **changed)
    assert (step["state"], step["reason"]) == ("failed", reason)
    assert remedy in step["detail"]
    assert compare.loaded == (["base"] if reason == "adapter_broken" else [])


def test_it_stops_between_two_questions(compare: Comparing, shop: Shop, base: LlmServer) -> None:
    compare.adapter("tuned")
    compare.keep(*(f"question {n} about photos" for n in range(20)))
    base.pause = 0.2

    @contextmanager
    def serve(_settings: Settings, _folder: Path | None) -> Iterator[Served]:
        with compare.catalogue.write() as conn:
            runs.cancel(conn, compare.run_id, time.time())
        yield Served(Endpoint("stable", base.base, embedded=True), "small")

    assert compare(serve, None, "tuned")["state"] == "cancelled"
    assert len(base.asked) < 20


def test_the_real_server_answers_as_the_base_and_as_the_adapter(compare: Comparing, shop: Shop) -> None:
    write_adapter(compare.settings.models_dir / "adapters" / "random")
    compare.keep(ASKED[0])
    step = compare(compare_adapters.served, None, "random")
    assert step["state"] == "done", step
    (row,) = compare.rows()
    assert row["a"]["said"] and row["b"]["said"]
    assert row["a"]["said"] != row["b"]["said"]
    assert step["figures"]["b"]["adapter"] == "random"


def test_a_worker_has_a_task_for_it(compare: Comparing, shop: Shop, redis_url: str) -> None:
    app = create_worker(compare.settings.model_copy(update={"redis_url": redis_url}))
    assert {f"trainer.{name}" for names in RUN_KINDS.values() for name in names} <= set(app.tasks)
    run_id = compare.start(a=None, b="gone")
    app.tasks["trainer.compare_adapters"](run_id)
    with compare.catalogue.read() as conn:
        assert runs.get(conn, run_id)["steps"][0]["reason"] == "adapter_gone"
