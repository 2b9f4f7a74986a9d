"""What the two arms are, as far as a visitor's answers depend on it: a difference opens a new experiment."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from toolscout.experiments import CANDIDATE, STABLE
from toolscout.settings import Settings

from services.gateway.prompt import rules

POINTERS = {STABLE: "stable_adapter", CANDIDATE: "finetuned_adapter"}


def describe_arms(settings: Settings) -> dict[str, dict[str, Any]] | None:
    """{stable|candidate: {endpoint, model, prompt, adapter}}, or None where there is no candidate.

    There is one while LLM_API_BASE_NEW_MODEL is set, and beside the embedded model once an adapter passed its gate.
    """
    embedded = settings.llm_mode == "embedded" and (settings.models_dir / POINTERS[CANDIDATE]).exists()
    if not settings.llm_api_base_new_model and not embedded:
        return None
    arms = {STABLE: _arm(settings, STABLE), CANDIDATE: _arm(settings, CANDIDATE)}
    if settings.llm_api_base_new_model:
        arms[CANDIDATE] |= {"endpoint": _shown(settings.llm_api_base_new_model), "model": settings.llm_model_new_model}
    return arms


def _arm(settings: Settings, arm: str) -> dict[str, Any]:
    mode = settings.llm_mode
    return {
        "endpoint": _shown(settings.llm_api_base) if mode == "external" else mode,
        "model": settings.llm_model if mode == "external" else "",
        "prompt": rules()[1],
        "adapter": adapter(settings, arm) if mode == "embedded" else None,
    }


def adapter(settings: Settings, arm: str) -> str | None:
    """The id of the adapter that an embedded arm serves: the name of the directory that its pointer leads to."""
    pointer = settings.models_dir / POINTERS[arm]
    if pointer.is_file():
        return pointer.read_text(encoding="utf-8").strip().rpartition("/")[2] or None
    return pointer.resolve().name if pointer.exists() else None


def _shown(url: str) -> str:
    """Without credentials."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
