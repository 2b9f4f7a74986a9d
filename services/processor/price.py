"""How a tool is paid for: schema.org's offers first, else the words with which a page offers itself."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from toolscout.domain import Fact, Pricing
from toolscout.offers import said

from services.processor.structured import PageData

# So far into a page a price is looked for.
PRICE_CHARS = 20_000
MAX_OFFERS = 20
# Far down a page, where others' prices and customers' words stand too, these alone are believed.
_BELIEVED_BELOW = frozenset(["trial", "plan", "price"])


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
    named, pressed = said(f"{data.title}\n{data.heading}".lower()), said(data.actions.lower())
    headed = named | said(data.description.lower())
    every = headed | pressed | said(lead.lower())
    if "trial" in pressed and not {"plan", "free"} & named and "plan" not in pressed:
        every -= {"plan"}  # the way in is what the buttons offer; a free plan in the text may be another's
    kind = _judge(every, headed)
    if kind:
        return Fact(kind.value, "text", 0.5)
    kind = _judge(said(text[len(lead) : PRICE_CHARS].lower(), _BELIEVED_BELOW), frozenset())
    return Fact(kind.value, "text", 0.35) if kind else None


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
