"""What a tool can do, and for whom: the items under the headings that promise them."""

from __future__ import annotations

import re
from typing import Any

from toolscout.domain import Fact

from services.processor.structured import PageData

MAX_FEATURES, MAX_USE_CASES = 8, 6
# A phrase, not a paragraph and not the single word of a menu; one item alone is no list.
WORDS, MAX_CHARS, MIN_ITEMS = range(1, 13), 90, 2
# Headings of one level in a row that may pass for features where nothing is called so.
MIN_ROW, MAX_ROW, ROW_WORDS = 3, 12, range(2, 8)

_FEATURES = re.compile(
    r"\bfeatures?\b|\bcapabilities\b|\bwhat (?:you(?:'ll| will)? get|you can do|it does|we offer)\b|\bhighlights\b"
    r"|\bwhat's included\b|\beverything you need\b|기능|특징|제공합니다|할 수 있는 (?:것|일)",
    re.I,
)
_USES = re.compile(
    r"\buse cases?\b|\bwho (?:is it|it's|it is|uses|can use)\b|\b(?:built|made|designed|perfect|great) for\b"
    r"|\bways to use\b|\bsolutions for\b|활용|사용 사례|이런 분|추천 대상|누구(?:를|에게)",
    re.I,
)
_FOR_WHOM = re.compile(
    r"for (?!free\b|more\b|you\b|the\b|a\b|every)[\w&,' /-]{3,50}|.{2,30}(?:을|를) 위한.{0,12}",
    re.I,
)
_NO_FEATURE = re.compile(
    r"\?|\bfaqs?\b|frequently|testimonial|review|resources|pricing|contact|sign up|get started|learn more|read more"
    r"|blog|newsletter|subscribe|trusted by|customers|about us|related|\bnews\b|company|support|see also|download"
    r"|install|cookie|privacy|terms|next steps|introduction|conclusion|자주 묻는|문의|고객 ?후기|요금",
    re.I,
)
_MANUAL = re.compile(r"\b(?:docs?|documentation|reference|tutorial|guide|quick ?start|handbook)\b|문서|설명서", re.I)
_STEP = re.compile(r"^(?:\d+[.):]?|[•✓✔✅→*·-])\s*")


def features_of(data: PageData) -> Fact | None:
    """At most 8 short phrases: schema.org's featureList, the items under such a heading, else a row of headings."""
    stated = _listed(data.tool.get("featureList"))
    if stated:
        return Fact(stated[:MAX_FEATURES], data.tool_source, 0.9)
    items = _below(data.outline, _FEATURES)
    if items:
        return Fact(items[:MAX_FEATURES], "text", 0.6)
    row = [] if data.is_article or _MANUAL.search(data.title) else _row(data.outline)
    return Fact(row[:MAX_FEATURES], "heading", 0.3) if row else None


def use_cases_of(data: PageData) -> Fact | None:
    """At most 6 short phrases: the items under "use cases" and its like, else the headings "for X"."""
    items = _below(data.outline, _USES)
    if items:
        return Fact(items[:MAX_USE_CASES], "text", 0.6)
    whom = _phrases([line for level, line in data.outline if level and _FOR_WHOM.fullmatch(line)])
    return Fact(whom[:MAX_USE_CASES], "heading", 0.4) if len(whom) >= MIN_ITEMS else None


def _listed(stated: Any) -> list[str]:
    items = re.split(r"[,;\n]", stated) if isinstance(stated, str) else stated if isinstance(stated, list) else []
    return _phrases([item for item in items if isinstance(item, str)])


def _below(outline: list[tuple[int, str]], promise: re.Pattern[str]) -> list[str]:
    """The items of the first section whose heading promises them: its sub-headings, else its list."""
    for place, (level, line) in enumerate(outline):
        if level and len(line) < MAX_CHARS and promise.search(line):
            section = _section(outline[place + 1 :], level)
            for items in ([text for depth, text in section if depth], [text for depth, text in section if not depth]):
                phrases = _phrases(items)
                if len(phrases) >= MIN_ITEMS:
                    return phrases
    return []


def _section(after: list[tuple[int, str]], level: int) -> list[tuple[int, str]]:
    """What stands below a heading, up to the next of its rank."""
    end = next((place for place, (depth, _) in enumerate(after) if 0 < depth <= level), len(after))
    return after[:end]


def _row(outline: list[tuple[int, str]]) -> list[str]:
    """The longest run of sub-headings of one level, as on a page that shows one feature after another.

    A page's sections are no features, nor are the dozens of entries of an index.
    """
    best: list[str] = []
    run: list[str] = []
    last = 0
    for level, line in outline:
        if level:
            run = [*run, line] if level == last else [line]
            best, last = max(best, run, key=len) if level > 2 else best, level
    row = [phrase for phrase in _phrases(best) if len(phrase.split()) in ROW_WORDS]
    return row if len(row) >= MIN_ROW and len(best) <= MAX_ROW else []


def _phrases(lines: list[str]) -> list[str]:
    found: dict[str, str] = {}
    for line in lines:
        phrase = _STEP.sub("", line).strip(" .:;¶#")
        if 2 < len(phrase) <= MAX_CHARS and len(phrase.split()) in WORDS and not _NO_FEATURE.search(phrase):
            found.setdefault(phrase.lower(), phrase)
    return list(found.values())
