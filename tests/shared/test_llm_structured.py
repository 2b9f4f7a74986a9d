"""Forms that a model fills in: whatever a server makes of structured output, a valid form comes out, or an LlmError."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Iterator
from typing import Any, Literal

import pydantic
import pytest
from toolscout.errors import LlmError
from toolscout.llm import Call, Client, Endpoint
from toolscout.settings import Settings
from toolscout.structured import Unreadable, in_words, is_json, read, response_format

from tests.llm_faults import JSON_TEXT, LlmServer

QUESTION = [{"role": "system", "content": "Read."}, {"role": "user", "content": "Zorbo is free."}]


class Tool(pydantic.BaseModel):
    name: str
    price: Literal["free", "paid"] | None = None


class Loose(pydantic.BaseModel):
    """Anything would fill it in."""

    title: str | None = None
    platforms: list[Literal["web", "linux"]] = []


ZORBO = Tool(name="Zorbo", price="free")


def fill_in(server: LlmServer, settings: Settings, times: int = 1, call: Call | None = None) -> list[Tool]:
    async def inner() -> list[Tool]:
        found = []
        for _ in range(times):
            # A new one each time: what is learnt of a server outlives a client.
            client = Client(Endpoint("stable", server.base, "small-1"), settings)
            found.append(await client.structured(QUESTION, Tool, purpose="test", max_tokens=50, call=call))
            await client.close()
        return found

    return asyncio.run(inner())


def with_format(server: LlmServer) -> list[bool]:
    return ["response_format" in request.body for request in server.asked]


def test_a_server_with_structured_output_gets_the_schema(server: LlmServer, settings: Settings) -> None:
    call = Call()
    assert fill_in(server, settings, call=call) == [ZORBO]
    (request,) = server.asked
    sent = request.body["response_format"]
    assert (sent["type"], sent["json_schema"]["name"]) == ("json_schema", "Tool")
    assert sent["json_schema"]["schema"]["required"] == ["name", "price"]
    assert sent["json_schema"]["schema"]["additionalProperties"] is False
    assert request.body["messages"] == QUESTION
    assert call.usage and call.model == "small-1"


@pytest.mark.parametrize("status", [400, 404, 422, 501])
def test_a_server_that_refuses_it_is_told_in_words(status: int, server: LlmServer, settings: Settings) -> None:
    server.modes, server.refusal = ["refuses_response_format"], status
    assert fill_in(server, settings, times=2) == [ZORBO] * 2
    assert with_format(server) == [True, False, False]
    *before, last = server.asked[-1].body["messages"]
    assert before == QUESTION[:-1]
    assert last["content"].startswith("Zorbo is free.\n\nAnswer with one JSON object of this schema")


def test_also_one_that_says_so_in_its_stream(server: LlmServer, settings: Settings) -> None:
    server.modes = ["refuses_in_stream"]
    assert fill_in(server, settings, times=2) == [ZORBO] * 2
    assert with_format(server) == [True, False, False]


def test_one_that_ignores_it_is_told_in_words_from_then_on(server: LlmServer, settings: Settings) -> None:
    server.modes = ["ignores_response_format"]
    assert fill_in(server, settings, times=2) == [ZORBO] * 2
    assert with_format(server) == [True, False]
    assert '"price"' in server.asked[-1].body["messages"][-1]["content"]


def test_another_model_of_the_server_is_judged_for_itself(server: LlmServer, settings: Settings) -> None:
    server.modes = ["refuses_response_format"]
    fill_in(server, settings)

    async def other() -> Tool:
        client = Client(Endpoint("stable", server.base, "small-2"), settings)
        return await client.structured(QUESTION, Tool, purpose="test", max_tokens=50)

    asyncio.run(other())
    assert with_format(server) == [True, False, True, False]


def test_broken_json_is_mended(server: LlmServer, settings: Settings) -> None:
    server.modes = ["broken_json"]
    assert fill_in(server, settings) == [ZORBO]
    assert len(server.asked) == 1


def test_what_does_not_fit_is_asked_for_once_more_with_the_reason(server: LlmServer, settings: Settings) -> None:
    server.modes = ["wrong_json"]
    assert fill_in(server, settings) == [ZORBO]
    first, second = (request.body["messages"][-1]["content"] for request in server.asked)
    assert second.startswith(first)
    assert "wrong: name: Input should be a valid string" in second


def test_what_never_fits_is_a_bad_reply(server: LlmServer, settings: Settings) -> None:
    server.modes = ["never_json"]
    with pytest.raises(LlmError) as error:
        fill_in(server, settings)
    assert error.value.reason == "bad_reply"
    assert len(server.asked) == 2


def test_but_no_reason_to_leave_the_server_alone(server: LlmServer, settings: Settings) -> None:
    server.modes = ["never_json"]
    for _ in range(4):
        with pytest.raises(LlmError, match="did not fill in the form"):
            fill_in(server, settings)


@pytest.mark.parametrize(("mode", "reason"), [("cut", "cut_off"), ("busy", "busy"), ("html", "bad_reply")])
def test_other_faults_stay_what_they_are(mode: str, reason: str, server: LlmServer, settings: Settings) -> None:
    server.modes, server.retry_after = [mode], "60"
    with pytest.raises(LlmError) as error:
        fill_in(server, settings)
    assert error.value.reason == reason
    assert len(server.asked) == 1


# Reading


@pytest.mark.parametrize(
    "reply",
    [
        JSON_TEXT,
        f"\n {JSON_TEXT}\n",
        f"```json\n{JSON_TEXT}\n```",
        f"Here it is: {JSON_TEXT} Is that {{fine}}?",
        JSON_TEXT + JSON_TEXT,
        JSON_TEXT[:-1],
        JSON_TEXT[:-2],
        JSON_TEXT.replace('"', "'"),
        '{name: "Zorbo", "price": "free",}',
        '{"name": "Zorbo",\n "price": "free", "colour": null}',
    ],
)
def test_replies_that_can_be_read(reply: str) -> None:
    assert read(reply, Tool) == ZORBO


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "none",
        "[]",
        "5",
        "null",
        "{}",
        "{",
        "{" * 5000,
        '{"a":' * 3000,
        "<html>{}</html>",
        "\x00{\ud800",
        '{"colour": "red"}',
        '{"so": {"name": "Zorbo"}}',
        '{"name": null}',
        '{"name": "Zorbo", "price": "cheap"}',
    ],
    ids=lambda reply: repr(reply[:20]),
)
def test_replies_that_can_not(reply: str) -> None:
    with pytest.raises(Unreadable):
        read(reply, Tool)


@pytest.mark.parametrize("reply", ["{}", '{"name": "x"}', "Use {braces}: {'so': 1}", '{"platforms": ["vms"]}'])
def test_a_form_of_defaults_is_not_filled_in_by_anything(reply: str) -> None:
    with pytest.raises(Unreadable):
        read(reply, Loose)


@pytest.mark.parametrize("pattern", ["{", "[{", '{"a":', "{'", '{"a" "b" ', '"{', "x{", '{"":\\"'])
def test_no_reply_takes_long_to_read(pattern: str) -> None:
    start = time.process_time()
    with contextlib.suppress(Unreadable):
        read("{" + pattern * 20_000, Tool)
    assert time.process_time() - start < 0.5


def test_korean_is_kept() -> None:
    assert read('{"title": "회의록 도우미", "platforms": []}', Loose).title == "회의록 도우미"
    assert read("{'title': '회의록 도우미'", Loose).title == "회의록 도우미"


def test_the_words_hold_the_schema_without_titles_but_with_the_field_of_that_name() -> None:
    schema = json.loads(in_words(Loose).partition("else: ")[2])
    assert schema["properties"]["title"]["anyOf"] == [{"type": "string"}, {"type": "null"}]
    assert "title" not in schema
    assert "title" not in schema["properties"]["platforms"]


def test_a_strict_schema_requires_every_field() -> None:
    def objects(schema: Any) -> Iterator[dict[str, Any]]:
        if isinstance(schema, dict):
            if schema.get("type") == "object":
                yield schema
            for value in schema.values():
                yield from objects(value)

    for found in objects(response_format(Loose)):
        assert found["required"] == list(found["properties"])
        assert found["additionalProperties"] is False


@pytest.mark.parametrize(
    ("reply", "expected"), [(JSON_TEXT, True), (" \n{", True), ("```json\n{}", False), ("", False)]
)
def test_json_begins_with_its_brace(reply: str, expected: bool) -> None:
    assert is_json(reply) is expected
