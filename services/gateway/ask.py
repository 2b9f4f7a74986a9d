"""Asks the arm's model for an answer; what it says is checked, and where it fails the pages' own words stand in."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from toolscout.check import UNCITED, check
from toolscout.domain import STABLE
from toolscout.errors import LlmError
from toolscout.llm import Call, Client, Endpoint, endpoint
from toolscout.prompts.answer import NOTHING, Prompt, build
from toolscout.sentences import sentences
from toolscout.settings import Settings
from toolscout.text import HANGUL, spoken

from services.gateway.answer import Answer, extract, nothing_fits
from services.gateway.retrieve import Result

# Four short sentences of a small model, and room for a large one's thoughts.
EMBEDDED_TOKENS, TOKENS = 110, 700
FAILURES = {"unreachable": "llm_unreachable", "timeout": "llm_timeout", "busy": "llm_busy"}


@dataclass(slots=True)
class Outcome:
    """The answer to show, and how it came about: {served_by, model, prompt, adapter, fallback}."""

    answer: Answer
    arm: dict[str, Any]
    first_token_ms: float | None = None


@dataclass(slots=True)
class _Said:
    """What one model has said so far."""

    endpoint: Endpoint
    prompt: Prompt
    text: str = ""
    call: Call = field(default_factory=Call)

    @property
    def max_tokens(self) -> int:
        return EMBEDDED_TOKENS if self.endpoint.embedded else TOKENS


class Asker:
    """One gateway's clients, one for each arm, kept as long as the arm's endpoint stays the same."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._clients: dict[str, Client] = {}

    async def client(self, arm: str) -> Client | None:
        """The arm's client, or None where there is no model. An embedded server may come and go, and move."""
        wanted, held = endpoint(self._settings, arm), self._clients.get(arm)
        if held and held.endpoint != wanted:
            await self._clients.pop(arm).close()
            held = None
        if wanted and not held:
            held = self._clients[arm] = Client(wanted, self._settings)
        return held

    async def close(self) -> None:
        for client in self._clients.values():
            await client.close()
        self._clients.clear()

    async def why_not(self, query: str, served_by: str) -> str | None:
        """Why no model is asked, if none is: there is none, or the embedded one is asked in Korean."""
        client = await self.client(served_by) or await self.client(STABLE)
        if client is None:
            return "llm_off" if self._settings.llm_mode == "off" else "llm_unreachable"
        return "korean_quoted" if client.endpoint.embedded and HANGUL.search(query) else None

    async def answer(
        self, query: str, results: Sequence[Result], served_by: str
    ) -> AsyncGenerator[str | Outcome, None]:
        """The model's words as they come, at last the Outcome.

        A candidate that fails before its first word is replaced by stable. Whatever fails, there is an Outcome.
        """
        start = time.perf_counter()
        first_token = fallback = None
        said: _Said | None = None
        for arm in dict.fromkeys((served_by, STABLE)):
            client = await self.client(arm)
            if client is None:
                fallback = fallback or "llm_unreachable"
                continue
            said = _Said(client.endpoint, build(query, results, client.endpoint.embedded, self._settings))
            try:
                async with aclosing(self._stream(client, said)) as pieces:
                    async for piece in pieces:
                        if first_token is None:
                            first_token = (time.perf_counter() - start) * 1000
                        yield piece
                break
            except LlmError as error:
                fallback = fallback or FAILURES.get(error.reason, "llm_failed")
                if said.text:
                    break
        answer = self._checked(query, results, said, fallback)
        yield Outcome(answer, _arm(said, fallback), first_token)

    async def _stream(self, client: Client, said: _Said) -> AsyncGenerator[str, None]:
        stream = client.stream(said.prompt.messages, purpose="answer", max_tokens=said.max_tokens, call=said.call)
        async with aclosing(stream) as pieces:
            async for piece in pieces:
                said.text += piece
                yield piece
                # A small model that begins to repeat itself does not stop by itself.
                if "\n" in piece and _repeats(said.text):
                    break

    def _checked(self, query: str, results: Sequence[Result], said: _Said | None, failure: str | None) -> Answer:
        """The model's answer as far as it stands, else the pages' own words and why."""
        if said is None or not said.text:
            return _quoted(query, results, failure or "llm_failed")
        if HANGUL.search(query) and not HANGUL.search(said.text):
            return _quoted(query, results, "korean_quoted")
        if said.text.strip().rstrip(".").startswith(NOTHING[spoken(query)].rstrip(".")):
            return nothing_fits(query, said.call.model)
        # A small model copies; where it strays from a passage's words, it errs.
        needed = max(UNCITED, self._settings.support_score) if said.endpoint.embedded else self._settings.support_score
        found = check(_complete(said), said.prompt.sources, needed)
        if not found.stands:
            quoted = _quoted(query, results, "ungrounded" if said.call.usage else failure or "ungrounded")
            quoted.dropped = found.dropped + found.kept
            return quoted
        return Answer(
            found.text,
            found.citations,
            source="llm",
            model=said.call.model,
            support=found.support,
            dropped=found.dropped,
        )


def _quoted(query: str, results: Sequence[Result], reason: str) -> Answer:
    answer = extract(query, results)
    answer.reason = answer.reason or reason
    return answer


def _complete(said: _Said) -> str:
    """What was said without a last sentence that the limit of tokens cut off."""
    cut = said.call.usage is None or said.call.usage.tokens_out >= said.max_tokens
    if not cut or re.search(r"[.!?。\])]\s*$", said.text):
        return said.text
    end = max(said.text.rfind(mark) for mark in (". ", "! ", "? ", "\n", "] "))
    return said.text[: end + 1] if end > 0 else said.text


def _repeats(text: str) -> bool:
    said = [line.casefold() for line in sentences(text)]
    return len(said) - len(set(said)) > 1


def _arm(said: _Said | None, fallback: str | None) -> dict[str, Any]:
    return {
        "served_by": said.endpoint.arm if said else None,
        "model": said.call.model if said else None,
        "prompt": said.prompt.version if said else None,
        "adapter": said.call.model.partition("+")[2] or None if said else None,
        "fallback": fallback,
        "passages": [source.chunk_id for source in said.prompt.sources] if said else [],
    }
