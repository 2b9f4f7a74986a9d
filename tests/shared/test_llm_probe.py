"""What `toolscout status` says of a language model: what is wrong, and what to do."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from pydantic import SecretStr
from toolscout.llm import Client, Endpoint
from toolscout.settings import Settings

from tests.conftest import ROOT
from tests.llm_ask import run
from tests.llm_faults import LlmServer

SETTING = r"\b(?:TOOLSCOUT_)?LLM(?:_[A-Z]+)*\b"


def probe(server: LlmServer | str, settings: Settings, arm: str = "stable", **values: Any) -> str:
    async def inner() -> str:
        base = server if isinstance(server, str) else server.base
        client = Client(Endpoint(arm, base, **values), settings)
        try:
            return await client.probe()
        finally:
            await client.close()

    return asyncio.run(inner())


def test_all_is_well(server: LlmServer, quick: Settings) -> None:
    assert probe(server, quick) == ""
    assert probe(server, quick, model="small-1") == ""


def test_not_reachable(quick: Settings) -> None:
    with LlmServer() as gone:
        base = gone.base
    host = base.removeprefix("http://").removesuffix("/v1")
    said = probe(base, quick)
    assert said.startswith(f"The model at {host} can't be reached. Start its server, or correct LLM_API_BASE;")
    assert "LLM_API_BASE_NEW_MODEL" in probe(base, quick, arm="candidate")
    assert "`toolscout up`" in probe(base, quick, embedded=True)


def test_the_key_is_refused(server: LlmServer, quick: Settings) -> None:
    server.key = "right"
    assert "does not accept the key. Set LLM_API_KEY." in probe(server, quick)
    assert "Set LLM_API_KEY_NEW_MODEL." in probe(server, quick, arm="candidate", key=SecretStr("wrong"))
    assert probe(server, quick, key=SecretStr("right")) == ""


def test_the_model_is_not_loaded(server: LlmServer, quick: Settings) -> None:
    server.models = ["a", "b", "c:latest"]
    said = probe(server, quick, model="big")
    assert "has no model big: load it there, or set LLM_MODEL to a, b, c:latest." in said
    assert probe(server, quick, model="c") == ""
    server.models = []
    assert "has no model: load one there." in probe(server, quick)


@pytest.mark.parametrize("mode", ["refuses_response_format", "ignores_response_format", "refuses_in_stream"])
def test_no_structured_output(mode: str, server: LlmServer, quick: Settings) -> None:
    server.modes = [mode]
    assert "has no structured output (json_schema)" in probe(server, quick)
    server.modes = ["ok"]
    assert probe(server, quick) == ""


@pytest.mark.parametrize("mode", ["html", "slow_first", "busy", "empty"])
def test_a_server_that_does_not_work_is_said_to(mode: str, server: LlmServer, quick: Settings) -> None:
    server.modes, server.retry_after = [mode], "60"
    said = probe(server, quick)
    assert "127.0.0.1" in said
    assert len(said.splitlines()) == 1


def test_it_can_be_asked_without_generating_anything(server: LlmServer, quick: Settings) -> None:
    assert run(server, quick, lambda client: client.probe(structured=False)) == ""
    assert server.asked == []


# What the server is like, and what is asked of it, for each line that the docs quote.
STATES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"models": []}, {}),
    ({"key": "right"}, {}),
    ({"modes": ["slow_first"]}, {}),
    ({"modes": ["ignores_response_format"]}, {}),
    ({}, {"model": "big"}),
]


def test_the_docs_quote_it(quick: Settings) -> None:
    with LlmServer() as gone:
        pass
    lines = {_as_documented(gone.base, probe(gone.base, quick))}
    for values, asked in STATES:
        with LlmServer(**values) as server:
            lines.add(_as_documented(server.base, probe(server, quick, **asked)))
    assert len(lines) == len(STATES) + 1
    for name in ("language-models.md", "language-models.ko.md"):
        page = (ROOT / "docs" / name).read_text(encoding="utf-8")
        assert [line for line in lines if f"`{line}`" not in page] == []


def _as_documented(base: str, line: str) -> str:
    return line.replace(base.removeprefix("http://").removesuffix("/v1"), "127.0.0.1:1234")


def test_both_languages_name_the_same_settings() -> None:
    pages = [(ROOT / "docs" / f"language-models{end}.md").read_text(encoding="utf-8") for end in ("", ".ko")]
    settings, commands = (
        [re.findall(pattern, page, re.S) for page in pages] for pattern in (SETTING, "```sh\n(.*?)```")
    )
    assert set(settings[0]) == set(settings[1])
    assert commands[0] == commands[1]
    known = {name.upper() for name in Settings.model_fields}
    assert {name.removeprefix("TOOLSCOUT_") for name in settings[0]} <= known
