"""How a tool is paid for: schema.org's offers first, else the words with which a page offers itself."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from toolscout.domain import Fact, Pricing

from services.processor.structured import PageData

# So far into a page a price is looked for.
PRICE_CHARS = 20_000
MAX_OFFERS = 20

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
# Far down a page, where others' prices and customers' words stand too, these alone are believed.
_BELIEVED_BELOW = frozenset(["trial", "plan", "price"])
_ALL = frozenset(_OFFERS)


def price_of(data: PageData, lead: str, text: str) -> Fact | None:
    """What offers state, corrected by what the page says: a free offer beside a price is a free tier."""
    stated, written = _stated(data), _written(data, lead, text)
    if not stated or not written:
        return stated or written
    if stated.value == Pricing.FREE and written.value in (Pricing.PAID, Pricing.CONTACT):
        return Fact(Pricing.FREEMIUM.value, stated.source, 0.7)
    if written.value in (Pricing.FREEMIUM, Pricing.FREE_TRIAL):
        return Fact(written.value, written.source, 0.7)
    return stated


def _stated(data: PageData) -> Fact | None:
    """The prices of schema.org's offers (schema.org/Offer): 0 is free."""
    offers: Any = data.tool.get("offers")
    listed = offers if isinstance(offers, list) else [offers if isinstance(offers, dict) else data.tool]
    amounts = [amount for offer in listed[:MAX_OFFERS] if isinstance(offer, dict) for amount in _amounts(offer)]
    if not amounts:
        return None
    kind = Pricing.PAID if min(amounts) > 0 else Pricing.FREE if max(amounts) == 0 else Pricing.FREEMIUM
    return Fact(kind.value, data.tool_source, 0.9)


def _amounts(offer: dict[str, Any]) -> Iterable[float]:
    for name in ("price", "lowPrice", "highPrice"):
        try:
            yield float(str(offer[name]).replace(",", "").strip("$€£₩ "))
        except (KeyError, ValueError):
            continue


def _written(data: PageData, lead: str, text: str) -> Fact | None:
    named, pressed = _said(f"{data.title}\n{data.heading}".lower(), _ALL), _said(data.actions.lower(), _ALL)
    headed = named | _said(data.description.lower(), _ALL)
    said = headed | pressed | _said(lead.lower(), _ALL)
    if "trial" in pressed and not {"plan", "free"} & named and "plan" not in pressed:
        said -= {"plan"}  # the way in is what the buttons offer; a free plan in the text may be another's
    kind = _judge(said, headed)
    if kind:
        return Fact(kind.value, "text", 0.5)
    kind = _judge(_said(text[len(lead) : PRICE_CHARS].lower(), _BELIEVED_BELOW), frozenset())
    return Fact(kind.value, "text", 0.35) if kind else None


def _said(text: str, names: frozenset[str]) -> frozenset[str]:
    """Which of the offers a text makes."""
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


def _judge(said: frozenset[str], headed: frozenset[str]) -> Pricing | None:
    """The most telling of the offers; what has a way in that costs nothing is not simply paid."""
    if "open" in headed and "price" not in said:
        return Pricing.OPEN_SOURCE
    if "plan" in said:
        return Pricing.FREEMIUM
    if "trial" in said:
        return Pricing.FREE_TRIAL
    if "start" in said:
        return Pricing.FREEMIUM
    if "price" in said:
        return Pricing.PAID
    if "open" in said:
        return Pricing.OPEN_SOURCE
    if "try" in said:
        return Pricing.FREE_TRIAL
    if "free" in said:
        return Pricing.FREE
    return Pricing.CONTACT if "contact" in said else None


def speaks_of_price(text: str) -> bool:
    """Whether a text speaks of any offer at all."""
    return bool(_said(text, _ALL))
