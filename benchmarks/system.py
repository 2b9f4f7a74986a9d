"""Starts the real system, or the captured pages' server, for as long as a benchmark or a test needs it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil

from services.up import free_port

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"


@dataclass
class System:
    """A running `toolscout up`."""

    process: subprocess.Popen
    url: str
    data_dir: Path
    env: dict[str, str]
    lines: list[str] = field(default_factory=list)
    ready_s: float = 0.0

    @property
    def admin_key(self) -> str:
        line = next(line for line in self.lines if "admin key" in line)
        return line.split()[2]

    def client(self, **options: Any) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=330, trust_env=False, **options)

    def processes(self) -> list[psutil.Process]:
        """The supervisor and everything below it."""
        root = psutil.Process(self.process.pid)
        return [root, *root.children(recursive=True)]

    def command(self, *args: str) -> subprocess.CompletedProcess[str]:
        """Runs `toolscout ARGS` beside it."""
        argv = [sys.executable, "-m", "services.cli", *args]
        return subprocess.run(argv, cwd=ROOT, env=self.env, capture_output=True, text=True, timeout=300, check=False)

    def events(self, action: str = "") -> list[dict[str, Any]]:
        """The events logged so far, by all processes, in the order of time."""
        found = []
        for path in sorted((self.data_dir / "logs").glob("*.jsonl")):
            for line in path.read_bytes().splitlines():
                event = json.loads(line)
                if action in ("", event["event"].get("action")):
                    found.append(event)
        return sorted(found, key=lambda event: event["@timestamp"])


@contextmanager
def running(**settings: object) -> Iterator[System]:
    """`toolscout up` on a temporary data directory and a free port; settings by their name without TOOLSCOUT_."""
    with tempfile.TemporaryDirectory(prefix="toolscout-", ignore_cleanup_errors=True) as directory:
        env = {k: v for k, v in os.environ.items() if not k.startswith(("TOOLSCOUT_", "LLM_"))}
        env |= {"TOOLSCOUT_DATA_DIR": directory, "TOOLSCOUT_PORT": str(free_port()), "PYTHONUNBUFFERED": "1"}
        env |= {f"TOOLSCOUT_{name.upper()}": str(value) for name, value in settings.items()}
        start = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "services"],
            cwd=ROOT,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        url = f"http://127.0.0.1:{env['TOOLSCOUT_PORT']}"
        system = System(process, url, Path(env["TOOLSCOUT_DATA_DIR"]), env)
        try:
            _wait_until_ready(system)
            system.ready_s = time.perf_counter() - start
            yield system
        finally:
            stop(process)


def _wait_until_ready(system: System) -> None:
    assert system.process.stdout
    for line in system.process.stdout:
        system.lines.append(line.rstrip())
        if line.startswith("Ctrl-C"):
            break
    else:
        raise RuntimeError("the system did not start:\n" + "\n".join(system.lines))
    # Whatever it says later must not fill the pipe.
    threading.Thread(target=lambda: system.lines.extend(system.process.stdout or ()), daemon=True).start()


def stop(process: subprocess.Popen) -> None:
    """Ctrl-C, and after 15 s the end of it."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGINT)
    try:
        process.wait(timeout=15)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@dataclass
class Web:
    """The captured pages as a small web on loopback: rows {url, original_url, file, …}."""

    port: int
    rows: list[dict[str, Any]]

    @property
    def allow(self) -> str:
        """What TOOLSCOUT_ALLOW_HOSTS must say to let the crawler in."""
        return f"127.0.0.0/8:{self.port}"


@contextmanager
def captured_web(limit: int = 100_000) -> Iterator[Web]:
    """Runs ../shared/tools/serve_pages.py; FileNotFoundError where it is absent."""
    script = SHARED / "tools" / "serve_pages.py"
    if not script.exists():
        raise FileNotFoundError("../shared/tools/serve_pages.py is not there: the captured pages are needed")
    port = free_port()
    with tempfile.TemporaryDirectory() as directory:
        rows_file = Path(directory) / "map.jsonl"
        argv = [sys.executable, str(script), "--port", str(port), "--limit", str(limit), "--map", str(rows_file)]
        process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout
            for line in process.stdout:
                if line.startswith("READY"):
                    break
            rows = [json.loads(line) for line in rows_file.read_text(encoding="utf-8").splitlines()]
            yield Web(port, rows)
        finally:
            process.terminate()
            process.wait()
