"""Who is served when: one request runs, a few wait, and answers go before background work."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from dataclasses import dataclass, field

from toolscout.errors import ToolscoutError

from services.llm.wire import Busy, ChatRequest, Piece, Preempted, Stopping

# Seconds of the first request, before any was timed.
GUESS_S, RECENT = 3.0, 20


@dataclass(eq=False)
class Job:
    """One request. `said` gets what the model writes, then its end: None, or why it ended early."""

    request: ChatRequest
    background: bool = False
    said: asyncio.Queue[Piece | ToolscoutError | None] = field(default_factory=asyncio.Queue)
    stopped: ToolscoutError | None = None
    model: str = ""


class Line:
    """Belongs to the event loop: no method may be called from another thread."""

    def __init__(self, may_wait: int) -> None:
        self.places = 1 + may_wait
        self.waiting: list[Job] = []
        self.running: Job | None = None
        self.seconds = deque([GUESS_S], maxlen=RECENT)
        self.arrived = asyncio.Event()
        self.closed = False

    def join(self, job: Job) -> None:
        """Takes a job in: an answer stops what runs in the background, or takes its place. Raises Busy, Stopping."""
        if self.closed:
            raise Stopping()
        self._make_room(job)
        answers = sum(not other.background for other in self.waiting)
        self.waiting.insert(len(self.waiting) if job.background else answers, job)
        if not job.background and self.running and self.running.background:
            self.stop(self.running, self._preempted())
        self.arrived.set()

    def _make_room(self, job: Job) -> None:
        inside = [other for other in (self.running, *self.waiting) if other and not other.stopped]
        if len(inside) < self.places:
            return
        last = inside[-1]
        if job.background or not last.background:
            raise Busy(f"{len(self.waiting)} requests wait already.", retry_after=self.wait_s)
        self.stop(last, self._preempted())

    def _preempted(self) -> Preempted:
        return Preempted(retry_after=self.wait_s)

    @property
    def wait_s(self) -> int:
        """Seconds until a place is likely to be free, from the mean of the last requests."""
        return max(1, math.ceil(sum(self.seconds) / len(self.seconds) * max(1, len(self.waiting))))

    def stop(self, job: Job, reason: ToolscoutError) -> None:
        """Ends a job early, whether it waits or runs; nothing happens where it has ended."""
        if job.stopped:
            return
        job.stopped = reason
        if job in self.waiting:
            self.waiting.remove(job)
        job.said.put_nowait(reason)

    async def next(self) -> Job | None:
        """Whose turn it is, until `done`; None once the line is closed."""
        while not self.waiting:
            if self.closed:
                return None
            self.arrived.clear()
            await self.arrived.wait()
        self.running = self.waiting.pop(0)
        return self.running

    def done(self, seconds: float) -> None:
        """What ran has ended, after so long; what was stopped says nothing about how long others take."""
        if self.running and not self.running.stopped:
            self.seconds.append(seconds)
        self.running = None

    def close(self) -> None:
        """Ends all: the server stops."""
        self.closed = True
        for job in [*self.waiting, *filter(None, [self.running])]:
            self.stop(job, Stopping())
        self.arrived.set()
