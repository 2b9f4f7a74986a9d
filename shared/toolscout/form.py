"""The form that a language model fills in about a tool, and what of its entries the page bears out."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import pydantic

from toolscout.categories import speaks_of_category
from toolscout.domain import CATEGORIES, Fact, Pricing
from toolscout.offers import speaks_of_price
from toolscout.platforms import PLATFORMS, speaks_of_platform
from toolscout.support import support
from toolscout.untrusted import instructs

# What a page says nearly in these words; a translation shares only names and numbers with it.
SAID, TRANSLATED = 0.6, 0.5
# Below what the page's own statements have: the surest of a model's entries is less sure than they.
SURE = 0.4
SUMMARY_CHARS, ITEM_CHARS, ITEMS = (20, 300), (3, 80), 8
NAME_CHARS = 120
_CJK = re.compile(r"[\u3041-\u30ff\u3400-\u9fff\uac00-\ud7a3]")


def _one_of(names: tuple[str, ...]) -> Any:
    return Literal.__getitem__(names)


# In this order they are asked for.
_TYPES: dict[str, Any] = {
    "name": (str | None, None),
    "summary": (str | None, None),
    "summary_en": (str | None, None),
    "category": (_one_of(CATEGORIES) | None, None),
    "pricing": (_one_of(tuple(map(str, Pricing))) | None, None),
    "platforms": (list[_one_of(PLATFORMS)], []),  # type: ignore[misc]
    "features": (list[str], []),
    "use_cases": (list[str], []),
}
FIELDS = tuple(_TYPES)


def form(missing: list[str]) -> type[pydantic.BaseModel]:
    """A form with the missing fields only: a short one is filled in faster and better."""
    return pydantic.create_model("Tool", **{name: _TYPES[name] for name in missing})


@dataclass(slots=True)
class Verdict:
    """Entries that the page bears out, by field, and how many it does not."""

    facts: dict[str, Fact] = field(default_factory=dict)
    refused: int = 0


def judge_entries(filled: pydantic.BaseModel, text: str, model: str) -> Verdict:
    """Keeps an entry only where the page's text speaks for it, so that no field gets worse by asking a model."""
    found = Verdict()
    for name, value in filled.model_dump().items():
        if not value:
            continue
        kept = _CHECKS[name](value, text)
        if kept:
            found.facts[name] = Fact(kept, f"llm:{model}", SURE)
        else:
            found.refused += 1
    return found


def _name(value: str, text: str) -> str | None:
    value = " ".join(value.split())
    fits = 0 < len(value) <= NAME_CHARS and not instructs(value)
    return value if fits and value.casefold() in " ".join(text.split()).casefold() else None


def _summary(value: str, text: str) -> str | None:
    value = " ".join(value.split())
    fits = SUMMARY_CHARS[0] <= len(value) <= SUMMARY_CHARS[1] and not instructs(value)
    return value if fits and support(value, text) >= SAID else None


def _summary_en(value: str, text: str) -> str | None:
    value = " ".join(value.split())
    fits = SUMMARY_CHARS[0] <= len(value) <= SUMMARY_CHARS[1] and not _CJK.search(value) and not instructs(value)
    needed = TRANSLATED if _CJK.search(text) else SAID
    return value if fits and support(value, text) >= needed else None


def _items(values: list[str], text: str) -> list[str]:
    lines = dict.fromkeys(" ".join(value.split()) for value in values)
    fitting = (line for line in lines if ITEM_CHARS[0] <= len(line) <= ITEM_CHARS[1] and not instructs(line))
    return [line for line in fitting if support(line, text) >= SAID][:ITEMS]


_CHECKS: dict[str, Callable[[Any, str], Any]] = {
    "name": _name,
    "summary": _summary,
    "summary_en": _summary_en,
    "category": lambda value, text: value if speaks_of_category(value, text) else None,
    "pricing": lambda value, text: value if speaks_of_price(text) else None,
    "platforms": lambda values, text: [value for value in values if speaks_of_platform(value, text.lower())],
    "features": _items,
    "use_cases": _items,
}
