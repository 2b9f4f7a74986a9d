"""Questions by the configured model, where it is able: what it says is kept, so that no run asks twice."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson
import pydantic
from toolscout.calls import Message
from toolscout.domain import STABLE
from toolscout.errors import LlmError
from toolscout.llm import Call, Client, Endpoint, endpoint
from toolscout.sentences import sentences
from toolscout.settings import Settings
from toolscout.text import HANGUL, clean, scrub
from toolscout.tokens import context, shortened, tokens
from toolscout.untrusted import fenced, instructs
from toolscout.words import query_words

from services.trainer.job import Job
from services.trainer.synthetic_points import Question
from services.trainer.synthetic_tools import Tool

log = logging.getLogger(__name__)

RULES = Path(__file__).with_name("synthesise.md").read_text(encoding="utf-8").strip()
KEPT = "synthetic.said.jsonl"
KIND = "questions"
# Passages that a model is shown of one tool, and the tokens of its reply.
SHOWN, MAX_TOKENS = 3, 700
# After so many failures in a row no more is asked: the model is away, or not able. What the circuit breaker holds back
# counts as none.
GIVE_UP = 8
MOST_CHARS, MOST_SENTENCES, MIN_WORDS = 200, 3, 2


class Asked(pydantic.BaseModel):
    passage: int
    question: str
    answer: str


class Questions(pydantic.BaseModel):
    questions: list[Asked]


def able(settings: Settings) -> tuple[Endpoint | None, str]:
    """(the endpoint whose model can write questions, "") or (None, why there is none)."""
    found = endpoint(settings, STABLE)
    if found and found.embedded:
        return None, "embedded_model_too_small"
    return found, "" if found else "llm_off" if settings.llm_mode == "off" else "no_model"


class Asker:
    """Asks about tools, `llm_concurrency` at the same time.

    `model` is who said what can be used; `why`, why it did not say it of all tools.
    """

    def __init__(self, job: Job, most: int) -> None:
        self._job = job
        self._most = most
        self._endpoint, self.why = able(job.settings)
        self._runner = asyncio.Runner()
        self._client: Client | None = None
        self._kept = job.directory / KEPT
        self._said = dict(_read(self._kept))
        self._failed = 0
        self.model = ""

    def __enter__(self) -> Asker:
        return self

    def __exit__(self, *_: object) -> None:
        if self._client:
            self._runner.run(self._client.close())
        # Cancels what an error has left asking.
        self._runner.close()

    def forget(self) -> None:
        """Once the rows are written, what was said is of no more use."""
        self._kept.unlink(missing_ok=True)

    def ask(self, some: Sequence[Tool]) -> dict[int, list[Question]]:
        """What the model asks about each tool; nothing of tools about which it said nothing that can be used."""
        if self._endpoint is None:
            return {}
        return self._runner.run(self._ask_all(self._endpoint, some))

    async def _ask_all(self, where: Endpoint, some: Sequence[Tool]) -> dict[int, list[Question]]:
        self._client = self._client or Client(where, self._job.settings)
        client, free = self._client, asyncio.Semaphore(self._job.settings.llm_concurrency)

        async def one(tool: Tool) -> tuple[int, list[Question]]:
            async with free:
                # Raises when the run is to end.
                self._job.progress(f"asking {client.model or 'the model'}", self._job.at["done"], self._job.at["total"])
                said = await self._about(client, tool)
            return tool.id, list(self._usable(tool, said)) if said else []

        return dict(await asyncio.gather(*(one(tool) for tool in some)))

    async def _about(self, client: Client, tool: Tool) -> dict[str, Any] | None:
        """{model, said: [{passage, question, answer}]}: remembered, else asked; None where it failed."""
        messages = prompt(tool, self._most, self._job.settings)
        key = (tool.id, KIND, _digest(messages))
        if key not in self._said and self._failed < GIVE_UP:
            call = Call()
            try:
                found = await client.structured(
                    messages, Questions, purpose="synthesise", max_tokens=MAX_TOKENS, call=call
                )
            except LlmError as error:
                self._fail(error)
                return None
            self._failed = 0
            self._keep(key, call.model, [one.model_dump() for one in found.questions])
        return self._said.get(key)

    def _fail(self, error: LlmError) -> None:
        self._job.drop(f"model_{error.reason}")
        if error.reason == "breaker_open":
            return
        self._failed += 1
        self.why = error.reason
        if self._failed == GIVE_UP:
            log.warning("the model is asked no more: %s", error.detail)

    def _keep(self, key: tuple[int, str, str], model: str, said: list[dict[str, Any]]) -> None:
        tool, kind, digest = key
        row = {"tool_id": tool, "kind": kind, "prompt": digest, "model": model, "said": _scrubbed(said)}
        with self._kept.open("ab") as file:
            file.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
        self._said[key] = row

    def _usable(self, tool: Tool, row: dict[str, Any]) -> Iterator[Question]:
        for one in row["said"][: self._most]:
            why = _unusable(tool, one)
            if why:
                self._job.drop(why)
                continue
            self.model = row["model"]
            told = tuple(sentences(one["answer"])[:MOST_SENTENCES])
            yield Question(one["question"], tool.passages[one["passage"] - 1], told, row["model"])


def prompt(tool: Tool, most: int, settings: Settings) -> list[Message]:
    """Numbered passages of a tool, and its name, which no question may hold."""
    rules = RULES.replace("{most}", str(most)).replace("{language}", "Korean" if tool.language == "ko" else "English")
    asked = f"Write the questions about {shortened(fenced(tool.name), 20)}."
    shown = tool.passages[:SHOWN]
    room = (context(settings, embedded=False) - tokens(rules) - tokens(asked)) // len(shown)
    passages = [f"[{n}] {shortened(fenced(' '.join(p.text.split())), room)}" for n, p in enumerate(shown, 1)]
    return [{"role": "system", "content": rules}, {"role": "user", "content": "\n".join([*passages, "", asked])}]


def _unusable(tool: Tool, one: dict[str, Any]) -> str:
    """Why a question cannot be used; "" where it can."""
    question, answer = one["question"], one["answer"]
    if not 1 <= one["passage"] <= min(SHOWN, len(tool.passages)):
        return "no_such_passage"
    if len(question) > MOST_CHARS or len(query_words(question)) < MIN_WORDS or not answer:
        return "not_a_question"
    if bool(HANGUL.search(question)) != (tool.language == "ko"):
        return "wrong_language"
    return "instructs" if instructs(question) or instructs(answer) else ""


def _scrubbed(said: list[dict[str, Any]]) -> list[dict[str, Any]]:
    def even(text: str) -> str:
        return scrub(" ".join(clean(text).split()))

    return [{**one, "question": even(one["question"]), "answer": even(one["answer"])} for one in said]


def _digest(messages: list[Message]) -> str:
    return hashlib.sha256(orjson.dumps(messages)).hexdigest()[:16]


def _read(path: Path) -> Iterator[tuple[tuple[int, str, str], dict[str, Any]]]:
    if not path.exists():
        return
    for line in path.read_bytes().splitlines():
        try:
            row = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue  # a line that a killed run did not finish
        yield (row["tool_id"], row["kind"], row["prompt"]), row
