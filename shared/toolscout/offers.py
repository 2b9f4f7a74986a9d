"""The words with which a page offers a tool: for nothing, on trial, for a price, on request."""

from __future__ import annotations

import re
from collections.abc import Set

# What an offer says, in a text in lower case.
_OFFERS = {
    "trial": (
        r"free (?:\d+[- ]days? )?trials?\b|\d+[- ]days? (?:free )?trial|start (?:your |a |my )?trial\b"
        r"|\bfree (?:\w+ )?for (?:up to )?\d+ days|\b\d+ days? free\b|무료 ?체험|체험판"
    ),
    "plan": (
        r"\bfreemium\b|\bfree(?:[- ]forever)?[- ](?:plan|tier|edition|version|usage|grant)s?\b|free forever\b"
        r"|\$0(?:\.00)?\s*(?:/|per )\s*mo|무료 ?(?:플랜|요금제|버전)|기본 무료"
    ),
    "start": (
        r"\b(?:get|start|started|join|use|build|sign up|sign up now|register) (?:\w+ |— it's |it's )?(?:for )?free\b"
        r"(?! (?:trial|quote|estimate|consultation|demo|shipping|audit|\w+ (?:quote|estimate|consultation)))"
        r"|\bfree to (?:start|get started|build)|무료로 (?:시작|가입)|무료 (?:시작|가입)"
    ),
    "try": r"\btry (?:\w+ ){0,2}(?:for )?free\b|무료로 (?:써|사용해) ?보",
    "price": (
        r"[$€£₩¥]\s?\d[\d,.]*\s*(?:usd |eur )?(?:/|per |a |every )\s*"
        r"(?:(?:user|seat|agent|member|editor|person)s?\s*(?:/|per )\s*)?"
        r"(?:mo\b|month|user|year|yr\b|seat|agent|member|week|day|hr\b|hour|page|person|lesson|session|semester)"
        r"|\b(?:plans?|pricing|prices?|packages?) (?:start(?:ing|s)? )?(?:at|from|is) (?:only |just )?[$€£]\s?\d"
        r"|\bstarting (?:at|from):? ?[$€£]\s?\d|월\s?\d[\d,]*\s?원|\d[\d,]*\s?원\s*(?:/|부터)|₩\s?\d[\d,]+"
    ),
    "contact": (
        r"\b(?:contact|talk to|speak to) (?:our )?sales|\brequest (?:a |your )?(?:free )?(?:quote|pricing|estimate)\b"
        r"|\bget (?:a |your )?(?:free |instant )?(?:quote|estimate)\b|\bcontact us for (?:a )?(?:quote|pricing)"
        r"|\b(?:book|schedule|request) (?:a |your )?(?:free |live )?demo\b|견적 ?문의|도입 ?문의|가격 ?문의|도입 ?상담"
    ),
    "free": (
        r"\b(?:100%|completely|totally|entirely|always|it's|is) free\b(?! (?:of|from) (?!charge))"
        r"|\bfree to (?:use|download|play)|\bfree of charge|\bfree,? no (?:sign|login)|\bfree!"
        r"|^free (?:online |ai |web )*(?:\w+ ){0,2}(?:tool|app|software|editor|generator|converter|checker|recorder)\b"
        r"|완전 ?무료|무료로 (?:이용|사용|제공)|무료입니다"
    ),
    "open": (
        r"\b(?:is|are|an?|fully|100%|the|free and|#1|number 1) open[- ]source"
        r"(?! (?:project|program|librar|model|stack|int|rev))"
        r"|\bopen[- ]source (?:alternative|ai |software|crm|project management|platform|framework|tool|editor)"
        r"|(?:under|with) (?:the |an? )?(?:mit|apache|bsd|gpl|agpl)[\w .-]{0,6}licen[cs]e"
        r"|오픈 ?소스(?:로| 프로젝트|입니다)"
    ),
}
_RULES = {name: re.compile(rule, re.M) for name, rule in _OFFERS.items()}
# The words one of which every offer has, each with the offers that it may mean; so much of a text around them is read.
_NEEDLES = {
    "free": ("trial", "plan", "start", "try", "free"),
    "trial": ("trial",),
    "무료": ("trial", "plan", "start", "try", "free"),
    "체험": ("trial",),
    "$": ("plan", "price"),
    "€": ("price",),
    "£": ("price",),
    "₩": ("price",),
    "원": ("price",),
    "sales": ("contact",),
    "quote": ("contact",),
    "demo": ("contact",),
    "pricing": ("contact",),
    "estimate": ("contact",),
    "문의": ("contact",),
    "도입": ("contact",),
    "open": ("open",),
    "licen": ("open",),
    "오픈": ("open",),
}
AROUND, MAX_PLACES = 60, 40

ALL = frozenset(_OFFERS)


def said(text: str, names: Set[str] = ALL) -> frozenset[str]:
    """Which of the offers a text in lower case makes."""
    found: set[str] = set()
    for needle, meant in _NEEDLES.items():
        open_ones = (names & set(meant)) - found
        around = _around(text, needle) if open_ones else ""
        found.update(name for name in open_ones if around and _RULES[name].search(around))
    return frozenset(found)


def _around(text: str, needle: str) -> str:
    """The lines and their parts that stand around a word, a line each."""
    parts: list[str] = []
    place = text.find(needle)
    while place >= 0 and len(parts) < MAX_PLACES:
        start = max(0, place - AROUND, text.rfind("\n", 0, place) + 1)
        parts.append(text[start : place + AROUND])
        place = text.find(needle, place + AROUND)
    return "\n".join(parts)


def speaks_of_price(text: str) -> bool:
    """Whether a text speaks of any offer at all."""
    return bool(said(text))
