"""Asks two models the same, one after the other, and counts what it takes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from types import TracebackType

import pydantic
from toolscout.calls import Ask, Call, Message
from toolscout.endpoints import Endpoint
from toolscout.errors import LlmError
from toolscout.llm import Client
from toolscout.settings import Settings
from toolscout.structured import Form

from services.trainer.cases import Case
from services.trainer.served import NotServed

PURPOSE = "evaluate"
# The server is gone, not the model bad: that is no figure.
LOST = frozenset({"unreachable", "busy"})
# A server that takes other prompts does not take this one: mostly it is too long.
NOT_TAKEN = frozenset({400, 413, 422})


@dataclass(frozen=True, slots=True)
class Said:
    """A reply, "" where there was none that can be read; times in ms."""

    text: str
    ms: float
    tokens_in: int
    tokens_out: int


class _Client(Client):
    """Replies as they came, for a form too; each is asked for, however many failed before it."""

    async def raw(
        self, messages: list[Message], form: type[pydantic.BaseModel] | None, max_tokens: int, call: Call
    ) -> str:
        return await self._whole(Ask(messages, PURPOSE, max_tokens, 0.0, call, form))

    async def _counted(self, ask: Ask) -> AsyncGenerator[str, None]:
        async with aclosing(self._attempts(ask)) as pieces:
            async for piece in pieces:
                yield piece


class Asker:
    """Clients of some endpoints on one event loop."""

    def __init__(self, settings: Settings, *endpoints: Endpoint) -> None:
        self._runner = asyncio.Runner()
        self._clients = {endpoint: _Client(endpoint, settings) for endpoint in endpoints}

    def __enter__(self) -> Asker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for client in self._clients.values():
            self._runner.run(client.close())
        self._runner.close()

    def ask(self, where: Endpoint, case: Case, grammar: bool = True) -> Said | None:
        """None where the server does not take the prompt. Raises NotServed where it is gone."""
        call, text = Call(), ""
        form = case.form if grammar else None
        most = case.max_tokens(where.embedded)
        try:
            text = self._runner.run(self._clients[where].raw(case.messages, form, most, call))
        except LlmError as error:
            if error.extra.get("http_status") in NOT_TAKEN:
                return None
            _raise_if_lost(error)
        usage = call.usage
        return Said(text, call.duration_ms or 0.0, usage.tokens_in if usage else 0, usage.tokens_out if usage else 0)

    def fill_in(self, where: Endpoint, messages: list[Message], form: type[Form], max_tokens: int) -> Form | None:
        """A form that a judge fills in; None where it does not."""
        client = self._clients[where]
        try:
            return self._runner.run(client.structured(messages, form, purpose="judge", max_tokens=max_tokens))
        except LlmError as error:
            _raise_if_lost(error)
            return None

    def listed(self, where: Endpoint) -> list[str]:
        """Raises LlmError."""
        return self._runner.run(self._clients[where].listed())


def _raise_if_lost(error: LlmError) -> None:
    if error.reason in LOST or error.reason == "refused":
        raise NotServed(error.detail, remedy="Once it answers, run this step again.") from error
