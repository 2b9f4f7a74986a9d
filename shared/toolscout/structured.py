"""Replies in a form: the schema that a server is sent, the words that stand in for it, and reading what comes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, TypeVar

import json_repair
import openai
import pydantic

Form = TypeVar("Form", bound=pydantic.BaseModel)
# Of a reply at most so much is mended, and no heap of braces: mending takes time that grows with the square of either.
MAX_MENDED, MAX_BRACES = 8_000, 50


class Unreadable(ValueError):
    """A reply that does not fill in the form; the text says what is wrong, for the model to read."""


def response_format(form: type[pydantic.BaseModel]) -> dict[str, Any]:
    """The `response_format` of a form: every field is required and no other allowed, as strict servers insist."""
    # Officially openai makes such schemas for tools only; a tool's parameters are a form all the same.
    schema = openai.pydantic_function_tool(form)["function"]["parameters"]
    return {"type": "json_schema", "json_schema": {"name": form.__name__, "strict": True, "schema": schema}}


def in_words(form: type[pydantic.BaseModel]) -> str:
    """What a model is told where its server can't be told."""
    schema = json.dumps(_terse(form.model_json_schema()), ensure_ascii=False, separators=(",", ":"))
    return f"Answer with one JSON object of this schema and with nothing else: {schema}"


def _terse(schema: Any) -> Any:
    """Without titles, which only repeat the names. (The schema of a field called `title` is no string.)"""
    if isinstance(schema, list):
        return [_terse(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {key: _terse(value) for key, value in schema.items() if key != "title" or not isinstance(value, str)}


def is_json(reply: str) -> bool:
    """Whether a reply begins as a server with structured output makes it begin."""
    return reply.lstrip().startswith("{")


def read(reply: str, form: type[Form]) -> Form:
    """The form as the reply fills it in, be it in prose or slightly broken. Raises Unreadable."""
    wrong = "there is no JSON object of the schema in it"
    for found in _objects(reply):
        # Where every field has a default, any object would do.
        if not isinstance(found, dict) or not form.model_fields.keys() & found.keys():
            continue
        try:
            return form.model_validate(found)
        except pydantic.ValidationError as error:
            wrong = _first(error)
    raise Unreadable(wrong)


def _objects(reply: str) -> Iterator[Any]:
    """What may be the reply's object, the likeliest first."""
    decoder = json.JSONDecoder()
    start = reply.find("{")
    if start < 0:
        return
    for read_one in (decoder.raw_decode, _mended):
        try:
            yield read_one(reply, start)[0]
        except (ValueError, RecursionError):
            continue


def _mended(reply: str, start: int) -> tuple[Any, int]:
    part = reply[start : start + MAX_MENDED]
    if part.count("{") + part.count("[") > MAX_BRACES:
        raise ValueError("a heap of braces")
    found = json_repair.loads(part)
    # It makes a list of several objects.
    return (found[0] if isinstance(found, list) and found else found), start


def _first(error: pydantic.ValidationError) -> str:
    """`category: Input should be 'audio' or 'video'`."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"[:200]
