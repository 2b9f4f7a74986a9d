"""What a passage says of its tool, as a question can ask for it; and which sentences can stand in an answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from toolscout.domain import Pricing
from toolscout.offers import said
from toolscout.platforms import speaks_of_platform
from toolscout.sentences import sentences
from toolscout.support import support
from toolscout.text import HANGUL
from toolscout.words import query_words, searchable

from services.trainer.synthetic_tools import Passage, Tool

# A sentence that says a field of the tool: so much of the field's words are in it.
SAYS = 0.75
# Characters of a sentence; Hangul says as much in half as many.
LEAST, LEAST_KOREAN, MOST = 25, 12, 260
LABEL = 5
# Which offers (toolscout.offers) bear out a price; what is paid for is asked for by nobody.
OFFERS = {
    Pricing.FREE: {"free", "start"},
    Pricing.FREEMIUM: {"plan", "start"},
    Pricing.FREE_TRIAL: {"trial", "try"},
    Pricing.OPEN_SOURCE: {"open"},
}
# How a page speaks of its tool without its name.
IT = re.compile(r"^(?:It|This (?:tool|app|application|platform|service|API|plugin|extension|model|library))\s+")
_ENDS = re.compile(r"[.!。][\"”’)]?$")
# What only looks like a sentence: an abbreviation's full stop, a scrubbed address, a menu, code, one cut off.
_CUT = re.compile(
    r"(?:\b(?:e\.g|i\.e|etc|vs|inc|ltd|co|dr|mr|mrs|ms|no|st|ft|ave|fig|vol|jr|approx|[a-z])|\.\.)\.$|…", re.I
)
_NOISE = re.compile(
    r"\[(?:email|phone|card)\]|[|{}<>=$`\\]|https?:|www\.|\.\w+\(|©|[→»›•·]|\?\s|cookie|javascript|\b(?:click|tap) "
    r"|[âÃ\ufffd]|\b(?:read|learn|see|find out) (?:more|why|how)\b|privacy policy|terms of|쿠키|개인정보|자세히",
    re.I,
)
# What somebody said of the tool: praise.
_PRAISE = re.compile(r"\b(?:I|I'm|I've|I’m|I’ve|[Mm]y|me)\b")
_CAPITALS = re.compile(r"\b[A-Z]{2,}(?:\s+[A-Z]{2,}){3,}")


@dataclass(frozen=True, slots=True)
class Point:
    """A phrase, how it is put into a question (`form`), and the sentences that answer it from a passage.

    `needs` are the passage's sentences that bear these out, where they are not its own; `generic`: many tools have the
    same, such as a price.
    """

    form: str
    phrase: str
    passage: Passage
    told: tuple[str, ...]
    needs: tuple[str, ...] = ()
    generic: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """A question, the passage that answers it, and the answer's sentences without citations, the telling one first.

    `needs` are sentences that a prompt must show of the passage for the answer to hold.
    """

    text: str
    passage: Passage
    told: tuple[str, ...]
    by: str
    needs: tuple[str, ...] = ()
    generic: bool = False


def names(tool: Tool, text: str) -> bool:
    """Whether a text names the tool, or its site."""
    # A short label (ai.example) is a word of many questions.
    known = {tool.name, tool.site, *(label for label in tool.site.split(".")[:-1] if len(label) >= LABEL)}
    return any(within(name, text) for name in known if name)


def within(name: str, text: str) -> bool:
    """Whether a text has a name as words of their own; Korean particles may follow it."""
    return bool(re.search(rf"(?<![^\W가-힣]){re.escape(name)}(?![^\W가-힣])", text, re.I))


def telling(passage: Passage) -> list[str]:
    """The sentences of a passage that can stand alone in an answer."""
    return [sentence for sentence in sentences(passage.text) if _stands(sentence)]


def _stands(sentence: str) -> bool:
    begins = sentence[0].isalnum() and not sentence[0].islower()
    least = LEAST_KOREAN if HANGUL.search(sentence) else LEAST
    if not least <= len(sentence) <= MOST or not begins or not _ENDS.search(sentence):
        return False
    if any(unfit.search(sentence) for unfit in (_CUT, _NOISE, _PRAISE, _CAPITALS)):
        return False
    words = sentence.split()
    # Menus and lists of names: hardly a word in lower case.
    lower = sum(word[0].islower() or bool(HANGUL.match(word)) for word in words)
    return len(words) >= 4 and lower >= len(words) / 3


def backing(tool: Tool, phrase: str) -> tuple[Passage, str] | None:
    """(passage, its sentence) that says a phrase best; None where none says enough of it."""
    found = [
        (score, -len(sentence), -n, passage, sentence)
        for n, passage in enumerate(tool.passages)
        for sentence in telling(passage)
        if (score := support(phrase, sentence)) >= SAYS
    ]
    return max(found, key=lambda one: one[:3])[3:] if found else None


def with_more(passage: Passage, sentence: str, phrase: str) -> tuple[str, ...]:
    """The sentence, and then one more of its passage that shares half of the phrase's words, where there is one."""
    wanted = set(query_words(phrase))
    more = (s for s in telling(passage) if len(wanted & set(searchable(s).split())) >= max(2, len(wanted) / 2))
    return (sentence, *[s for s in more if s != sentence][:1])


def priced(tool: Tool) -> Iterator[tuple[Passage, str]]:
    """Passages of the landing page with the sentence that bears out the tool's price."""
    wanted = OFFERS.get(tool.pricing or "", set())  # type: ignore[call-overload]
    for_nothing = ("free", "무료", "open", "오픈")
    return _first(tool.leading, lambda s: bool(wanted & said(s)) and any(word in s for word in for_nothing))


def platformed(tool: Tool, platform: str) -> Iterator[tuple[Passage, str]]:
    """Passages of the landing page with the sentence that names the platform."""
    return _first(tool.leading, lambda sentence: speaks_of_platform(platform, sentence))


def _first(passages: Sequence[Passage], says: Callable[[str], bool]) -> Iterator[tuple[Passage, str]]:
    for passage in passages:
        found = next((sentence for sentence in telling(passage) if says(sentence.lower())), None)
        if found:
            yield passage, found


def distinct(points: Sequence[Point]) -> list[Point]:
    """The first of those that ask for the same words."""
    seen: set[frozenset[str]] = set()
    kept = []
    for point in points:
        words = frozenset(query_words(point.phrase))
        if words not in seen:
            seen.add(words)
            kept.append(point)
    return kept
