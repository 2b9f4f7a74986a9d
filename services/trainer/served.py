"""Serves an adapter, or the base alone, as the system would: its own process with its own pointer, for a while."""

from __future__ import annotations

import http.client
import importlib.util
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
from toolscout.adapters import POINTERS
from toolscout.domain import CANDIDATE, STABLE
from toolscout.endpoints import Endpoint
from toolscout.errors import ToolscoutError
from toolscout.settings import Settings

from services.supervise import Child

NEEDED = ("services.llm", "xllamacpp")
READY_S, LOOK_S, STOP_S, HEALTH_S = 90.0, 0.05, 10.0, 10.0


class NotServed(ToolscoutError):
    """What is to be measured can't be asked: nothing is known of it, and so it may not serve."""

    status, reason, title = 409, "not_served", "The adapter is not served, so that the gate can't run"


class BrokenAdapter(ToolscoutError):
    status, reason, title = 422, "adapter_broken", "The adapter can't be loaded"
    remedy = "Train it again: toolscout train --step finetune_model"


@dataclass(frozen=True, slots=True)
class Served:
    """A model that answers at `endpoint`. `error` says why it does without the adapter that it was given."""

    endpoint: Endpoint
    model: str
    error: str = ""


@contextmanager
def served(settings: Settings, adapter: Path | None) -> Iterator[Served]:
    """The embedded model with the adapter of a folder, or with none, until the block ends. Raises NotServed.

    An adapter that can't be loaded is told by `error`: the server goes on with the base, as it would for visitors.
    """
    absent = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if absent:
        raise NotServed(
            f"{', '.join(absent)} is not installed here.", remedy="Run this step where the model is served."
        )
    arm = CANDIDATE if adapter else STABLE
    with tempfile.TemporaryDirectory(prefix="toolscout-served-", ignore_cleanup_errors=True) as directory:
        here = Settings(
            _env_file=None, data_dir=Path(directory) / "data", models_dir=Path(directory) / "models", log_stdout=False
        )
        here.models_dir.mkdir()
        if adapter:
            (here.models_dir / POINTERS[arm]).symlink_to(adapter.resolve())
        child = Child(
            "llm-gate", [sys.executable, "-m", "services.llm", arm], _environment(settings, here), _errors(here)
        )
        child.start()
        try:
            base = _address(child, here.llm_file(arm))
            health = _health(base)
            error = str(health.get("error") or "")
            if not error and health.get("adapter") != (adapter.resolve().name if adapter else None):
                error = f"the server answers with {health.get('model')}"
            yield Served(Endpoint(arm, base, embedded=True), str(health["model"]), error)
        finally:
            _end(child)


def _errors(here: Settings) -> Path:
    return here.run_dir / "llm.stderr"


def _environment(settings: Settings, here: Settings) -> Mapping[str, str]:
    return os.environ | {
        "TOOLSCOUT_DATA_DIR": str(here.data_dir),
        "TOOLSCOUT_MODELS_DIR": str(here.models_dir),
        "TOOLSCOUT_LLM_CONTEXT": str(settings.llm_context),
        "TOOLSCOUT_LOG_STDOUT": "0",
    }


def _address(child: Child, file: Path) -> str:
    """Where it answers, once it has loaded what it was given."""
    until = time.monotonic() + READY_S
    while time.monotonic() < until:
        if not child.alive:
            raise NotServed(f"The model's server did not start: {child.last_words(3)}", remedy="See what it says.")
        if file.exists():
            return file.read_text(encoding="utf-8").strip()
        time.sleep(LOOK_S)
    raise NotServed(f"The model's server was not ready within {READY_S:.0f} s.", remedy="Try again on a quiet machine.")


def _health(base: str) -> dict[str, Any]:
    # http.client, because urllib would ask a proxy.
    connection = http.client.HTTPConnection(urlsplit(base).netloc, timeout=HEALTH_S)
    try:
        connection.request("GET", "/health")
        return orjson.loads(connection.getresponse().read())
    finally:
        connection.close()


def _end(child: Child) -> None:
    child.ask_to_end()
    until = time.monotonic() + STOP_S
    while child.alive and time.monotonic() < until:
        time.sleep(LOOK_S)
    child.kill()
