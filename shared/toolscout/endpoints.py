"""Where the language models of the two arms are: what the settings say, or what the embedded servers noted."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import SecretStr

from toolscout.adapters import POINTERS, find
from toolscout.domain import CANDIDATE, STABLE
from toolscout.settings import Settings

NO_KEY = SecretStr("")
# In an adapter's folder: where a server that is not ours has it, {endpoint, model, beside}.
SERVED, NOTED = "served.json", ("endpoint", "model", "beside")


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
    if settings.llm_api_base_new_model:
        return True
    embedded = settings.llm_mode == "embedded" and (settings.models_dir / POINTERS[CANDIDATE]).exists()
    return embedded or deployed(settings, CANDIDATE) is not None


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
        key = key_of(settings, settings.llm_api_base_new_model, arm)
        return Endpoint(arm, settings.llm_api_base_new_model, settings.llm_model_new_model, key)
    if settings.llm_mode == "embedded":
        return _embedded(settings, arm)
    return deployed(settings, arm) or Endpoint(arm, settings.llm_api_base, settings.llm_model, settings.llm_api_key)


def key_of(settings: Settings, base: str, arm: str = STABLE) -> SecretStr:
    """What a server is shown: the candidate's own key where it has one and is not asked at LLM_API_BASE."""
    key = settings.llm_api_key_new_model
    own = arm == CANDIDATE or base != settings.llm_api_base
    return key if own and key.get_secret_value() else settings.llm_api_key


def deployed(settings: Settings, arm: str) -> Endpoint | None:
    """Where a server has the adapter that the arm's pointer names, under a name of its own.

    None once LLM_API_BASE is another than at the deployment: whoever sets it means the server that it names.
    """
    told = noted(settings.models_dir / POINTERS[arm]) if settings.llm_mode == "external" else None
    if told is None or told["beside"] != settings.llm_api_base:
        return None
    return Endpoint(arm, told["endpoint"], told["model"], key_of(settings, told["endpoint"]))


def noted(pointer: Path) -> dict[str, str] | None:
    """{endpoint, model, beside} of the adapter that a pointer names; None where there is none, or it is unreadable."""
    found = find(pointer, SERVED)
    try:
        told = json.loads(found.file.read_bytes()) if found else None
    except (OSError, ValueError):
        return None
    if not isinstance(told, dict) or not all(isinstance(told.get(name), str) for name in NOTED):
        return None
    return {name: told[name] for name in NOTED}


def note(adapter: Path, base: str, model: str, settings: Settings) -> None:
    """Writes down where a server has an adapter; it counts once a pointer names the adapter."""
    new = adapter / f".{SERVED}.new"
    new.write_text(json.dumps({"endpoint": base, "model": model, "beside": settings.llm_api_base}), encoding="utf-8")
    new.replace(adapter / SERVED)


def _embedded(settings: Settings, arm: str) -> Endpoint | None:
    try:
        base = settings.llm_file(arm).read_text(encoding="utf-8").strip()
    except OSError:
        return None
    return Endpoint(arm, base, embedded=True) if base else None
