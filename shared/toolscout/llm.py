"""Asks language models, whichever server speaks OpenAI's protocol; each call is one event, each failure an LlmError."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import cached_property
from typing import Any

import httpx2
import openai

from toolscout import logs, probe
from toolscout.breaker import breaker_of
from toolscout.calls import Ask, Call, Message, with_words
from toolscout.endpoints import Endpoint, endpoint
from toolscout.errors import LlmError
from toolscout.replies import BoundedTransport, Reply, Usage, failure, host_of
from toolscout.settings import Settings
from toolscout.structured import Form, Unreadable, in_words, is_json, read, response_format

__all__ = ["Call", "Client", "Endpoint", "Message", "Usage", "endpoint"]

RETRIES = 2
FIRST_PAUSE_S = 0.3
CONNECT_S = 5.0
RETRIED = frozenset({"unreachable", "busy"})
# Failures of the server, and not of this one request: these open the breaker.
BREAKING = frozenset({"unreachable", "timeout", "bad_reply"})
# What a server may not know, and the words by which it says so.
OPTIONS = {
    "stream_options": ("stream_options", "include_usage"),
    "response_format": ("response_format", "json_schema", "structured output", "grammar"),
    "temperature": ("temperature",),
    "max_tokens": ("use 'max_completion_tokens'",),
}
REFUSALS = frozenset({400, 404, 415, 422, 501})
_END = object()
# What servers have refused, by base and model: a client may live for one batch only.
_refused: dict[tuple[str, str], set[str]] = {}


class Client:
    """One endpoint's client: long-lived, and of one event loop. `http_client` replaces openai's transport."""

    def __init__(self, endpoint: Endpoint, settings: Settings, http_client: httpx2.AsyncClient | None = None) -> None:
        self.endpoint = endpoint
        self._settings = settings
        self._http = http_client
        self._model = endpoint.model
        self._breaker = breaker_of(endpoint.base)

    @cached_property
    def _openai(self) -> openai.AsyncOpenAI:
        # No redirects: the key is for this host alone. No proxies of the environment: the endpoint is what was set.
        http = self._http or httpx2.AsyncClient(transport=BoundedTransport(trust_env=False), trust_env=False)
        client = openai.AsyncOpenAI(
            base_url=self.endpoint.base,
            # Never empty: then openai would take the environment's.
            api_key=self.endpoint.key.get_secret_value() or "none",
            max_retries=0,
            timeout=httpx2.Timeout(None, connect=CONNECT_S),
            http_client=http,
        )
        # Only settings.py reads the environment.
        client.organization = client.project = None
        return client

    @property
    def model(self) -> str:
        """The model's name as far as it is known yet."""
        return self._model

    async def close(self) -> None:
        if "_openai" in vars(self):
            await self._openai.close()

    async def resolve_model(self) -> str:
        """The model that is asked: the one that was set, else the first that the server lists. Raises LlmError."""
        if not self._model:
            listed = await self.listed()
            if not listed:
                raise self._error("refused", "has no model loaded")
            # LM Studio lists its encoder too.
            self._model = next((name for name in listed if "embed" not in name.lower()), listed[0])
        return self._model

    async def listed(self) -> list[str]:
        """Names of the models that the server lists. Raises LlmError."""
        try:
            async with asyncio.timeout(self._settings.llm_first_token_seconds):
                page = await self._openai.models.list()
            return [model.id for model in page.data if isinstance(model.id, str) and model.id]
        except Exception as error:  # noqa: BLE001 - whatever a server can make a client raise
            raise failure(error, self._host) from None

    def stream(
        self,
        messages: list[Message],
        *,
        purpose: str,
        max_tokens: int,
        temperature: float = 0.0,
        call: Call | None = None,
    ) -> AsyncGenerator[str, None]:
        """Pieces of text as they come, without a model's thoughts. Raises LlmError.

        Whoever stops reading (aclose, or a cancelled task) closes the connection, and the server stops. A call that has
        said nothing yet is tried up to RETRIES times more, within the time that a first token may take.
        """
        return self._told(Ask(messages, purpose, max_tokens, temperature, call or Call()))

    async def text(
        self,
        messages: list[Message],
        *,
        purpose: str,
        max_tokens: int,
        temperature: float = 0.0,
        call: Call | None = None,
    ) -> str:
        """The whole reply. Raises LlmError."""
        return await self._whole(Ask(messages, purpose, max_tokens, temperature, call or Call()))

    async def structured(
        self, messages: list[Message], form: type[Form], *, purpose: str, max_tokens: int, call: Call | None = None
    ) -> Form:
        """The reply as a filled-in form. Raises LlmError.

        What does not parse is mended, else asked for once more. A server without structured output is told in words.
        """
        call = call or Call()
        ask = Ask(messages, purpose, max_tokens, 0.0, call, form)
        for _ in range(2):
            reply = await self._filled_in(ask)
            try:
                return read(reply, form)
            except Unreadable as error:
                asked = with_words(messages, f"Your last reply was wrong: {error}. Answer with the JSON object alone.")
                ask = Ask(asked, purpose, max_tokens, 0.0, call, form)
        raise self._error("bad_reply", "did not fill in the form")

    async def has_structured_output(self, messages: list[Message], form: type[Form], max_tokens: int) -> bool:
        """Whether a reply comes in a form; what was refused before is tried again. Raises LlmError."""
        await self.resolve_model()
        self._without.discard("response_format")
        reply = await self._filled_in(Ask(messages, "probe", max_tokens, 0.0, Call(), form))
        with contextlib.suppress(Unreadable):
            return bool(read(reply, form)) and "response_format" not in self._without
        return False

    async def probe(self, structured: bool = True) -> str:
        """Empty where all is well, else one line: what is wrong, and what to do."""
        return await probe.probe(self, structured)

    async def _filled_in(self, ask: Ask) -> str:
        reply = await self._whole(ask)
        if "response_format" in ask.sent and not is_json(reply):
            self._without.add("response_format")
        return reply

    async def _whole(self, ask: Ask) -> str:
        async with aclosing(self._told(ask)) as pieces:
            return "".join([piece async for piece in pieces])

    async def _told(self, ask: Ask) -> AsyncGenerator[str, None]:
        """One call, told as one event however it ends."""
        outcome, failed = "unknown", LlmError(reason="cancelled")
        ask.start = _now()
        try:
            async with aclosing(self._counted(ask)) as pieces:
                async for piece in pieces:
                    if ask.call.first_token_ms is None:
                        ask.call.first_token_ms = (_now() - ask.start) * 1000
                    yield piece
            outcome, ask.call.usage = "success", ask.usage()
        except LlmError as error:
            outcome, failed = "failure", error
            raise
        finally:
            ask.call.duration_ms = (_now() - ask.start) * 1000
            wrong = None if outcome == "success" else failed
            logs.emit(ask.event(self.endpoint.arm, self._settings, outcome, wrong, _now()))

    async def _counted(self, ask: Ask) -> AsyncGenerator[str, None]:
        """One call, of which the breaker takes note."""
        if not self._breaker.allow():
            raise self._error("breaker_open", "failed several times in a row and is left alone for some seconds")
        try:
            async with aclosing(self._attempts(ask)) as pieces:
                async for piece in pieces:
                    yield piece
        except LlmError as error:
            if error.reason in BREAKING:
                self._breaker.failed()
            else:
                self._breaker.succeeded()
            raise
        self._breaker.succeeded()

    async def _attempts(self, ask: Ask) -> AsyncGenerator[str, None]:
        while True:
            try:
                async with aclosing(self._once(ask)) as pieces:
                    async for piece in pieces:
                        yield piece
                return
            except Exception as error:  # noqa: BLE001 - whatever a server can make a client raise
                if ask.reply.began or not self._learnt(error, ask):
                    # Not chained: the server's own words may hold the key or the prompt.
                    await self._pause(ask, self._failed(error, ask))

    async def _pause(self, ask: Ask, error: LlmError) -> None:
        """Waits for the next attempt, or raises the error where there is none."""
        wait = max(float(str(error.extra.get("retry_after", 0))), FIRST_PAUSE_S * 2 ** (ask.call.attempts - 1))
        late = _now() + wait >= self._until(ask)
        if ask.reply.began or error.reason not in RETRIED or ask.call.attempts > RETRIES or late:
            raise error from None
        await asyncio.sleep(wait)
        ask.call.attempts += 1

    def _until(self, ask: Ask) -> float:
        """When the model must have begun, or ended if it has begun."""
        settings = self._settings
        first = min(settings.llm_first_token_seconds, settings.llm_seconds)
        return ask.start + (settings.llm_seconds if ask.reply.began else first)

    async def _once(self, ask: Ask) -> AsyncGenerator[str, None]:
        """One request."""
        reply = ask.reply = Reply(ask.max_tokens)
        async with asyncio.timeout_at(self._until(ask)):
            stream = await self._open(ask)
        try:
            while not reply.full:
                async with asyncio.timeout_at(self._until(ask)):
                    chunk = await anext(stream, _END)
                if chunk is _END:
                    break
                piece = reply.take(chunk)
                ask.began = ask.began or (_now() if reply.began else 0.0)
                if piece:
                    yield piece
            if rest := reply.rest():
                yield rest
        finally:
            with contextlib.suppress(httpx2.HTTPError, OSError):
                await stream.close()
        if not reply.text:
            raise self._error("bad_reply", "answered with nothing that can be read")
        if not (reply.finished or reply.usage or reply.full):
            raise self._error("cut_off", "broke off in the middle")

    async def _open(self, ask: Ask) -> openai.AsyncStream[object]:
        ask.call.model = await self.resolve_model()
        body = self._body(ask)
        ask.sent = frozenset(body)
        # Chunks as they are: openai's types would believe what the server says.
        stream = await self._openai.post(
            "/chat/completions",
            cast_to=object,
            body=body,
            options={"headers": {"X-Toolscout-Purpose": ask.purpose}},
            stream=True,
            stream_cls=openai.AsyncStream[object],
        )
        kind = stream.response.headers.get("content-type", "").partition(";")[0].lower()
        if kind in ("text/html", "application/json"):
            await stream.close()
            raise self._error(
                "bad_reply", f"answered with {kind}, not with a stream; this may not be the API's address"
            )
        ask.accepted = True
        return stream

    def _body(self, ask: Ask) -> dict[str, Any]:
        without = self._without
        messages, form = ask.messages, ask.form
        body: dict[str, Any] = {"model": ask.call.model, "stream": True, "stream_options": {"include_usage": True}}
        body |= {"max_tokens": ask.max_tokens, "temperature": ask.temperature}
        if form and "response_format" in without:
            messages = with_words(messages, in_words(form))
        elif form:
            body["response_format"] = response_format(form)
        if "max_tokens" in without:
            body["max_completion_tokens"] = ask.max_tokens
        return {name: value for name, value in body.items() if name not in without} | {"messages": messages}

    @property
    def _without(self) -> set[str]:
        """Options that this model's server has refused."""
        return _refused.setdefault((self.endpoint.base, self._model), set())

    def _learnt(self, error: Exception, ask: Ask) -> bool:
        """Whether the same can be asked otherwise: without an option that was refused, or of a model that is there."""
        if not isinstance(error, openai.APIError) or getattr(error, "status_code", 400) not in REFUSALS:
            return False
        said = f"{error.message} {error.body}".lower()
        named = {name for name, words in OPTIONS.items() if name in ask.sent and any(word in said for word in words)}
        if named:
            self._without.update(named)
            return True
        if getattr(error, "status_code", 0) != 404 or self.endpoint.model or ask.renamed:
            return False
        self._model, ask.renamed = "", True
        return True

    def _failed(self, error: Exception, ask: Ask) -> LlmError:
        found = failure(error, self._host)
        if ask.reply.began and found.reason != "timeout" and not isinstance(error, LlmError):
            return self._error("cut_off", "broke off in the middle")
        return found

    def _error(self, reason: str, what: str) -> LlmError:
        return LlmError(f"The model at {self._host} {what}.", reason=reason)

    @property
    def _host(self) -> str:
        return host_of(self.endpoint.base)


def _now() -> float:
    return asyncio.get_running_loop().time()
