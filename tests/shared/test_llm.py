"""The language models' client: what it asks for and gives, cancellation, thoughts, servers that differ."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from typing import Any

import httpx2
import pytest
from pydantic import SecretStr
from toolscout.llm import Call, Client, Endpoint, Usage
from toolscout.replies import estimated_tokens
from toolscout.settings import Settings

from tests.llm_ask import KEY, QUESTION, ask, collect, reason, run
from tests.llm_faults import TEXT, LlmServer


def test_the_text_comes_in_pieces_and_with_its_figures(server: LlmServer, quick: Settings, told: Any) -> None:
    quick = quick.model_copy(update={"llm_prices": {"small-1": (2.0, 8.0)}})
    server.pause = 0.03
    call = Call()

    async def work(client: Client) -> list[str]:
        stream = client.stream(QUESTION, purpose="answer", max_tokens=20, call=call)
        return [piece async for piece in stream]

    pieces = run(server, quick, work)
    assert "".join(pieces) == TEXT
    assert len(pieces) > 2
    assert call.usage == Usage(11, 5, estimated=False)
    assert (call.model, call.attempts) == ("small-1", 1)
    assert call.first_token_ms and call.duration_ms
    assert 30 <= call.first_token_ms < call.duration_ms - 60
    (event,) = told()
    assert (event.outcome, event.reason, event.error) == ("success", None, None)
    assert (event.model, event.arm, event.purpose, event.attempts) == ("small-1", "stable", "answer", 1)
    assert (event.tokens_in, event.tokens_out, event.tokens_estimated) == (11, 5, False)
    assert event.cost_usd == pytest.approx((11 * 2 + 5 * 8) / 1e6)
    assert event.duration_ms == call.duration_ms
    expected = 5 / (call.duration_ms - call.first_token_ms) * 1000
    assert event.tokens_per_second == pytest.approx(expected, rel=0.05)


def test_what_is_sent(server: LlmServer, quick: Settings) -> None:
    run(server, quick, ask, model="big", key=SecretStr(KEY))
    (request,) = server.requests
    body = request.body
    assert (body["model"], body["messages"], body["stream"]) == ("big", QUESTION, True)
    assert (body["max_tokens"], body["temperature"]) == (20, 0.0)
    assert body["stream_options"] == {"include_usage": True}
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.headers["x-toolscout-purpose"] == "test"


def test_the_environment_is_not_asked(server: LlmServer, quick: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = {
        "OPENAI_API_KEY": KEY,
        "OPENAI_ORG_ID": "acme",
        "OPENAI_PROJECT_ID": "p",
        "OPENAI_BASE_URL": "http://x",
    }
    for name, value in (environment | {"HTTP_PROXY": "http://127.0.0.1:9", "ALL_PROXY": "http://127.0.0.1:9"}).items():
        monkeypatch.setenv(name, value)
    assert run(server, quick, ask) == TEXT
    assert not {KEY, "acme", "p"} & {value.removeprefix("Bearer ") for value in server.asked[0].headers.values()}


def test_one_connection_serves_many_calls(server: LlmServer, quick: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []
    connect = asyncio.BaseEventLoop.create_connection

    async def counted(self: Any, *args: Any, **kwargs: Any) -> Any:
        opened.append(args)
        return await connect(self, *args, **kwargs)

    monkeypatch.setattr(asyncio.BaseEventLoop, "create_connection", counted)

    async def work(client: Client) -> None:
        for _ in range(5):
            assert await ask(client) == TEXT

    run(server, quick, work)
    assert len(opened) == 1


@pytest.mark.parametrize(
    ("text", "tokens"),
    [("", 0), ("abcd", 1), ("a word or two", 4), ("한국어", 3), ("한국어 AI", 4), ("日本語です。", 6)],
)
def test_tokens_are_estimated(text: str, tokens: int) -> None:
    assert estimated_tokens(text) == tokens


def test_what_no_server_counts_is_estimated(server: LlmServer, quick: Settings, told: Any) -> None:
    server.modes, server.reply = ["no_usage"], "이것은 무료 도구입니다."
    call = Call()
    run(server, quick, lambda client: ask(client, call))
    # "Be brief." and "무엇인가요?"; nine syllables and four other characters.
    assert call.usage == Usage(3 + 6, estimated_tokens(server.reply), estimated=True)
    (event,) = told()
    assert (event.tokens_estimated, event.cost_usd) == (True, None)


# Going away


@pytest.mark.parametrize("mode", ["slow_all", "slow_first", "slow_headers"])
def test_a_cancelled_call_stops_the_server(mode: str, server: LlmServer, settings: Settings, told: Any) -> None:
    server.modes = [mode]
    call = Call()

    async def work(client: Client) -> float:
        task = asyncio.create_task(ask(client, call))
        await asyncio.sleep(0.4)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return time.monotonic()

    cancelled = run(server, settings, work)
    assert server.left() - cancelled < 1
    (event,) = told()
    assert (event.outcome, event.reason, event.error) == ("unknown", "cancelled", None)
    assert call.duration_ms == pytest.approx(400, abs=150)
    assert call.usage is None


def test_closing_the_stream_stops_the_server(server: LlmServer, settings: Settings, told: Any) -> None:
    server.modes = ["slow_all"]

    async def work(client: Client) -> float:
        async with aclosing(client.stream(QUESTION, purpose="test", max_tokens=20)) as pieces:
            async for _ in pieces:
                break
        closed = time.monotonic()
        await asyncio.sleep(0.5)  # the loop goes on, as a gateway's does
        return closed

    closed = run(server, settings, work)
    assert server.left() - closed < 0.5
    assert [(event.outcome, event.reason) for event in told()] == [("unknown", "cancelled")]


def test_calls_at_the_same_time_keep_apart(server: LlmServer, quick: Settings) -> None:
    server.modes = ["ok", "cut", "ok", "null_deltas", "ok"]

    async def work(client: Client) -> list[tuple[list[str], str]]:
        await client.resolve_model()
        return await asyncio.gather(*(collect(client) for _ in range(5)))

    found = ["".join(pieces) for pieces, _ in run(server, quick, work)]
    assert sorted(found) == sorted([TEXT] * 4 + [TEXT[:10]])


# Thoughts


@pytest.mark.parametrize("mode", ["thinking", "reasoning"])
def test_thoughts_are_left_out(mode: str, server: LlmServer, quick: Settings) -> None:
    server.modes = [mode]
    assert run(server, quick, ask) == TEXT


def test_who_thinks_has_begun(server: LlmServer, quick: Settings) -> None:
    server.modes = ["slow_reasoning"]
    quick = quick.model_copy(update={"llm_first_token_seconds": 0.7, "llm_seconds": 5.0})
    call = Call()
    assert run(server, quick, lambda client: ask(client, call)) == TEXT
    assert call.first_token_ms and call.first_token_ms > quick.llm_first_token_seconds * 1000


# Servers that differ


def test_a_server_without_stream_options_gets_none(server: LlmServer, quick: Settings) -> None:
    server.modes = ["refuses_stream_options"]
    call = Call()
    assert run(server, quick, lambda client: ask(client, call)) == TEXT
    assert call.attempts == 1
    assert call.usage and call.usage.estimated
    run(server, quick, ask)
    assert ["stream_options" in request.body for request in server.asked] == [True, False, False]


def test_a_reasoning_model_of_openai(server: LlmServer, quick: Settings) -> None:
    server.modes = ["refuses_max_tokens"]
    assert run(server, quick, ask) == TEXT
    last = server.asked[-1].body
    assert last["max_completion_tokens"] == 20
    assert not {"max_tokens", "temperature"} & last.keys()


def test_the_first_model_that_is_listed_is_asked_for_once(server: LlmServer, quick: Settings) -> None:
    server.models = ["text-embedding-nomic", "small-1", "small-2"]

    async def work(client: Client) -> list[str]:
        before = client.model
        await ask(client)
        await ask(client)
        return [before, client.model, await client.resolve_model()]

    assert run(server, quick, work) == ["", "small-1", "small-1"]
    assert [request.path for request in server.requests].count("/v1/models") == 1


def test_another_model_is_taken_when_the_first_has_gone(server: LlmServer, quick: Settings) -> None:
    server.modes = ["model_missing"]

    async def work(client: Client) -> list[str]:
        await ask(client)
        server.models = ["small-2"]
        await ask(client)
        return [client.model, *[request.body["model"] for request in server.asked]]

    assert run(server, quick, work) == ["small-2", "small-1", "small-1", "small-2"]


def test_a_model_that_was_named_is_not_replaced(server: LlmServer, quick: Settings) -> None:
    server.modes = ["model_missing"]
    assert run(server, quick, reason, model="big") == "refused"
    assert len(server.requests) == 1


def test_a_server_without_any_model(server: LlmServer, quick: Settings) -> None:
    server.models = []
    assert run(server, quick, reason) == "refused"


def test_the_transport_can_be_replaced(quick: Settings) -> None:
    body = b'data: {"choices": [{"delta": {"content": "Hi"}, "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n'
    transport = httpx2.MockTransport(lambda _: httpx2.Response(200, content=body))

    async def work() -> str:
        client = Client(Endpoint("stable", "http://a.example/v1", "m"), quick, httpx2.AsyncClient(transport=transport))
        return await ask(client)

    assert asyncio.run(work()) == "Hi"
