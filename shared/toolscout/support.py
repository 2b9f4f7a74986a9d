"""Whether a passage says what a sentence claims: words, numbers and names, no second model.

A language model invents most visibly in what can be checked by reading: a number, a name, a "not". So each of those
must stand in the passage, and of the other words enough.
"""

from __future__ import annotations

import re

from toolscout.text import HANGUL
from toolscout.words import query_words, searchable

_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
# A capital inside a sentence, or several: a name. Korean particles that follow it are no part of it.
_NAME = re.compile(r"(?<![.!?:]\s)(?<!^)\b[A-Z][\w.+#-]*\w|\b[A-Z]{2,}\w*|\b\w*[a-z][A-Z]\w*", re.A)
_NEGATION = re.compile(r"\b(?:not|no|never|without|cannot|neither|nor)\b|n't\b|않|없|아니|못하|안\s", re.I)
_LATIN_WORD = re.compile(r"[A-Za-z][A-Za-z0-9.+#-]*")
# What a sentence may not exceed while something in it is unfounded.
_NUMBER_MISSING, _NEGATION_ADDED, _NAME_MISSING = 0.0, 0.25, 0.4
# Beside it, a word that only binds others is dropped.
UNLIKELY = "zqx"
_FIRST = re.compile(r"^\W*([A-Z][\w.+#-]*\w)", re.A)


def support(sentence: str, passage: str) -> float:
    """Share of the sentence's telling words that the passage has, 0..1.

    0 with a number that the passage lacks; at most .25 with a negation, and .4 with a name, that it lacks. (The word
    that a sentence begins with counts as a name: mostly it is the tool.) Between
    Korean and another language only names, Latin words and numbers can be compared: then they alone decide, and a
    sentence without any has no support.
    """
    numbers = set(_NUMBER.findall(passage))
    if any(number not in numbers for number in _NUMBER.findall(sentence)):
        return _NUMBER_MISSING
    if _foreign(sentence, passage):
        return _shared_latin(sentence, passage)
    words = query_words(sentence)
    there = set(searchable(passage).split())
    share = sum(word in there for word in words) / len(words) if words else 0.0
    if _NEGATION.search(sentence) and not _NEGATION.search(passage):
        return min(share, _NEGATION_ADDED)
    folded = passage.casefold()
    names = _NAME.findall(sentence)
    if any(name.casefold() not in folded for name in names) or not _begins_within(sentence, there):
        return min(share, _NAME_MISSING)
    return share


def _begins_within(sentence: str, there: set[str]) -> bool:
    first = _FIRST.match(sentence)
    return not first or len(query_words(f"{first[1]} {UNLIKELY}")) == 1 or set(searchable(first[1]).split()) <= there


def _foreign(sentence: str, passage: str) -> bool:
    return bool(HANGUL.search(sentence)) != bool(HANGUL.search(passage))


def _shared_latin(sentence: str, passage: str) -> float:
    there = {word.casefold().strip(".-") for word in _LATIN_WORD.findall(passage)}
    words = {word.casefold().strip(".-") for word in _LATIN_WORD.findall(sentence)}
    return sum(word in there for word in words) / len(words) if words else 0.0
