"""Runs processes side by side: starts a crashed one again, ends all together."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from toolscout import events, logs

# Seconds before a crashed process starts again: doubled with each crash in a row.
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0
# Whoever ran so long before it crashed did start: the next pause is the first again.
STEADY_S = 10.0
# Whoever has not ended this long after being asked is killed: every lease survives that.
PATIENCE_S = 6.0
_PR_SET_PDEATHSIG = 1


@dataclass
class Child:
    """One process; `argv` is started again whenever it ends. Its stderr goes to `stderr`, kept from one start only."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    stderr: Path
    stdin: str = ""
    process: subprocess.Popen | None = field(default=None, repr=False)
    crashes: int = 0
    started_at: float = 0.0
    start_at: float = 0.0

    def start(self) -> None:
        self.stderr.parent.mkdir(parents=True, exist_ok=True)
        self.started_at = time.monotonic()
        with self.stderr.open("wb") as errors:
            self.process = subprocess.Popen(
                self.argv,
                env=dict(self.env),
                stdin=subprocess.PIPE if self.stdin else subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                start_new_session=True,  # Ctrl-C comes to us alone, and we end them in order
                preexec_fn=_end_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509 - one system call
            )
        if self.stdin and self.process.stdin:
            with contextlib.suppress(OSError):
                self.process.stdin.write(self.stdin.encode())
                self.process.stdin.close()

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def last_words(self, lines: int = 15) -> str:
        try:
            return "\n".join(self.stderr.read_text(errors="replace").splitlines()[-lines:])
        except OSError:
            return ""

    def ask_to_end(self) -> None:
        if self.process and self.alive:
            self.process.terminate()

    def kill(self) -> None:
        """The process and whatever it forked."""
        if self.process:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


class Supervisor:
    """Watches children. `say` gets a line for people when something happens."""

    def __init__(self, children: Sequence[Child], say: Callable[[str], None] = print) -> None:
        self.children = list(children)
        self.say = say

    def start(self) -> None:
        for child in self.children:
            child.start()

    def watch(self) -> None:
        """One look at each child; call it a few times a second."""
        now = time.monotonic()
        for child in self.children:
            if child.alive:
                if child.crashes and now - child.started_at > STEADY_S:
                    child.crashes = 0
            elif child.start_at == 0.0:
                self._note_end(child, now)
            elif now >= child.start_at:
                child.start_at = 0.0
                child.start()

    def _note_end(self, child: Child, now: float) -> None:
        code = child.process.returncode if child.process else None
        child.kill()  # what it forked must not live on beside its successor
        pause = min(FIRST_PAUSE_S * 2**child.crashes, LONGEST_PAUSE_S)
        child.crashes += 1
        child.start_at = now + pause
        logs.emit(events.ProcessEnded(process=child.name, exit_code=code))
        self.say(f"{child.name} ended with {code}; it starts again in {pause:.1f} s")
        if words := child.last_words():
            self.say(words)

    def stop(self, last: Sequence[str] = ()) -> None:
        """Ends all within PATIENCE_S, those named in `last` after the others."""
        for group in (
            [c for c in self.children if c.name not in last],
            [c for c in self.children if c.name in last],
        ):
            for child in group:
                child.ask_to_end()
            until = time.monotonic() + PATIENCE_S
            while any(child.alive for child in group) and time.monotonic() < until:
                time.sleep(0.05)
            for child in group:
                child.kill()


# Looked up before any fork: after it, next to nothing is safe while other threads exist.
_prctl = getattr(ctypes.CDLL(None), "prctl", None)


def _end_with_parent() -> None:
    # If we are killed outright, the kernel ends the children: nobody else is left to do it.
    if _prctl:
        _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
