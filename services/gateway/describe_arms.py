"""What the two arms are, as far as a visitor's answers depend on it: a difference opens a new experiment."""

from __future__ import annotations

from typing import Any

from toolscout.adapters import POINTERS, find
from toolscout.domain import CANDIDATE, STABLE
from toolscout.prompts.answer import rules
from toolscout.settings import Settings


def describe_arms(settings: Settings) -> dict[str, dict[str, Any]] | None:
    """{stable|candidate: {endpoint, model, prompt, adapter}}, or None where there is no candidate.

    There is one while LLM_API_BASE_NEW_MODEL is set, and beside the embedded model once an adapter passed its gate.
    """
    embedded = settings.llm_mode == "embedded" and (settings.models_dir / POINTERS[CANDIDATE]).exists()
    if not settings.llm_api_base_new_model and not embedded:
        return None
    arms = {STABLE: _arm(settings, STABLE), CANDIDATE: _arm(settings, CANDIDATE)}
    if settings.llm_api_base_new_model:
        arms[CANDIDATE] |= {"endpoint": settings.llm_api_base_new_model, "model": settings.llm_model_new_model}
    return arms


def _arm(settings: Settings, arm: str) -> dict[str, Any]:
    mode = settings.llm_mode
    return {
        "endpoint": settings.llm_api_base if mode == "external" else mode,
        "model": settings.llm_model if mode == "external" else "",
        "prompt": rules()[1],
        "adapter": _adapter(settings, arm) if mode == "embedded" else None,
    }


def _adapter(settings: Settings, arm: str) -> str | None:
    """The id of the adapter that an embedded arm serves."""
    pointer = settings.models_dir / POINTERS[arm]
    found = find(pointer) if pointer.exists() else None
    return found.id if found else None
