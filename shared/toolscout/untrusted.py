"""Keeps what a page says to language models from being heard: text of pages is data, whoever it speaks to.

A sentence goes where it gives a model orders, and so do its neighbours that carry the order on. What a machine may
take for a border or a role (chat templates, numbered passages) is taken out of what goes into a prompt.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import takewhile
from typing import Any

from toolscout.orders import AKIN, QUOTED, TEMPLATE, Rule
from toolscout.orders_abroad import ABROAD
from toolscout.orders_disguised import BLOB, closed_up, folded, letters_apart, readings, turned
from toolscout.orders_english import ENGLISH
from toolscout.orders_readers import READERS
from toolscout.orders_roles import ROLES
from toolscout.orders_words import LETTER, TURNED, Words, has_token, rules_for

RULES = (*ENGLISH, *READERS, *ROLES, *ABROAD)
# Sentences after and before an order that may carry it on.
AFTER, BEFORE = 8, 2
# No order is shorter.
SHORTEST = 10
# Sentences whose verdict is remembered: several readers find the same ones on a page.
SEEN = 4096
# A sentence is judged in parts of so many characters: what runs on for longer is no sentence.
LONGEST = 1500
# Characters of a text that are judged by the rules' patterns: the largest harmless page has a tenth as many whose words
# could be an order's. Beyond that whatever could be one is dropped unread, so that no page can be made to take long.
MOST = 100_000

# Nothing a reader sees: zero width, direction marks, soft hyphens, tags, variation selectors that smuggle bytes.
_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0"
    "\U000e0000-\U000e01ef]"
    # Joiners bind emoji and Indic letters: between Latin ones they only hide a word. So do marks that nothing composes.
    "|(?<=[\x21-\x7e])[\u200c\u200d]+|(?<=[\x20-\x7e])[\u0300-\u036f]+"
)
_MARK = re.compile("[\u0300-\u036f]")
_IMAGE = re.compile(
    r"!\[[^\]\n]{0,300}+\]\([^)\n]{0,2000}+\)|\]\(\s*(?:javascript|data|vbscript):[^)\n]{0,2000}+\)", re.I
)
_END = re.compile(r"(?<=[.!?。！？।])[\"'”’)\]]?(\s+)|(?<=[。！？])()")
_SEPARATOR = re.compile(r"(\s+[|–—·•»-]+\s+)")
_CLOSING = frozenset(".!?。！？:;,")
_WORDS = Words(RULES)

_BORDER = re.compile(
    r"</?\s*(?:passages?|context|documents?|system|user|assistant|instructions?|question|answer|sources?|data)\b"
    r"[^>\n]{0,80}>"
    r"|(?:^|(?<=\s))(?:[-=#*_~`<>]{3,}|\"{3,}|'{3,})(?=\s|$)"
    r"|\b(?:end|begin(?:ning)?|start) of (?:the )?(?:passages?|context|documents?|sources?|data|input|prompt)\b",
    re.I | re.M,
)
_ROLE = re.compile(
    r"^(\s*(?:system|user|assistant|human|ai|question|answer|passage|instructions?|질문|답변?|시스템)(?: ?\d+)?)"
    r" ?[:：]",
    re.I | re.M,
)
_NUMBER = re.compile(r"[\[［【]\s*(?:passage |source )?(\d{1,3})\s*[\]］】]", re.I)


@dataclass(slots=True)
class Room:
    """How many characters may still be judged; parts of one page share it."""

    left: int = MOST

    def take(self, text: str) -> bool:
        self.left -= len(text)
        return self.left >= 0


@dataclass(slots=True)
class _Sentence:
    text: str
    gap: str
    line: int
    dropped: bool = False
    changed: bool = False


def instructs(text: str) -> bool:
    """Whether anything in the text gives orders to a language model, or would have its reader fetch an image."""
    return _IMAGE.search(text) is not None or without_instructions(text) != visible(text)


def without_instructions(text: str, room: Room | None = None) -> str:
    """The text less its sentences that instruct a model and the neighbours that carry an order on; lines stay lines.

    Invisible characters go too, and images written in markdown: a client would fetch them.
    """
    text = visible(text)
    lines = text.split("\n")
    kept = lines_without_instructions(lines, room)
    return text if kept == lines else "\n".join(line for line, old in zip(kept, lines, strict=True) if line or not old)


def lines_without_instructions(lines: Sequence[str], room: Room | None = None) -> list[str]:
    """The same for lines of visible text, each in its place: "" where nothing of one is left."""
    room = room or Room()
    if _harmless(lines, room):
        return list(lines)
    sentences = [_Sentence(text, gap, n) for n, line in enumerate(lines) for text, gap in _sentences(line)]
    _mark(sentences, any(map(letters_apart, lines)), room)
    changed = {sentence.line for sentence in sentences if sentence.changed}
    kept = ["" if n in changed else line for n, line in enumerate(lines)]
    for sentence in sentences:
        if sentence.line in changed and not sentence.dropped:
            kept[sentence.line] += sentence.text + sentence.gap
    return [line.rstrip() if n in changed else line for n, line in enumerate(kept)]


def _harmless(lines: Sequence[str], room: Room) -> bool:
    """Whether no line holds an order, which the words tell of most; the rest has to be judged, if there is room."""
    before, said_before, judged = "", 0, 0
    for line in lines:
        said = _WORDS.said(line)
        if said & LETTER and letters_apart(line):
            return False
        suspects = [text for text, _ in _sentences(line)] if _suspicious(said) else []
        if before and _suspicious(said | said_before) and (joined := _joined(before, line)):
            suspects.append(joined)
        for text in suspects:
            judged += len(text) if _suspicious(_WORDS.said(text)) else 0
            if judged > room.left or _orders(text, False):
                return False
        before, said_before = line, said
    room.left -= judged
    return True


def _suspicious(said: int) -> bool:
    return bool(rules_for(said) or said & TURNED)


def _joined(line: str, following: str) -> str:
    """The end of a line with the start of the next one, where the second may carry the first one on; "" elsewhere."""
    if following[:1].isupper():
        return ""
    *_, (end, _) = _sentences(line)
    start, _ = next(_sentences(following))
    marks = takewhile(lambda char: not char.isalnum() and char != "_", reversed(end))
    if len(end) <= 11 or not _CLOSING.isdisjoint(marks):
        return ""
    return f"{end[-200:]} {start[:200]}"


def carries_on(text: str) -> bool:
    """Whether a text fits an order that stands elsewhere; meant for text that a page conceals."""
    return has_token(text) or any(AKIN.search(folded(part)) for part, _ in _sentences(text))


def cleaned(stated: Any, room: Room | None = None) -> Any:
    """JSON-LD with `without_instructions` done to all strings; a thing that was nothing else loses its type."""
    room = room or Room()
    if isinstance(stated, str):
        return without_instructions(stated, room)
    if isinstance(stated, list):
        return [cleaned(one, room) for one in stated]
    if not isinstance(stated, dict):
        return stated
    kept = {key: cleaned(one, room) for key, one in stated.items()}
    if "@type" in kept and stated.get("name") and not kept["name"] and not kept.get("description"):
        del kept["@type"]
    return kept


def visible(text: str) -> str:
    """What of a text people see; images written in markdown go, since a client would fetch them."""
    if not text.isascii():
        if _MARK.search(text):
            text = unicodedata.normalize("NFC", text)
        text = _UNSEEN.sub("", text)
    return _IMAGE.sub(" ", text) if "](" in text else text


def plain(text: str) -> str:
    """The text without invisible characters and the tokens of chat templates."""
    return TEMPLATE.sub(" ", visible(text))


def fenced(text: str) -> str:
    """The text made safe between numbered passages: no role, no border, no number in brackets of its own."""
    text = _BORDER.sub(" ", plain(text))
    return _NUMBER.sub(r"(\1)", _ROLE.sub(r"\1 -", text))


def _sentences(line: str) -> Iterator[tuple[str, str]]:
    """(sentence, the space after it)."""
    for sentence, gap in _parts(_END, line):
        start = 0
        while len(sentence) - start > LONGEST:
            cut = sentence.rfind(" ", start + 1, start + LONGEST) + 1 or start + LONGEST
            yield sentence[start:cut], ""
            start = cut
        yield sentence[start:], gap


def _parts(border: re.Pattern[str], text: str) -> Iterator[tuple[str, str]]:
    """(part, what stands between it and the next)."""
    start = 0
    for found in border.finditer(text):
        gap = found.group(1) or ""
        yield text[start : found.end() - len(gap)], gap
        start = found.end()
    yield text[start:], ""


def _mark(sentences: list[_Sentence], spelt: bool, room: Room) -> None:
    """Marks what is dropped: the orders, a line and the next that are one only together, and what carries on."""
    for n, sentence in enumerate(sentences):
        sentence.dropped = _goes(sentence.text, spelt, room)
        if n and not sentence.dropped and _runs_on(sentences[n - 1], sentence, spelt, room):
            sentences[n - 1].dropped = sentence.dropped = True
    ordering = [n for n, sentence in enumerate(sentences) if sentence.dropped]
    for n in ordering:
        _spread(sentences[n + 1 : n + 1 + AFTER])
        _spread(sentences[max(0, n - BEFORE) : n][::-1])
    for n in ordering:
        sentences[n].text = _before(sentences[n].text, spelt) if room.left >= 0 else ""
        sentences[n].changed, sentences[n].dropped = True, not sentences[n].text


def _runs_on(before: _Sentence, sentence: _Sentence, spelt: bool, room: Room) -> bool:
    """Whether an order begins on the line before and ends on this: a line that begins with a capital does not go on."""
    if before.dropped or before.line == sentence.line:
        return False
    joined = _joined(before.text, sentence.text)
    return bool(joined) and _goes(joined, spelt, room)


def _goes(text: str, spelt: bool, room: Room) -> bool:
    """Whether a sentence is an order, or could be one and there is no room to judge it."""
    if not _suspicious(_WORDS.said(text) | (_WORDS.said(closed_up(text)) if spelt else 0)):
        return False
    return not room.take(text) or _orders(text, spelt)


@lru_cache(SEEN)
def _orders(text: str, spelt: bool) -> bool:
    if len(text) < SHORTEST or _is_label(text):
        return False
    said = _WORDS.said(text)
    views = list(turned(text)) if said & TURNED else []
    if spelt:
        views.append(closed_up(text))
    for view in views:
        said |= _WORDS.said(view)
    fitting = rules_for(said)
    if not fitting:
        return False
    view = "\n".join([*readings(text), *views])
    return any(_fits(rule, view, text) for n, rule in enumerate(RULES) if fitting >> n & 1)


def _fits(rule: Rule, view: str, text: str) -> bool:
    if rule.with_token and not has_token(text):
        return False
    return rule.pattern.search(view) is not None and not (rule.quotable and QUOTED.search(view) and not has_token(text))


def _is_label(text: str) -> bool:
    """One or two words of letters alone: most lines of a page are."""
    return len(text) < BLOB and text.isascii() and text.count(" ") < 2 and text.replace(" ", "").isalpha()


def _spread(neighbours: Sequence[_Sentence]) -> None:
    for sentence in neighbours:
        if sentence.text.strip() and not sentence.dropped:
            if not (AKIN.search(folded(sentence.text)) or has_token(sentence.text)):
                return
            sentence.dropped = sentence.changed = True


def _before(text: str, spelt: bool) -> str:
    """What stands before an order that a bar or a dash sets apart, as in a title; "" where nothing does."""
    parts = list(_parts(_SEPARATOR, text))
    first = next((n for n, (part, _) in enumerate(parts) if _orders(part, spelt)), 0)
    if any(AKIN.search(folded(part)) or has_token(part) for part, _ in parts[:first]):
        return ""
    return "".join(part + gap for part, gap in parts[:first]).rstrip(" |–—·•»-")
