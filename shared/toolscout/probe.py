"""Whether a language model can be used, said in one line with what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pydantic

from toolscout.endpoints import CANDIDATE, Endpoint
from toolscout.errors import LlmError
from toolscout.replies import host_of

if TYPE_CHECKING:
    from toolscout.llm import Client

# Room for the thoughts of a model that thinks first; ours doesn't, and may ramble.
TOKENS, EMBEDDED_TOKENS = 300, 40
SHOWN = 5
ASKED = [{"role": "user", "content": "Name a colour, as JSON."}]


class Colour(pydantic.BaseModel):
    colour: str


async def probe(client: Client, structured: bool = True) -> str:
    """Empty where all is well. With `structured` the model is asked something, too, which loads it where need be."""
    where = client.endpoint
    try:
        wrong = _missing(await client.listed(), where)
    except LlmError as error:
        # Some servers have no list; a model that was named can be asked all the same.
        unlisted = error.extra.get("http_status") in (404, 405, 501) and where.model
        wrong = "" if unlisted else _told(error, where)
    if wrong or not structured:
        return wrong
    try:
        tokens = EMBEDDED_TOKENS if where.embedded else TOKENS
        works = await client.has_structured_output(ASKED, Colour, tokens)
    except LlmError as error:
        return _told(error, where)
    without = "no structured output (json_schema): forms are asked for in words, which small models fill in worse"
    return "" if works else f"The model at {host_of(where.base)} has {without}."


def _missing(listed: list[str], where: Endpoint) -> str:
    host, name = host_of(where.base), _setting("LLM_MODEL", where)
    if not listed:
        return f"{host} has no model: load one there."
    # Ollama's names end in a tag that may be left out.
    if not where.model or {where.model, f"{where.model}:latest"} & set(listed):
        return ""
    more = ", …" if len(listed) > SHOWN else ""
    return f"{host} has no model {where.model}: load it there, or set {name} to {', '.join(listed[:SHOWN])}{more}."


def _told(error: LlmError, where: Endpoint) -> str:
    return f"{error.detail} {_remedy(error, where)}"


def _remedy(error: LlmError, where: Endpoint) -> str:
    base, status = _setting("LLM_API_BASE", where), error.extra.get("http_status")
    if where.embedded:
        return "`toolscout up` starts it; what it says is in its file among the logs."
    if status in (401, 403):
        return f"Set {_setting('LLM_API_KEY', where)}."
    if status == 404:
        return f"Check {base}, which mostly ends in /v1, and {_setting('LLM_MODEL', where)}."
    if error.reason == "unreachable":
        return f"Start its server, or correct {base}; from a container this machine is host.docker.internal."
    if error.reason == "timeout":
        return "It may still be loading its model; TOOLSCOUT_LLM_FIRST_TOKEN_SECONDS is how long it may take."
    if error.reason == "busy":
        return "Try again in a minute."
    return f"Check {base}, which mostly ends in /v1."


def _setting(name: str, where: Endpoint) -> str:
    return f"{name}_NEW_MODEL" if where.arm == CANDIDATE else name
