"""Tells from a text's words which rules could fit it: a look-up for each, so that most texts are read no further."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import reduce
from operator import or_

from toolscout.orders import TOKEN, Rule
from toolscout.orders_disguised import BLOB, REVERSED, ROT13, one_letter, readings

# Groups of words that a rule may have, and rules that there may be.
LEVELS, WIDTH = 4, 128
# What a word may show beside what rules need: a letter set apart, a text in rot13 or from right to left.
LETTER, TURNED = (1 << LEVELS * WIDTH + n for n in range(2))
# Words whose bits are kept, and the length of the longest one: pages of one language share most of theirs.
KNOWN, LONG = 131_072, 100

_RULES = (1 << WIDTH) - 1
_ENDS = ".,:;!?()[]{}\"'“”‘’«»*_-—/"
_PIECE = re.compile(r"[^\W_]+")


class Words(dict[str, int]):
    """Each word, as it is written, with its bits: one for each group of each rule that it satisfies."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        super().__init__()
        self._whole: dict[str, int] = {}
        # By their first three characters; shorter ones by themselves.
        self._parts: dict[str, list[tuple[str, int]]] = {}
        self._pairs: dict[str, int] = {}
        self._chars: dict[str, int] = {}
        self._token = 0
        for number, rule in enumerate(rules):
            groups = [*rule.needs, ()] if rule.with_token else rule.needs
            for level, group in enumerate(groups):
                self._add(group, _bits(number, level, last=level == len(groups) - 1))
            if rule.with_token:
                self._token |= _bits(number, len(groups) - 1, last=True)
        self._add((*ROT13, *REVERSED), TURNED)

    def _add(self, words: Iterable[str], bits: int) -> None:
        for word in words:
            plain = word.removeprefix("=")
            if plain == word and len(word) > 2:
                self._parts.setdefault(word[:3], []).append((word, bits))
            else:
                known = self._whole if plain != word else self._pairs if word[1:] else self._chars
                known[plain] = known.get(plain, 0) | bits

    def said(self, text: str) -> int:
        """The bits of all words of a text."""
        found = 0
        for word in text.split():
            found |= self[word]
        return found

    def __missing__(self, word: str) -> int:
        bare = word.strip(_ENDS)
        if 1 < len(word) < BLOB and bare.isalpha() and word.isascii():
            found = self._found(word.lower()) | self._whole.get(bare.lower(), 0)
        else:
            found = self._disguised(word)
        if len(word) <= LONG:
            if len(self) >= KNOWN:
                self.clear()
            self[word] = found
        return found

    def _disguised(self, word: str) -> int:
        found = (LETTER if one_letter(word) else 0) | (self._token if has_token(word) else 0)
        for reading in readings(word):
            for part in reading.split():
                found |= self._found(part) | self._whole.get(part.strip(_ENDS), 0)
                found |= reduce(or_, (self._whole.get(piece, 0) for piece in _PIECE.findall(part)), 0)
        return found

    def _found(self, word: str) -> int:
        """The bits of what a word holds."""
        found = 0
        for start in range(len(word) - 2):
            for part, bits in self._parts.get(word[start : start + 3], ()):
                if word.startswith(part, start):
                    found |= bits
        if not word.isalpha() or not word.isascii():
            for char in self._chars.keys() & word:
                found |= self._chars[char]
            for start in range(len(word) - 1):
                found |= self._pairs.get(word[start : start + 2], 0)
        return found


def _bits(number: int, level: int, last: bool) -> int:
    """A rule's bit at a level; its last group stands for the levels that it leaves empty as well."""
    return sum(1 << number + WIDTH * n for n in range(level, LEVELS if last else level + 1))


def rules_for(said: int) -> int:
    """The rules that may fit where words with these bits are met: bit n for the nth."""
    return said & said >> WIDTH & said >> 2 * WIDTH & said >> 3 * WIDTH & _RULES


def has_token(text: str) -> bool:
    """Whether a word of the text is a token that means nothing."""
    return any(TOKEN.search(word) for word in text.split() if len(word) >= 8 and not word.isalpha())
