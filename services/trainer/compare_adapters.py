"""Asks two adapters of the language model the questions that the operator keeps, so that their answers can be read side
by side. No adapter is the base alone."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import orjson
from toolscout import query_adapter
from toolscout.adapters import FILE
from toolscout.catalogue import questions, tools
from toolscout.check import UNCITED, check
from toolscout.domain import STABLE, Hit
from toolscout.encoder import Encoder
from toolscout.errors import LlmError, ToolscoutError
from toolscout.llm import Call, Client
from toolscout.prompts.answer import Prompt, build
from toolscout.settings import Settings

from services.trainer.job import Job
from services.trainer.scores import refuses
from services.trainer.served import Served, served
from services.trainer.shelf import Shown
from services.trainer.train_query_adapter import read_index

SIDES = ("a", "b")
BASE = "base"
FOLDER = "adapters"
# As the gateway does it: hits that are looked at, tools of an answer, passages of a tool, tokens of an answer.
DEPTH, TOOLS, PASSAGES, TOKENS = 80, 10, 3, 110

Serve = Callable[[Settings, Path | None], AbstractContextManager[Served]]


def run(job: Job, serve: Serve = served) -> None:
    _check_it_can_be_served(job.settings)
    folders = {side: _folder(job, side) for side in SIDES}
    if folders["a"] == folders["b"]:
        remedy = "Choose two on /admin/models, or: POST /api/v1/adapters/compare"
        raise ToolscoutError("An adapter can't be compared with itself.", reason="same_adapter", remedy=remedy)
    asked = _questions(job)
    shown = _shown(job, asked)
    answers = {side: _answers(job, folders[side], asked, shown, serve) for side in SIDES}
    for side in SIDES:
        job.figures[side] = {"adapter": _name(folders[side])} | _figures(answers[side])
    rows = [
        {"question": question, "no_match": found.no_match} | {side: answers[side][n] for side in SIDES}
        for n, (question, found) in enumerate(zip(asked, shown, strict=True))
    ]
    job.write_text("compare.json", orjson.dumps(rows, option=orjson.OPT_INDENT_2).decode() + "\n")


def _check_it_can_be_served(settings: Settings) -> None:
    if settings.llm_mode == "external":
        raise ToolscoutError(
            "The language models are served elsewhere, where no adapter can be tried beside them.",
            reason="served_elsewhere",
            remedy="Unset LLM_API_BASE, or set TOOLSCOUT_LLM=embedded, to compare adapters of the embedded model.",
        )


def _folder(job: Job, side: str) -> Path | None:
    """Where the adapter of a side lies; None means the base alone."""
    name = job.options.get(side)
    if name is None:
        return None
    found = job.settings.models_dir / FOLDER / Path(name).name
    if not (found / FILE).is_file():
        raise ToolscoutError(
            f"There is no adapter {name} any more.",
            reason="adapter_gone",
            remedy="Choose another one on /admin/models.",
        )
    return found


def _name(folder: Path | None) -> str:
    return folder.name if folder else BASE


def _questions(job: Job) -> list[str]:
    with job.catalogue.read() as conn:
        found = [one["text"] for one in questions.every(conn)]
    if not found:
        raise ToolscoutError(
            "No question is kept to compare on.", reason="no_questions", remedy="Add some on /admin/models."
        )
    return found


# What the models are shown.


@dataclass(slots=True)
class Found:
    """What a search finds; with `no_match` a visitor would be told that nothing fits, and no model be asked."""

    results: list[Shown]
    no_match: bool


def _shown(job: Job, asked: Sequence[str]) -> list[Found]:
    """For each question what a visitor of the stable arm would find now."""
    index = read_index(job)
    if not index.ntotal:
        raise ToolscoutError(
            "The catalogue is empty.", reason="empty_catalogue", remedy="Add pages first: toolscout crawl"
        )
    encoder = Encoder(job.settings.encoder_dir, threads=1)
    adapter = query_adapter.serving(job.settings.models_dir, STABLE, encoder.sha)
    found = []
    for question in asked:
        own = encoder.encode_query(question)
        vector = adapter.apply(own) if adapter else own
        hits = index.search(question, vector, DEPTH, None, own if adapter else None)
        found.append(Found(_passages(job, hits.hits), not hits.fits(job.settings.no_match_score)))
    return found


def _passages(job: Job, hits: Sequence[Hit]) -> list[Shown]:
    by_tool: dict[int, list[Hit]] = {}
    for hit in hits:
        by_tool.setdefault(hit.tool_id, []).append(hit)
    best = {tool: some[:PASSAGES] for tool, some in list(by_tool.items())[:TOOLS]}
    with job.catalogue.read() as conn:
        rows = tools.many(conn, list(best))
        texts = tools.passages(conn, [hit.chunk_id for some in best.values() for hit in some])
    return [
        Shown(rows[tool], some[0].score, [texts[hit.chunk_id] for hit in some if hit.chunk_id in texts])
        for tool, some in best.items()
        if tool in rows
    ]


# What they say.


def _answers(
    job: Job, folder: Path | None, asked: Sequence[str], shown: Sequence[Found], serve: Serve
) -> list[dict[str, Any]]:
    name = _name(folder)
    job.progress(f"loading {name}")
    with serve(job.settings, folder) as model:
        if model.error:
            raise ToolscoutError(
                f"Adapter {name} can't be loaded: {model.error}", reason="adapter_broken", remedy="Train it again."
            )
        return asyncio.run(_ask_each(job, model, name, asked, shown))


async def _ask_each(
    job: Job, model: Served, name: str, asked: Sequence[str], shown: Sequence[Found]
) -> list[dict[str, Any]]:
    """Raises LlmError where every question fails: that is no answer of the adapter's."""
    client = Client(model.endpoint, job.settings)
    found, wrong = [], None
    try:
        for n, (question, seen) in enumerate(zip(asked, shown, strict=True)):
            job.progress(f"asking {name}", n, len(asked))
            prompt = build(question, seen.results, model.endpoint.embedded, job.settings)
            call = Call()
            try:
                said = await client.text(prompt.messages, purpose="answer", max_tokens=TOKENS, call=call)
            except LlmError as error:
                wrong, said = error, ""
            found.append(_answer(job.settings, prompt, _whole(said, call), call))
    finally:
        await client.close()
    if wrong and not any(one["said"] for one in found):
        raise wrong
    return found


def _whole(said: str, call: Call) -> str:
    """Without a last sentence that the limit of tokens cut off."""
    cut = call.usage is None or call.usage.tokens_out >= TOKENS
    if not cut or re.search(r"[.!?。\])]\s*$", said):
        return said
    return said[: max(said.rfind(mark) for mark in (". ", "! ", "? ", "\n", "] ")) + 1]


def _answer(settings: Settings, prompt: Prompt, said: str, call: Call) -> dict[str, Any]:
    """`said` as it came; `text` and the rest are what the gateway would show of it, empty where it shows nothing."""
    checked = check(said, prompt.sources, max(UNCITED, settings.support_score))
    sources = {source.chunk_id: source for source in prompt.sources}
    cited = [(one, sources[one.chunk_id]) for one in checked.citations] if checked.stands else []
    return {
        "said": said,
        "text": checked.text if checked.stands else "",
        "citations": [
            {"n": one.n, "chunk_id": one.chunk_id, "tool_id": one.tool_id, "tool": source.name, "passage": source.text}
            for one, source in cited
        ],
        "grounded": checked.stands,
        "refused": bool(said) and refuses(said),
        "support": checked.support,
        "dropped": checked.dropped,
        "first_token_ms": round(call.first_token_ms, 1) if call.first_token_ms is not None else None,
    }


def _figures(answers: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Share of answers that stand, mean support of their sentences, share of refusals, mean time to the first word."""
    supports = [one["support"] for one in answers if one["support"] is not None]
    times = [one["first_token_ms"] for one in answers if one["first_token_ms"] is not None]
    return {
        "questions": len(answers),
        "grounded": round(fmean(one["grounded"] for one in answers), 3),
        "support": round(fmean(supports), 3) if supports else None,
        "refused": round(fmean(one["refused"] for one in answers), 3),
        "first_token_ms": round(fmean(times), 1) if times else None,
    }
