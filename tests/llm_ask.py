"""Asks a language model's server in one line."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from toolscout.errors import LlmError
from toolscout.llm import Call, Client, Endpoint
from toolscout.settings import Settings

from tests.llm_faults import LlmServer

QUESTION = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "무엇인가요?"}]
# The OpenAI form, so that whatever looks for keys by their form would find it.
KEY = "sk-very-secret-0123456789"
Work = Callable[[Client], Awaitable[Any]]


def run(server: LlmServer | str, settings: Settings, work: Work, **values: Any) -> Any:
    """What `work` makes of a client of the server."""

    async def inner() -> Any:
        base = server if isinstance(server, str) else server.base
        client = Client(Endpoint("stable", base, **values), settings)
        try:
            return await work(client)
        finally:
            await client.close()

    return asyncio.run(inner())


async def ask(client: Client, call: Call | None = None) -> str:
    return await client.text(QUESTION, purpose="test", max_tokens=20, call=call)


async def collect(client: Client) -> tuple[list[str], str]:
    """(the pieces, the reason of the error at the end or "")."""
    pieces: list[str] = []
    try:
        async for piece in client.stream(QUESTION, purpose="test", max_tokens=20):
            pieces.append(piece)
    except LlmError as error:
        return pieces, error.reason
    return pieces, ""


async def reason(client: Client) -> str:
    with pytest.raises(LlmError) as error:
        await ask(client)
    return error.value.reason
