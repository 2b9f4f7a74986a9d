"""Fixtures of the tests that ask a language model's server."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

import pytest
from toolscout import llm
from toolscout.events import LlmCalled
from toolscout.settings import Settings

from tests.llm_faults import LlmServer


@pytest.fixture
def server() -> Iterator[LlmServer]:
    with LlmServer() as server:
        yield server


@pytest.fixture
def quick(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings under which a test need not wait."""
    monkeypatch.setattr(llm, "FIRST_PAUSE_S", 0.02)
    return settings.model_copy(update={"llm_first_token_seconds": 1.5, "llm_seconds": 2.0})


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Callable[[], list[LlmCalled]]:
    caplog.set_level(logging.DEBUG)
    return lambda: [r.toolscout_event for r in caplog.records if hasattr(r, "toolscout_event")]
