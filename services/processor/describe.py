"""One record per tool, merged from what the pages of its site state; each field remembers where it was read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from toolscout.domain import CATEGORIES, Pricing
from toolscout.text import clean

LISTS = ("platforms", "languages")
# Lists that one page makes: two pages would say the same in other words.
PHRASES = ("features", "use_cases")
MAX_NAME, MAX_SUMMARY, MAX_PHRASE, MAX_PHRASES = 120, 400, 120, 8
_ENGLISH = re.compile(r"[\x20-\u024f\u2010-\u2122]*")


def describe(site: str, pages: Sequence[sa.Row], llm_facts: dict[str, dict] | None = None) -> dict[str, Any]:
    """Values of the tool's row. `pages` (id, url, title, language, facts) in order of rank, the landing page first.

    Depends on the pages alone, not on the order in which they were read. A list gathers what all pages state; any
    other field is taken where it is surest, the earlier page winning a tie. `llm_facts`, what a language model said,
    only fill what no page states.
    """
    best = {name: _best(name, pages) for name in ("name", "summary", "category", "pricing", *PHRASES)}
    best["summary_en"] = _in_english(best["summary"], pages)
    best |= {name: _filled(fact) for name, fact in (llm_facts or {}).items() if best.get(name) == (None, None)}
    lists = {name: _all(name, pages) for name in LISTS}
    if not lists["platforms"][0] and "platforms" in (llm_facts or {}):
        lists["platforms"] = _filled((llm_facts or {})["platforms"])
    sources = {name: source for name, (_, source) in (best | lists).items() if source}
    if not lists["languages"][0]:
        lists["languages"] = (_page_languages(pages), None)
        sources["languages"] = {"source": "text", "confidence": 0.5, "page_id": pages[0].id if pages else None}
    return {
        "url": pages[0].url if pages else "",
        "name": _text(best["name"][0], MAX_NAME) or site,
        "summary": _text(best["summary"][0], MAX_SUMMARY),
        "summary_en": _text(best["summary_en"][0], MAX_SUMMARY),
        **{name: [_text(item, MAX_PHRASE) for item in _listed(best[name][0] or [])][:MAX_PHRASES] for name in PHRASES},
        "category": best["category"][0] if best["category"][0] in CATEGORIES else "other",
        "pricing": best["pricing"][0] if best["pricing"][0] in set(Pricing) else None,
        **{name: lists[name][0] for name in LISTS},
        "sources": sources,
    }


def _best(name: str, pages: Sequence[sa.Row]) -> tuple[Any, dict | None]:
    """The surest fact. Name and summary are the landing page's, where it has any: other pages speak of other things."""
    found: tuple[Any, dict | None] = (None, None)
    surest = 0.0
    for page in pages:
        fact = (page.facts or {}).get(name)
        if fact and fact["value"] and fact["confidence"] > surest:
            found, surest = (fact["value"], _source(fact, page)), fact["confidence"]
            if name in ("name", "summary"):
                break
    return found


def _in_english(summary: tuple[Any, dict | None], pages: Sequence[sa.Row]) -> tuple[Any, dict | None]:
    """The summary, where it is English already."""
    english = bool(pages) and (pages[0].language or "en") == "en" and bool(_ENGLISH.fullmatch(str(summary[0] or "")))
    return summary if english and summary[0] else (None, None)


def _filled(fact: dict) -> tuple[Any, dict]:
    return fact["value"], {"source": fact["source"], "confidence": fact["confidence"], "page_id": None}


def _all(name: str, pages: Sequence[sa.Row]) -> tuple[list[str], dict | None]:
    values: set[str] = set()
    source = None
    for page in pages:
        fact = (page.facts or {}).get(name)
        if fact and fact["value"]:
            values |= {str(value) for value in _listed(fact["value"])}
            source = source or _source(fact, page)
    return sorted(values), source


def _listed(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list) else [value]


def _source(fact: dict, page: sa.Row) -> dict:
    return {"source": fact["source"], "confidence": fact["confidence"], "page_id": page.id}


def _page_languages(pages: Sequence[sa.Row]) -> list[str]:
    return sorted({page.language for page in pages if page.language})


def _text(value: Any, limit: int) -> str:
    text = " ".join(clean(str(value or "")).split())
    return text if len(text) <= limit else text[: limit - 1].rsplit(" ", 1)[0] + "…"
