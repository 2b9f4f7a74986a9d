"""Who and what the current work is for; travels from the request through task headers into every log line."""

from __future__ import annotations

import asyncio
import contextvars
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


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


async def run_in(pool: Executor, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Runs blocking work in a pool, beside the event loop and in the caller's context, which threads don't inherit."""
    call = partial(contextvars.copy_context().run, function, *args, **kwargs)
    return await asyncio.get_running_loop().run_in_executor(pool, call)


def join(ab_group: str) -> None:
    """Adds the A/B group to the current context, from where it is decided to the end of the request."""
    _current.set(replace(_current.get(), ab_group=ab_group))


@contextmanager
def bound(context: Context) -> Iterator[None]:
    token = _current.set(context)
    try:
        yield
    finally:
        _current.reset(token)
