"""The gateway's double, and the script as cron runs it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.examples.double import KEY, Double, serving

SCRIPT = Path(__file__).parents[2] / "examples" / "toolscout_run.py"


@pytest.fixture
def double() -> Iterator[Double]:
    with serving() as found:
        yield found


@pytest.fixture
def begin() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """`begin(url, *args, key=KEY)`: the script at work, without any installed library."""
    started = []

    def run(url: str, *args: str, key: str = KEY) -> subprocess.Popen[str]:
        argv = [sys.executable, "-I", "-S", str(SCRIPT), "--base", url, "--every", "0.05", *args]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        started.append(subprocess.Popen(argv, env={"TOOLSCOUT_ADMIN_KEY": key}, **pipes))
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def go(begin: Callable[..., subprocess.Popen[str]]) -> Callable[..., tuple[int, str, str]]:
    """`go(url, *args, key=KEY)`: what the script ended with, and what it said."""

    def run(url: str, *args: str, key: str = KEY) -> tuple[int, str, str]:
        process = begin(url, *args, key=key)
        out, err = process.communicate(timeout=30)
        assert not key or key not in out + err
        return process.returncode, out, err

    return run
