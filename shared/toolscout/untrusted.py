"""Keeps what a page says to language models from being heard: text of pages is data, whoever it speaks to.

A sentence goes where it gives a model orders, and so do its neighbours that carry the order on. What a machine may
take for a border or a role (chat templates, numbered passages) is taken out of what goes into a prompt.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce
from operator import or_
from typing import Any

from toolscout.orders import AKIN, QUOTED, TEMPLATE, TOKEN, bit, bits
from toolscout.orders_abroad import ABROAD
from toolscout.orders_english import ENGLISH

RULES = (*ENGLISH, *ABROAD)
# Sentences after and before an order that may carry it on.
AFTER, BEFORE = 8, 2
# Characters that a blob of base64 has at least; shorter ones hide no sentence.
BLOB = 24
# No order is shorter.
SHORTEST = 10
# Sentences whose verdict is remembered: several readers find the same ones on a page.
SEEN = 4096
# A sentence is judged in parts of so many characters: what runs on for longer is no sentence.
LONGEST = 1500

# Nothing a reader sees: zero width, direction marks, soft hyphens, tags, variation selectors that smuggle bytes.
_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0"
    "\U000e0000-\U000e01ef]"
    # Joiners bind emoji and Indic letters: between Latin ones they only hide a word. So do marks that nothing composes.
    "|(?<=[\x21-\x7e])[\u200c\u200d]+|(?<=[\x20-\x7e])[\u0300-\u036f]+"
)
_IMAGE = re.compile(r"!\[[^\]\n]{0,300}\]\([^)\n]{0,2000}\)|\]\(\s*(?:javascript|data|vbscript):[^)\n]{0,2000}\)", re.I)
_END = re.compile(r"(?<=[.!?。！？।])[\"'”’)\]]?(\s+)|(?<=[。！？])()")
_SEPARATOR = re.compile(r"(\s+[|–—·•»-]+\s+)")
_CLOSED = re.compile(r"[.!?。！？:;,]\W*$")
_OTHER_SCRIPT = re.compile("[\u0370-\u03ff\u0400-\u052f]")
_BASE64 = re.compile(rf"[A-Za-z0-9+/_-]{{{BLOB},}}={{0,2}}")
_SPELT = re.compile(r"(?:(?<!\w)\w[ .*_-]{1,2}){5,}\w(?!\w)")
# What gives away orders in rot13 or from right to left.
_ROT13 = reduce(or_, map(bit, ("vtaber", "vafgehpg", "qvfertneq", "cebzcg")))
_REVERSED = reduce(or_, map(bit, ("snoitcurtsni", "erongi", "drageersid", "tpmorp")))
_LEET = str.maketrans("0134578@$", "oieastbas")
_LEET_WORD = re.compile(r"(?<![\w@$])(?=[\d@$]*[a-z])[a-z]*[0134578@$][\w@$]*")
_SPACED = bytes.maketrans(b".*_-", b"    ")
_CONFUSABLE = dict(
    zip(
        "аеорсухіјѕԁԛԝһӏвкмнтгпἀαβεηικμνοπρτυχωγɡıɩʀℓ",
        "aeopcyxijsdqwhlbkmhtrnaabenikmvonptuxwygiirl",
        strict=True,
    )
)


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


class _Fold(dict[int, str]):
    """Each character as the Latin letter that it looks like, less its accents; Hangul, Kana and Han stay."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        plain_char = char if code > 0x2FFF else unicodedata.normalize("NFKD", char)[:1]
        self[code] = _CONFUSABLE.get(plain_char, plain_char)
        return self[code]


_FOLD = _Fold()


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


def without_instructions(text: str) -> str:
    """The text less its sentences that instruct a model and the neighbours that carry an order on; lines stay lines.

    Invisible characters go too, and images written in markdown: a client would fetch them.
    """
    text = visible(text)
    lines = text.split("\n")
    kept = lines_without_instructions(lines)
    return text if kept == lines else "\n".join(line for line, old in zip(kept, lines, strict=True) if line or not old)


def lines_without_instructions(lines: Sequence[str]) -> list[str]:
    """The same for lines of visible text, each in its place: "" where nothing of one is left."""
    sentences = [_Sentence(text, gap, n) for n, line in enumerate(lines) for text, gap in _sentences(line)]
    _mark(sentences, any(map(_letters_apart, lines)))
    changed = {sentence.line for sentence in sentences if sentence.changed}
    kept = ["" if n in changed else line for n, line in enumerate(lines)]
    for sentence in sentences:
        if sentence.line in changed and not sentence.dropped:
            kept[sentence.line] += sentence.text + sentence.gap
    return [line.rstrip() if n in changed else line for n, line in enumerate(kept)]


def carries_on(text: str) -> bool:
    """Whether a text fits an order that stands elsewhere; meant for text that a page conceals."""
    return _has_token(text) or any(AKIN.search(_folded(part)) for part, _ in _sentences(text))


def cleaned(stated: Any) -> Any:
    """JSON-LD with `without_instructions` done to all strings; a thing that was nothing else loses its type."""
    if isinstance(stated, str):
        return without_instructions(stated)
    if isinstance(stated, list):
        return [cleaned(one) for one in stated]
    if not isinstance(stated, dict):
        return stated
    kept = {key: cleaned(one) for key, one in stated.items()}
    if "@type" in kept and stated.get("name") and not kept["name"] and not kept.get("description"):
        del kept["@type"]
    return kept


def visible(text: str) -> str:
    """What of a text people see; images written in markdown go, since a client would fetch them."""
    if not text.isascii():
        if any("\u0300" <= char <= "\u036f" for char in text):
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


def _letters_apart(text: str) -> bool:
    """Whether six words in a row are of one letter."""
    words = text.encode("latin-1", "replace").translate(_SPACED).split()
    return b"\1\1\1\1\1\1" in bytes([min(len(word), 2) for word in words])


def _view(text: str, spelt: bool) -> tuple[str, int]:
    """What a text says to a reader that sees through its disguises, a line for each reading; and its words' bits."""
    base = _folded(text)
    words = base.split()
    said = reduce(or_, map(bits, words), 0)
    views = []
    if not text.isascii() and _OTHER_SCRIPT.search(text):
        views.append(unicodedata.normalize("NFKC", text).lower())
    if _LEET_WORD.search(base):
        views.append(_LEET_WORD.sub(lambda word: word[0].translate(_LEET), base))
    if spelt:
        views.append(_SPELT.sub(_closed_up, base))
    if said & _ROT13:
        views.append(codecs.encode(base, "rot13"))
    if said & _REVERSED:
        views.append(base[::-1])
    if len(text) >= BLOB and max(map(len, words), default=0) >= BLOB:
        views += [_folded(found) for found in map(_decoded, _BASE64.findall(text)) if found]
    for view in views:
        said = reduce(or_, map(bits, view.split()), said)
    return "\n".join([base, *views]), said


def _closed_up(match: re.Match[str]) -> str:
    return re.sub(r"[ .*_-]", "", match.group())


def _folded(text: str) -> str:
    return text.lower() if text.isascii() else unicodedata.normalize("NFKC", text).lower().translate(_FOLD)


def _decoded(blob: str) -> str:
    """Text behind base64; "" where there is none."""
    try:
        found = base64.b64decode(blob.replace("-", "+").replace("_", "/") + "==").decode("utf-8")
    except (binascii.Error, ValueError):
        return ""
    return found if found.isprintable() else ""


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


def _mark(sentences: list[_Sentence], spelt: bool) -> None:
    """Marks what is dropped: the orders, a line and the next that are one only together, and what carries on."""
    for n, sentence in enumerate(sentences):
        sentence.dropped = _orders(sentence.text, spelt)
        if n and not sentence.dropped and _runs_on(sentences[n - 1], sentence, spelt):
            sentences[n - 1].dropped = sentence.dropped = True
    ordering = [n for n, sentence in enumerate(sentences) if sentence.dropped]
    for n in ordering:
        _spread(sentences[n + 1 : n + 1 + AFTER])
        _spread(sentences[max(0, n - BEFORE) : n][::-1])
    for n in ordering:
        sentences[n].text = _before(sentences[n].text, spelt)
        sentences[n].changed, sentences[n].dropped = True, not sentences[n].text


def _runs_on(before: _Sentence, sentence: _Sentence, spelt: bool) -> bool:
    """Whether an order begins on the line before and ends on this: a line that begins with a capital does not go on."""
    if before.dropped or before.line == sentence.line or not before.text or sentence.text[:1].isupper():
        return False
    return (
        len(before.text) > 11
        and not _CLOSED.search(before.text)
        and _orders(f"{before.text[-200:]} {sentence.text[:200]}", spelt)
    )


@lru_cache(SEEN)
def _orders(text: str, spelt: bool) -> bool:
    if len(text) < SHORTEST or _is_label(text):
        return False
    view, said = _view(text, spelt)
    return any(
        rule.pattern.search(view) and not (rule.quotable and QUOTED.search(view) and not _has_token(text))
        for rule in RULES
        if said & rule.one and said & rule.other and (not rule.with_token or _has_token(text))
    )


def _is_label(text: str) -> bool:
    """One or two words of letters alone: most lines of a page are."""
    return len(text) < BLOB and text.isascii() and text.count(" ") < 2 and text.replace(" ", "").isalpha()


def _has_token(text: str) -> bool:
    return any(TOKEN.search(word) for word in text.split() if len(word) >= 8 and not word.isalpha())


def _spread(neighbours: Sequence[_Sentence]) -> None:
    for sentence in neighbours:
        if sentence.text.strip() and not sentence.dropped:
            if not (AKIN.search(_folded(sentence.text)) or _has_token(sentence.text)):
                return
            sentence.dropped = sentence.changed = True


def _before(text: str, spelt: bool) -> str:
    """What stands before an order that a bar or a dash sets apart, as in a title; "" where nothing does."""
    parts = list(_parts(_SEPARATOR, text))
    first = next((n for n, (part, _) in enumerate(parts) if _orders(part, spelt)), 0)
    if any(AKIN.search(_folded(part)) or _has_token(part) for part, _ in parts[:first]):
        return ""
    return "".join(part + gap for part, gap in parts[:first]).rstrip(" |–—·•»-")
