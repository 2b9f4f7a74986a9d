"""The name of a page's tool: every place that states one votes, and the site's own address has a word in it too.

No place is right on its own: og:site_name may be a slogan, a title begins with the page's topic, a heading sells. What
agrees with the domain, or stands in several places, is the name (docs/decisions/0009-metadata.md).
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from html import unescape

from toolscout.domain import Fact

from services.processor.structured import PageData

# What a place's word weighs by itself, and where a fact says that it was read.
WEIGHTS = {
    "tool": 1.25,
    "website": 0.85,
    "organisation": 0.8,
    "publisher": 0.8,
    "og:site_name": 0.85,
    "application-name": 0.8,
    "apple-mobile-web-app-title": 0.75,
    "title": 0.6,
    "copyright": 0.55,
    "text": 0.5,
    "logo": 0.45,
    "title part": 0.5,
    "heading": 0.4,
}
_SOURCES = {
    "website": "json-ld",
    "organisation": "json-ld",
    "publisher": "json-ld",
    "og:site_name": "opengraph",
    "application-name": "meta",
    "apple-mobile-web-app-title": "meta",
    "title part": "title",
    "copyright": "text",
    "logo": "text",
}
# Added where a name is the domain's label, its initials, or begins with it; and for each other place that agrees.
IS_DOMAIN, IS_INITIALS, SHARES_DOMAIN, AGREES = 0.35, 0.25, 0.15, 0.08
# A name is seldom longer; each further word costs.
MAX_NAME_WORDS, LONGER = 4, 0.1
MAX_NAME_CHARS = 80
SURE = (0.3, 0.95)

_SEPARATORS = re.compile(r"\s+[|–—·•»:-]\s+|\s*[|–—·•»]\s*|:\s+|\s+-(?=\S)|\s*[\[\]]\s*")
_WORDS_OF_MENUS = (
    "home homepage welcome index overview docs documentation blog pricing introduction tutorial tutorials quickstart"
    " services products features solutions tools about logo support app website menu login search skip 홈 소개 문서"
)
_GENERIC = frozenset(_WORDS_OF_MENUS.split())
_AD = re.compile(r"\b(the|best|free|your|for|with|and|to|of|in|on|using|ai tool)\b", re.I)
_LEGAL = re.compile(r"(?<!&)[,\s]+(?:inc|llc|l\.l\.c|ltd|limited|gmbh|corp|co|plc|pty|b\.v|s\.a)\.?$", re.I)
_MANUAL = re.compile(
    r"(?:\s+v?\d[\w.]*)?\s+(?:user |api |developer )?(?:docs?|documentation|tutorials?|knowledge base"
    r"|help cent(?:er|re)|official (?:web ?)?site)(?:\s*\([^)]*\))?$",
    re.I,
)
_MARKS = re.compile(r"[®™©¶]|\bcopyright\b", re.I)
_LOGO = re.compile(r"\s*\b(?:logo(?:type)?|home ?page|home|icon)\b\s*", re.I)
_SQUEEZED = re.compile(r"^the\s+|[\W_]+", re.I)
_INITIAL = re.compile(r"\b\w")


def name_of(data: PageData, lead: str) -> Fact | None:
    """The likeliest name, with the place that weighs most for it; None where the page has none."""
    votes: dict[str, list[tuple[float, str, str]]] = {}
    for place, name in _stated(data, lead):
        key = squeezed(name)
        if key and len(name) <= MAX_NAME_CHARS and key not in data.shared_host and name.lower() not in _GENERIC:
            votes.setdefault(key, []).append((WEIGHTS[place], place, name))
    if not votes:
        heading = data.heading or data.title
        return Fact(heading[:MAX_NAME_CHARS], "heading", SURE[0]) if heading else None
    scores = {key: _score(key, some, data) for key, some in votes.items()}
    best = max(scores, key=lambda key: scores[key])
    _, place, name = max(votes[best], key=lambda vote: vote[0])
    source = data.tool_source if place == "tool" else _SOURCES.get(place, place)
    return Fact(_as_spoken(name, data, lead), source, round(min(SURE[1], max(SURE[0], scores[best])), 2))


def squeezed(name: str) -> str:
    """
    >>> squeezed("PSE&G"), squeezed("The Hugging Face"), squeezed("Libération")
    ('pseg', 'huggingface', 'liberation')
    """
    return _SQUEEZED.sub("", name if name.isascii() else _unaccented(name)).lower()


def _unaccented(name: str) -> str:
    """Latin letters without their accents; other scripts stay whole."""
    apart = unicodedata.normalize("NFKD", name)
    return unicodedata.normalize("NFC", "".join(char for char in apart if not unicodedata.combining(char)))


def _score(key: str, votes: list[tuple[float, str, str]], data: PageData) -> float:
    weight, _, name = max(votes)
    words = len(name.split())
    agreeing = len({place for _, place, _ in votes}) - 1
    return weight + _by_domain(key, name, data) + AGREES * min(3, agreeing) - LONGER * max(0, words - MAX_NAME_WORDS)


def _by_domain(key: str, name: str, data: PageData) -> float:
    best = 0.0
    for label in data.labels:
        if label in (key, f"the{key}"):
            return IS_DOMAIN
        if len(label) > 1 and label == "".join(_INITIAL.findall(name)).lower():
            best = IS_INITIALS
        elif min(len(key), len(label)) > 2 and (key.startswith(label) or label.startswith(key) or label.endswith(key)):
            best = max(best, SHARES_DOMAIN)
    return best


def _stated(data: PageData, lead: str) -> Iterator[tuple[str, str]]:
    """(place, name) of everything that may be a name."""
    stated = data.tool.get("name")
    if isinstance(stated, str) and stated.strip():
        yield "tool", _clean(stated)
    for place in ("og:site_name", "application-name", "apple-mobile-web-app-title"):
        yield from _parts(place, data.metas.get(place, ""), data)
    for place, name in data.named:
        yield from _parts(place, name, data)
    yield from _of_title(data)
    if data.heading and len(data.heading.split()) <= MAX_NAME_WORDS:
        yield "heading", _clean(data.heading)
    for label in data.labels:
        spelt = _as_written(label, f"{data.title}\n{data.description}\n{data.heading}\n{data.actions}\n{lead}")
        if spelt:
            yield "text", spelt


def _parts(place: str, name: str, data: PageData) -> Iterator[tuple[str, str]]:
    """A stated name; of one that says more than a name, the part that is one."""
    name = _LOGO.sub(" ", name).strip() if place == "logo" else name
    clean = _clean(name)
    if clean and not (place == "logo" and (clean.lower() in _GENERIC or len(clean.split()) > MAX_NAME_WORDS)):
        yield place, _brand(clean, data.heading)


def _of_title(data: PageData) -> Iterator[tuple[str, str]]:
    if not data.title:
        return
    best = _brand(data.title, data.heading)
    yield "title", _clean(best)
    for part in _split(data.title):
        if part != best and part != data.heading:
            yield "title part", _clean(part)


def _split(title: str) -> list[str]:
    return [part.strip() for part in _SEPARATORS.split(title) if part and part.strip()]


def _brand(title: str, heading: str) -> str:
    """The part of a title that is a name: short, no slogan; the first such, or the last where the first is a phrase."""
    parts = _split(title)
    parts = [part for part in parts if part.lower() not in _GENERIC] or parts
    if len(parts) < 2:
        return parts[0] if parts else title.strip()
    return min(
        parts, key=lambda part: (len(_AD.findall(part)) + len(part.split()) + (part == heading), parts.index(part))
    )


def _clean(name: str) -> str:
    """A name without its trade mark, its company's legal form and the word documentation."""
    name = " ".join(_MARKS.sub(" ", unescape(name)).split()).strip(" -–—|·,:.\"'")
    return _MANUAL.sub("", _LEGAL.sub("", name)).strip(" ,") or name


def _as_written(label: str, text: str) -> str:
    """A domain's label as a text spells it most often, where it is a word of the text that begins with a capital."""
    if len(label) < 3 or label in _GENERIC:
        return ""
    letters = "[ '&-]?".join(map(re.escape, label))
    found = re.findall(rf"(?<![\w@./-]){letters}(?![\w@-]|\.\w)", text, re.I)
    spelt = Counter(word for word in found if not word.islower())
    return spelt.most_common(1)[0][0] if spelt else ""


def _as_spoken(name: str, data: PageData, lead: str) -> str:
    """`Name.com` without its ending where the page itself mostly leaves it out."""
    stem, dot, ending = name.rpartition(".")
    if not dot or squeezed(name) != squeezed(data.site) or len(stem) < 3:
        return name
    text = f"{data.title}\n{data.description}\n{data.actions}\n{lead}"
    with_it = len(re.findall(rf"\b{re.escape(name)}\b", text, re.I))
    without = len(re.findall(rf"\b{re.escape(stem)}\b(?!\.{re.escape(ending)})", text))
    return stem if without > with_it else name
