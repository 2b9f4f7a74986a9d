"""Like questions together: by the same words or the same meaning.

The encoder reads Korean badly, so Korean questions are alike that have the same pairs of syllables.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from toolscout.encoder import Encoder
from toolscout.text import HANGUL

COSINE, JACCARD = 0.8, 0.6

# c++ and c# are other languages than c.
_WORD = re.compile(r"[\w+#]+")


class Likeness:
    """Groups questions; remembers the last grouping, and the vectors of the questions in it."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._lock = threading.Lock()
        self._vectors: dict[str, np.ndarray] = {}
        self._asked: tuple[str, ...] = ()
        self._leaders: list[int] = []

    def leaders(self, questions: Sequence[str]) -> list[int]:
        """For each question, given oldest first, the position of the one that leads its group. Blocks.

        Greedy: a question joins the leader that it is most like, or leads from there on.
        """
        with self._lock:
            if tuple(questions) != self._asked:
                self._leaders = self._group([normalised(question) for question in questions])
                self._asked = tuple(questions)
            return self._leaders

    def _group(self, texts: Sequence[str]) -> list[int]:
        first = {text: n for n, text in reversed(list(enumerate(texts)))}
        different = sorted(first, key=first.__getitem__)
        leader = _by_pairs([text for text in different if HANGUL.search(text)])
        leader |= self._by_meaning([text for text in different if not HANGUL.search(text)])
        return [first[leader[text]] for text in texts]

    def _by_meaning(self, texts: Sequence[str]) -> dict[str, str]:
        """The leader of each text, by cosine."""
        new = [text for text in texts if text not in self._vectors]
        made = dict(zip(new, self._encoder.encode(new), strict=True)) if new else {}
        self._vectors = {text: made[text] if text in made else self._vectors[text] for text in texts}
        if not texts:
            return {}
        alike = np.stack([self._vectors[text] for text in texts])
        alike = alike @ alike.T
        leaders: list[int] = []
        out = {}
        for n, text in enumerate(texts):
            best = max(leaders, key=alike[n].__getitem__, default=n)
            if alike[n, best] < COSINE or not leaders:
                leaders.append(n)
                best = n
            out[text] = texts[best]
        return out


def _by_pairs(texts: Sequence[str]) -> dict[str, str]:
    """The leader of each text, by the share of common pairs of characters."""
    leaders: dict[str, frozenset[str]] = {}
    out = {}
    for text in texts:
        pairs = _pairs(text)
        best, likeness = max(
            ((one, _jaccard(pairs, some)) for one, some in leaders.items()), key=_second, default=("", 0.0)
        )
        if likeness < JACCARD:
            leaders[text] = pairs
            best = text
        out[text] = best
    return out


def _second(pair: tuple[str, float]) -> float:
    return pair[1]


def _pairs(text: str) -> frozenset[str]:
    # Without spaces, which Korean writers set as they like.
    joined = text.replace(" ", "")
    return frozenset(a + b for a, b in pairwise(joined)) or frozenset((joined,))


def _jaccard(a: frozenset[str], b: frozenset[str]) -> float:
    return len(a & b) / len(a | b)


def normalised(question: str) -> str:
    """Without what people vary: case, width, punctuation, spaces."""
    folded = unicodedata.normalize("NFKC", question).casefold()
    return " ".join(_WORD.findall(folded)) or folded.strip()
