"""Who and what the current work is for; travels from the request through task headers into every log line."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Context:
    trace_id: str = ""
    session_id: str = ""
    ab_group: str = ""

    def headers(self) -> dict[str, str]:
        """What a task message carries."""
        return {f"toolscout_{name}": value for name, value in asdict(self).items() if value}

    @classmethod
    def from_headers(cls, headers: dict) -> Context:
        names = ("trace_id", "session_id", "ab_group")
        return cls(**{name: str(headers.get(f"toolscout_{name}") or "") for name in names})


_current: ContextVar[Context] = ContextVar("toolscout_context", default=Context())  # noqa: B039 - frozen


def current() -> Context:
    return _current.get()


def new_trace_id() -> str:
    """128 random bits in hex, the form of W3C trace context."""
    return secrets.token_hex(16)


@contextmanager
def bound(context: Context) -> Iterator[None]:
    token = _current.set(context)
    try:
        yield
    finally:
        _current.reset(token)
