"""A circuit breaker: who has failed several times in a row is left alone for a while, then tried once."""

from __future__ import annotations

import time
from dataclasses import dataclass

FAILURES = 3
PAUSE_S = 10.0


@dataclass(slots=True)
class Breaker:
    """`allow` before a call, then `succeeded` or `failed`. While open one call in PAUSE_S is let through as a probe."""

    failures: int = 0
    open_until: float = 0.0

    def allow(self) -> bool:
        if self.failures < FAILURES:
            return True
        now = time.monotonic()
        if now < self.open_until:
            return False
        self.open_until = now + PAUSE_S
        return True

    def succeeded(self) -> None:
        self.failures = 0

    def failed(self) -> None:
        self.failures += 1
        if self.failures >= FAILURES:
            self.open_until = time.monotonic() + PAUSE_S


_breakers: dict[str, Breaker] = {}


def breaker_of(base: str) -> Breaker:
    """One for each endpoint in this process, whoever calls it."""
    return _breakers.setdefault(base, Breaker())
