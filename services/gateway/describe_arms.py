"""What the two arms are, as far as a visitor's answers depend on it: a difference opens a new experiment."""

from __future__ import annotations

from typing import Any

from toolscout import query_adapter
from toolscout.adapters import POINTERS, find
from toolscout.domain import CANDIDATE, STABLE
from toolscout.endpoints import deployed, has_own_model
from toolscout.prompts.answer import rules
from toolscout.settings import Settings


def describe_arms(settings: Settings) -> dict[str, dict[str, Any]] | None:
    """{stable|candidate: {endpoint, model, prompt, adapter, query_adapter}}, or None where there is no candidate.

    There is one while LLM_API_BASE_NEW_MODEL is set, and while an adapter that passed its gate is no other's.
    """
    arms = {STABLE: _arm(settings, STABLE), CANDIDATE: _arm(settings, CANDIDATE)}
    if settings.llm_api_base_new_model:
        own = {"endpoint": settings.llm_api_base_new_model, "model": settings.llm_model_new_model, "adapter": None}
        arms[CANDIDATE] |= own
    elif arms[STABLE] == arms[CANDIDATE]:
        return None
    return arms


def _arm(settings: Settings, arm: str) -> dict[str, Any]:
    mode = settings.llm_mode
    asked = arm if arm == STABLE or has_own_model(settings) else STABLE
    served = deployed(settings, asked)
    base, model = (served.base, served.model) if served else (settings.llm_api_base, settings.llm_model)
    ranked = query_adapter.find(settings.models_dir, arm)
    return {
        "endpoint": base if mode == "external" else mode,
        "model": model if mode == "external" else "",
        "prompt": rules()[1],
        "adapter": _adapter(settings, asked) if served or mode == "embedded" else None,
        "query_adapter": ranked.id if ranked else None,
    }


def _adapter(settings: Settings, arm: str) -> str | None:
    """The id of the adapter that an arm's pointer names."""
    pointer = settings.models_dir / POINTERS[arm]
    found = find(pointer) if pointer.exists() else None
    return found.id if found else None
