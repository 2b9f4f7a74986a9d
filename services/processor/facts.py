"""What a page says of its tool: name, summary, category, price, platforms; and whether it is a tool's page at all."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from toolscout.domain import Extracted, Fact
from toolscout.platforms import PLATFORMS, speaks_of_platform

from services.processor.category import category_of
from services.processor.features import features_of, use_cases_of
from services.processor.names import name_of
from services.processor.price import price_of
from services.processor.structured import ARTICLES, TOOLS, PageData

SUMMARY_CHARS = 300
# Characters of visible text that name what a page is about.
LEAD_CHARS = 3000
# Where a page states no description: its first line of some length that has a sentence's end.
LEAD_LINES, MIN_SENTENCE = 30, 60
_SENTENCE = re.compile(r"[.!?。](?:\s|$)|(?:다|요)\.")


def facts_of(data: PageData, text: str, language: str) -> dict[str, Fact]:
    """The facts of a page, each from the surest place that states it."""
    lead = text[:LEAD_CHARS]
    found = {
        "name": name_of(data, lead),
        "summary": next(_summaries(data, text), None),
        "category": category_of(data, lead),
        "pricing": price_of(data, lead, text),
        "platforms": _platforms(data, lead),
        "languages": Fact([language], "text", 0.5) if language else None,
        "image": _image(data),
        "features": features_of(data),
        "use_cases": use_cases_of(data),
    }
    return {name: fact for name, fact in found.items() if fact is not None}


def _summaries(data: PageData, text: str) -> Iterator[Fact]:
    stated = data.tool.get("description")
    if isinstance(stated, str) and stated.strip():
        yield Fact(_short(stated), data.tool_source, 0.9)
    if data.description:
        metas = {text: name for name, text in reversed(data.metas.items())}
        name = metas.get(data.description)
        source = "json-ld" if name is None else "opengraph" if name.startswith("og:") else "meta"
        yield Fact(_short(data.description), source, 0.8)
    lines = [line for line in text.splitlines()[:LEAD_LINES] if len(line) > MIN_SENTENCE]
    sentence = next((line for line in lines if _SENTENCE.search(line)), lines[0] if lines else "")
    if sentence:
        yield Fact(_short(sentence), "text", 0.4)


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= SUMMARY_CHARS else text[:SUMMARY_CHARS].rsplit(" ", 1)[0] + "…"


def _platforms(data: PageData, lead: str) -> Fact | None:
    stated = str(data.tool.get("operatingSystem", "")).lower()
    named = [name for name in PLATFORMS if name in stated or speaks_of_platform(name, stated)] if stated else []
    if named:
        return Fact(named, data.tool_source, 0.9)
    text = lead.lower()
    written = [name for name in PLATFORMS if speaks_of_platform(name, text)]
    return Fact(written, "text", 0.4) if written else None


def _image(data: PageData) -> Fact | None:
    url = data.metas.get("og:image") or data.metas.get("twitter:image", "")
    return Fact(url, "opengraph", 0.8) if url.startswith(("http://", "https://")) else None


_ARTICLE_PATH = re.compile(r"/(?:blog|news|articles?|posts?|stories|press|\d{4}/\d{2})(?:/|$)", re.I)
_LIST_TITLE = re.compile(
    r"\b(?:top|best|\d{1,3})\s+(?:\d{1,3}\s+)?(?:free |ai )*(?:tools|apps|alternatives|sites)"
    r"|alternatives to|추천 \d+|\d+가지",
    re.I,
)
_OUTWARD_LINKS, _OUTWARD_SITES = 40, 25


def judge(url: str, page: Extracted) -> tuple[bool, str]:
    """(True, "") for a page of a tool, else (False, noindex | article | directory | not_tool)."""
    if page.noindex:
        return False, "noindex"
    if TOOLS & set(page.schema_types):
        return True, ""
    path = urlsplit(url).path
    if _LIST_TITLE.search(page.title) or _is_directory(page):
        return False, "directory"
    if any(name.endswith(ARTICLES) for name in page.schema_types) or _ARTICLE_PATH.search(path):
        return False, "article"
    if len(page.text) < 80 and not page.facts.get("summary"):
        return False, "not_tool"
    return True, ""


def _is_directory(page: Extracted) -> bool:
    """Links to many other sites and little of its own to say about each."""
    outward = {target.split("/", 3)[2] for target, _ in page.links}
    return len(outward) >= _OUTWARD_SITES and len(page.links) >= _OUTWARD_LINKS and len(page.text) < 200 * len(outward)
