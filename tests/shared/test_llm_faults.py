"""Every fault of a language model's server: text, or one LlmError; never anything else, and the key nowhere."""

from __future__ import annotations

import logging
import time
from typing import Any

import pytest
from pydantic import SecretStr
from toolscout import replies
from toolscout.breaker import FAILURES
from toolscout.errors import LlmError
from toolscout.llm import Call, Client
from toolscout.replies import estimated_tokens, retry_after
from toolscout.settings import Settings

from tests.llm_ask import KEY, QUESTION, ask, collect, reason, run
from tests.llm_faults import TEXT, LlmServer

FAULTS = {
    "garbage": ([], "unreachable"),
    "garbage_stream": ([], "bad_reply"),
    "html": ([], "bad_reply"),
    "html_502": ([], "unreachable"),
    "broken": ([], "unreachable"),
    "half_json": ([], "bad_reply"),
    "deep_json": ([], "bad_reply"),
    "only_wrong_types": ([], "bad_reply"),
    "wrong_types": (["fine"], ""),
    "null_deltas": (list("x"), ""),
    "empty": ([], "bad_reply"),
    "silent": ([], "bad_reply"),
    "cut": (list("x"), "cut_off"),
    "cut_before": ([], "unreachable"),
    "ends_early": (list("x"), "cut_off"),
    "error_event": (list("x"), "cut_off"),
    "slow_first": ([], "timeout"),
    "slow_headers": ([], "timeout"),
    "slow_all": (list("x"), "timeout"),
    "endless_thoughts": ([], "bad_reply"),
    "busy": ([], "busy"),
    "rate_limit": ([], "busy"),
    "not_implemented": ([], "refused"),
    "redirect": ([], "refused"),
}


@pytest.mark.parametrize("mode", FAULTS)
def test_a_fault_is_an_llm_error_and_one_event(mode: str, server: LlmServer, quick: Settings, told: Any) -> None:
    expected, failed = FAULTS[mode]
    server.modes = [mode]
    start = time.monotonic()
    pieces, why = run(server, quick, collect, model="big", key=SecretStr(KEY))
    assert time.monotonic() - start < quick.llm_seconds + 1
    assert (bool(pieces), why) == (bool(expected), failed)
    if pieces and mode != "slow_all":
        assert TEXT.startswith("".join(pieces)) or pieces == expected
    (event,) = told()
    assert (event.outcome, event.reason) == (("failure", failed) if failed else ("success", None))
    assert event.error is None or "127.0.0.1" in event.error


def test_a_broken_off_reply_has_been_given_so_far(server: LlmServer, quick: Settings, told: Any) -> None:
    server.modes = ["cut"]
    call = Call()
    said = []

    async def work(client: Client) -> None:
        with pytest.raises(LlmError, match="broke off"):
            async for piece in client.stream(QUESTION, purpose="test", max_tokens=20, call=call):
                said.append(piece)

    run(server, quick, work)
    assert "".join(said) == TEXT[:10]
    assert (call.usage, call.attempts) == (None, 1)
    (event,) = told()
    assert (event.tokens_estimated, event.tokens_in > 0, event.tokens_out) == (True, True, estimated_tokens(TEXT[:10]))


@pytest.mark.parametrize(("mode", "seconds"), [("slow_first", 1.0), ("slow_headers", 1.0), ("slow_all", 2.5)])
def test_the_first_token_has_a_deadline_of_its_own(
    mode: str, seconds: float, server: LlmServer, quick: Settings
) -> None:
    server.modes = [mode]
    settings = quick.model_copy(update={"llm_first_token_seconds": 1.0, "llm_seconds": 2.5})
    call = Call()

    async def work(client: Client) -> None:
        with pytest.raises(LlmError, match="took too long"):
            await ask(client, call)

    run(server, settings, work, model="big")
    assert call.duration_ms == pytest.approx(seconds * 1000, abs=600)


def test_nobody_there(quick: Settings, told: Any) -> None:
    with LlmServer() as gone:
        base = gone.base
    assert run(base, quick, reason) == "unreachable"
    (event,) = told()
    assert (event.attempts, event.tokens_in, event.tokens_out, event.tokens_per_second) == (3, 0, 0, None)


@pytest.mark.parametrize("base", ["", "localhost:1234/v1", "http://[::1/v1", "http://\x00/v1", "ftp://a.example", "말"])
def test_an_address_that_is_none(base: str, quick: Settings) -> None:
    assert run(base, quick, reason) in {"unreachable", "bad_reply"}
    assert run(base, quick, lambda client: client.probe())


def test_a_reply_that_ignores_max_tokens_is_stopped(server: LlmServer, quick: Settings) -> None:
    server.modes = ["endless"]
    pieces, why = run(server, quick, collect)
    assert why == ""
    assert 1_000 < len("".join(pieces)) < 2_000
    server.left()


def test_a_line_that_never_ends_is_broken_off(
    server: LlmServer, quick: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replies, "MAX_BYTES", 3_000_000)
    server.modes = ["endless_line"]
    assert run(server, quick, reason) == "bad_reply"
    server.left()


# Trying again


@pytest.mark.parametrize("mode", ["broken", "html_502", "cut_before", "rate_limit", "busy"])
def test_what_has_said_nothing_is_asked_again(mode: str, server: LlmServer, quick: Settings, told: Any) -> None:
    server.modes = [mode, mode, "ok"]
    server.retry_after = "0.01"
    call = Call()
    assert run(server, quick, lambda client: ask(client, call)) == TEXT
    assert call.attempts == 3
    assert [event.attempts for event in told()] == [3]


def test_but_not_more_than_twice(server: LlmServer, quick: Settings) -> None:
    server.modes = ["broken", "broken", "broken", "ok"]
    assert run(server, quick, reason) == "unreachable"
    assert len(server.asked) == 3


@pytest.mark.parametrize("mode", ["cut", "error_event", "not_implemented", "html", "slow_first"])
def test_what_has_begun_or_would_not_help_is_not(mode: str, server: LlmServer, quick: Settings) -> None:
    server.modes = [mode, "ok"]
    assert run(server, quick, collect, model="big")[1]
    assert len(server.asked) == 1


def test_retry_after_is_honoured(server: LlmServer, quick: Settings) -> None:
    server.modes, server.retry_after = ["rate_limit", "ok"], "0.3"
    assert run(server, quick, ask) == TEXT
    first, second = server.asked
    assert 0.3 <= second.at - first.at < 0.5


def test_more_than_the_time_left_is_not_waited_for(server: LlmServer, quick: Settings) -> None:
    server.modes, server.retry_after = ["busy", "ok"], "3"
    start = time.monotonic()
    assert run(server, quick, reason) == "busy"
    assert time.monotonic() - start < 1.5
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("3", 3),
        ("0.5", 0.5),
        ("-3", 0),
        ("", 0),
        ("soon", 0),
        ("nan", 0),
        ("inf", 86_400),
        ("1e400", 86_400),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0),
        ("Wed, 21 Oct 2099 07:28:00 GMT", 86_400),
    ],
)
def test_retry_after_of_any_kind(value: str, seconds: float) -> None:
    assert retry_after(value) == seconds


def test_after_three_failures_the_server_is_left_alone(server: LlmServer, quick: Settings, told: Any) -> None:
    server.modes = ["half_json"]
    # Each with a client of its own: the breaker is the address's.
    found = [run(server, quick, reason) for _ in range(FAILURES + 1)]
    assert found == ["bad_reply"] * FAILURES + ["breaker_open"]
    assert len(server.asked) == FAILURES
    assert [event.reason for event in told()] == found


@pytest.mark.parametrize("mode", ["not_implemented", "busy"])
def test_but_not_after_refusals(mode: str, server: LlmServer, quick: Settings) -> None:
    server.modes, server.retry_after = [mode], "60"
    found = {run(server, quick, reason) for _ in range(FAILURES + 2)}
    assert found == {"refused" if mode == "not_implemented" else "busy"}


# The key


@pytest.mark.parametrize("mode", ["ok", "cut", "half_json", "redirect", "broken", "garbage", "needs_key"])
def test_the_key_is_nowhere(mode: str, server: LlmServer, quick: Settings, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    if mode == "needs_key":
        server.key, mode = "another", "ok"
    server.modes = [mode]

    async def work(client: Client) -> str:
        said = await client.probe()
        try:
            await ask(client)
        except LlmError as error:
            logging.getLogger("test").exception("failed")
            said += f"{error!r} {error.detail} {error.remedy} {error.extra}"
        return said + repr(client.endpoint) + repr(vars(client))

    found = run(server, quick, work, model="small-1", key=SecretStr(KEY))
    assert server.asked[0].headers["authorization"] == f"Bearer {KEY}"
    formatted = "".join(logging.Formatter().format(record) + repr(vars(record)) for record in caplog.records)
    assert KEY not in found + formatted


def test_the_key_does_not_follow_a_redirect(quick: Settings) -> None:
    with LlmServer(modes=["redirect"]) as server, LlmServer() as other:
        server.location = other.base + "/chat/completions"
        assert run(server, quick, reason, model="m", key=SecretStr(KEY)) == "refused"
        assert other.requests == []
