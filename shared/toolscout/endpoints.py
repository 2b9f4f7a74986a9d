"""Where the language models of the two arms are: what the settings say, or what the embedded servers noted."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pydantic import SecretStr

from toolscout.adapters import POINTERS
from toolscout.domain import CANDIDATE, STABLE
from toolscout.settings import Settings

NO_KEY = SecretStr("")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An OpenAI-compatible server; `base` ends in /v1. Without `model`, the first that the server lists is meant."""

    arm: str
    base: str
    model: str = ""
    key: SecretStr = NO_KEY
    embedded: bool = False


def has_own_model(settings: Settings) -> bool:
    """Whether the candidate's answers come from another model than stable's, and not only from another ranking."""
    embedded = settings.llm_mode == "embedded" and (settings.models_dir / POINTERS[CANDIDATE]).exists()
    return bool(settings.llm_api_base_new_model) or embedded


def endpoint(settings: Settings, arm: str) -> Endpoint | None:
    """The arm's endpoint, or None: the models are off, or the embedded server is not up.

    A candidate without a model of its own is answered by stable's.
    """
    if settings.llm_mode == "off":
        return None
    if arm == CANDIDATE and not has_own_model(settings):
        stable = endpoint(settings, STABLE)
        return replace(stable, arm=CANDIDATE) if stable else None
    if arm == CANDIDATE and settings.llm_api_base_new_model:
        key = settings.llm_api_key_new_model
        key = key if key.get_secret_value() else settings.llm_api_key
        return Endpoint(arm, settings.llm_api_base_new_model, settings.llm_model_new_model, key)
    if settings.llm_mode == "embedded":
        return _embedded(settings, arm)
    if arm == STABLE:
        return Endpoint(arm, settings.llm_api_base, settings.llm_model, settings.llm_api_key)
    return None


def _embedded(settings: Settings, arm: str) -> Endpoint | None:
    try:
        base = settings.llm_file(arm).read_text(encoding="utf-8").strip()
    except OSError:
        return None
    return Endpoint(arm, base, embedded=True) if base else None
