"""What a language model's server sends: a reply as it grows, with its usage, and what a failure means."""

from __future__ import annotations

import email.utils
import math
import re
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx2
import openai

from toolscout.errors import LlmError
from toolscout.thoughts import Thoughts

THOUGHTS = ("reasoning_content", "reasoning")
# Far more than any token spells: only a reply that would not end has more.
CHARS_A_TOKEN, SPARE_CHARS = 20, 1000
# A server that never ends a line must not fill the memory.
MAX_BYTES = 20_000_000
# Codes such as context_length_exceeded. A server's sentences may repeat the key or the prompt, and are left out.
_CODE = re.compile(r"[A-Za-z][\w.-]{1,60}")
_DENSE = re.compile(r"[\u1100-\u11ff\u2e80-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\uff00-\uffef]")


@dataclass(slots=True)
class Usage:
    """Tokens of one call; `estimated` where the server did not count them."""

    tokens_in: int
    tokens_out: int
    estimated: bool


def estimated_tokens(text: str) -> int:
    """About four Latin letters make a token, or one Chinese, Japanese or Korean character."""
    dense = len(_DENSE.findall(text))
    return dense + math.ceil((len(text) - dense) / 4)


@dataclass(slots=True)
class Reply:
    """What has come of one reply. Takes anything: what is not of the expected type counts as absent."""

    max_tokens: int
    text: str = ""
    began: bool = False
    finished: bool = False
    usage: Usage | None = None
    chars: int = 0
    _thoughts: Thoughts = field(default_factory=Thoughts)

    @property
    def full(self) -> bool:
        """Whether far more than max_tokens has come, thoughts included: that server does not obey it."""
        return self.chars > self.max_tokens * CHARS_A_TOKEN + SPARE_CHARS

    def take(self, chunk: object) -> str:
        """The part of the text that a chunk brings, often none."""
        delta = self._delta(chunk)
        said = _string(delta.get("content"))
        new = len(said) + sum(len(_string(delta.get(name))) for name in THOUGHTS)
        self.began = self.began or new > 0
        self.chars += new
        return self._shown(self._thoughts.without(said))

    def rest(self) -> str:
        """What could not be shown while a tag might have begun there."""
        return self._shown(self._thoughts.rest())

    def _delta(self, chunk: object) -> dict[str, Any]:
        chunk = _dict(chunk)
        self.usage = _usage(chunk.get("usage")) or self.usage
        choices = chunk.get("choices")
        choice = _dict(choices[0]) if isinstance(choices, list) and choices else {}
        self.finished = self.finished or bool(choice.get("finish_reason"))
        return _dict(choice.get("delta"))

    def _shown(self, piece: str) -> str:
        self.text += piece
        return piece


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _string(value: object) -> str:
    return value if isinstance(value, str) else ""


def _usage(value: object) -> Usage | None:
    counts = [_dict(value).get(name) for name in ("prompt_tokens", "completion_tokens")]
    there = [n for n in counts if isinstance(n, int) and not isinstance(n, bool) and 0 <= n < 2**40]
    return Usage(there[0], there[1], estimated=False) if len(there) == 2 else None


class BoundedTransport(httpx2.AsyncHTTPTransport):
    """Breaks off replies of more than MAX_BYTES."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await super().handle_async_request(request)
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        response.stream = _Bounded(response.stream)
        return response


class _Bounded(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = MAX_BYTES
        async for part in self._stream:
            left -= len(part)
            if left < 0:
                raise httpx2.DecodingError("the reply does not end")
            yield part

    async def aclose(self) -> None:
        await self._stream.aclose()


def host_of(base: str) -> str:
    """Host and port of a base URL, without a password, for sentences."""
    try:
        return urlsplit(base).netloc.rpartition("@")[2] or base.rpartition("@")[2]
    except ValueError:
        return base.rpartition("@")[2]


def failure(error: Exception, host: str) -> LlmError:
    """What an error means, in a sentence that repeats nothing of what the server said."""
    if isinstance(error, LlmError):
        return error
    if isinstance(error, TimeoutError):
        return LlmError(f"The model at {host} took too long.", reason="timeout")
    if isinstance(error, openai.APIStatusError):
        return _status_failure(error, host)
    cause = error.__cause__ if isinstance(error, openai.APIConnectionError) else error
    if isinstance(cause, httpx2.DecodingError):
        return LlmError(f"The model at {host} sent what is no reply.", reason="bad_reply")
    if isinstance(cause, (httpx2.RemoteProtocolError, httpx2.ReadError)):
        return LlmError(f"The connection to the model at {host} broke.", reason="unreachable")
    if isinstance(error, (openai.APIConnectionError, httpx2.HTTPError, httpx2.InvalidURL, OSError)):
        return LlmError(f"The model at {host} can't be reached.", reason="unreachable")
    if isinstance(error, openai.APIError):
        return LlmError(f"The model at {host} ended in an error{_code(error)}.", reason="bad_reply")
    return LlmError(f"The model at {host} sent what is no reply.", reason="bad_reply")


def _status_failure(error: openai.APIStatusError, host: str) -> LlmError:
    status = error.status_code
    if status in (429, 503):
        after = retry_after(error.response.headers.get("retry-after", ""))
        return LlmError(f"The model at {host} has too much to do (HTTP {status}).", reason="busy", retry_after=after)
    if status >= 500 and status != 501:
        return LlmError(f"The model at {host} is broken (HTTP {status}).", reason="unreachable")
    if status in (401, 403):
        return LlmError(f"The model's server at {host} does not accept the key.", reason="refused", http_status=status)
    if 300 <= status < 400:
        return LlmError(f"{host} redirects to another address: set that one.", reason="refused")
    said = f"(HTTP {status}{_code(error)})"
    return LlmError(f"The model at {host} refused the request {said}.", reason="refused", http_status=status)


def _code(error: openai.APIError) -> str:
    found = next((word for word in (error.code, error.type) if isinstance(word, str) and _CODE.fullmatch(word)), "")
    return f": {found}" if found else ""


def retry_after(value: str) -> float:
    """Seconds that a Retry-After header asks for, as a number or a date; 0 where it is neither, a day at most."""
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(value).timestamp() - time.time()
        except (ValueError, TypeError, OverflowError):
            return 0.0
    return min(seconds, 86_400.0) if seconds > 0 else 0.0
