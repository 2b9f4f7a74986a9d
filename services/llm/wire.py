"""OpenAI's chat completions as they go over the wire: requests, replies, chunks, errors."""

from __future__ import annotations

import re
import secrets
import time
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from toolscout.errors import NotFound, NotReady, ToolscoutError

# Tokens of a reply: where the request names none, and at most.
NEW, MAX_NEW = 256, 512
DONE = b"data: [DONE]\n\n"
# A text that spells one must not end its message and speak as somebody else.
_CONTROL = re.compile(r"<\|(im_start|im_end|endoftext)\|>")


class Invalid(ToolscoutError):
    status, reason, title = 400, "invalid_request", "The request is not of the expected form"


class NotJson(Invalid):
    status, reason, title = 415, "unsupported_media_type", "Send application/json"


class TooLong(ToolscoutError):
    status, reason, title = 400, "context_length_exceeded", "The prompt is too long"


class UnknownModel(NotFound):
    reason, title = "model_not_found", "There is no such model here"


class Busy(NotReady):
    reason, title = "busy", "Too many requests wait already"


class Preempted(NotReady):
    reason, title = "preempted", "An answer goes first"


class Stopping(NotReady):
    reason, title = "stopping", "The server stops"


class ModelFailed(ToolscoutError):
    reason, title = "model_failed", "The model failed"


class Gone(ToolscoutError):
    """The client has left: nobody reads this."""

    status, reason, title = 499, "client_gone", "The client has left"


def error_body(error: ToolscoutError) -> dict[str, Any]:
    kind = "invalid_request_error" if error.status < 500 else "server_error"
    return {"error": {"message": error.detail, "type": kind, "param": None, "code": error.reason}}


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True)


class TextPart(_Strict):
    type: Literal["text"]
    text: str


class Message(_Strict):
    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[TextPart]

    def for_model(self) -> dict[str, str]:
        role = "system" if self.role == "developer" else self.role
        text = self.content if isinstance(self.content, str) else "\n".join(part.text for part in self.content)
        return {"role": role, "content": _CONTROL.sub(r"<\1>", text)}


class StreamOptions(_Strict):
    include_usage: bool | None = None


class ChatRequest(_Strict):
    """What this model can do; fields that ask for more are refused, unknown ones mean nothing."""

    messages: list[Message] = Field(min_length=1)
    model: str | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: int | None = Field(None, ge=1)
    max_completion_tokens: int | None = Field(None, ge=1)
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, gt=0, le=1)
    presence_penalty: float | None = Field(None, ge=-2, le=2)
    frequency_penalty: float | None = Field(None, ge=-2, le=2)
    seed: int | None = Field(None, ge=-(2**31), lt=2**32)
    stop: str | list[str] | None = Field(None, max_length=64)
    response_format: dict[str, Any] | None = None
    n: int | None = Field(None, ge=1, le=1)
    logprobs: Literal[False] | None = None
    tools: list[Any] | None = Field(None, max_length=0)

    @property
    def new_tokens(self) -> int:
        return min(self.max_completion_tokens or self.max_tokens or NEW, MAX_NEW)

    @property
    def wants_usage(self) -> bool:
        return bool(self.stream_options and self.stream_options.include_usage)

    def for_model(self) -> dict[str, Any]:
        """The request in llama.cpp's terms: only what was validated gets through."""
        names = ("temperature", "top_p", "presence_penalty", "frequency_penalty", "seed", "stop", "response_format")
        given = {name: value for name in names if (value := getattr(self, name)) is not None}
        return {"messages": [m.for_model() for m in self.messages], "max_tokens": self.new_tokens, **given}


def parse(body: bytes) -> ChatRequest:
    """Raises Invalid with the first thing that is wrong."""
    try:
        return ChatRequest.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise Invalid(f"{where}: {first['msg']}" if where else first["msg"]) from None


@dataclass(frozen=True, slots=True)
class Piece:
    """Some text of a reply; the last but one says why it ended, the last what it took."""

    text: str = ""
    finish: str | None = None
    usage: dict[str, Any] | None = None

    @property
    def empty(self) -> bool:
        return not (self.text or self.finish or self.usage)


@dataclass(slots=True)
class Reply:
    """One completion; `chunk` for a stream, or `add` each piece and then `whole`."""

    model: str
    id: str = field(default_factory=lambda: f"chatcmpl-{secrets.token_hex(12)}")
    created: int = field(default_factory=lambda: int(time.time()))
    text: str = ""
    finish: str = "stop"
    usage: dict[str, Any] = field(default_factory=dict)

    def add(self, piece: Piece) -> None:
        self.text += piece.text
        self.finish = piece.finish or self.finish
        self.usage = piece.usage or self.usage

    def whole(self) -> dict[str, Any]:
        message = {"role": "assistant", "content": self.text}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": self.finish}
        return self._named("chat.completion", [choice]) | {"usage": self.usage}

    def chunk(self, piece: Piece, first: bool = False) -> bytes:
        if piece.usage:
            return sse(self._named("chat.completion.chunk", []) | {"usage": piece.usage})
        delta = {"role": "assistant"} if first else {}
        if piece.text or first:
            delta["content"] = piece.text
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": piece.finish}
        return sse(self._named("chat.completion.chunk", [choice]))

    def _named(self, kind: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
        return {"id": self.id, "object": kind, "created": self.created, "model": self.model, "choices": choices}


def sse(document: dict[str, Any]) -> bytes:
    return b"data: " + orjson.dumps(document) + b"\n\n"
