"""What the word index sees of a text: English stems, and pairs of neighbouring Hangul, Han and Kana characters.

Korean and Japanese words carry endings, and Chinese has no spaces: pairs of characters match the stem of a word
whatever follows it, without a dictionary.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from itertools import pairwise

import tantivy

MAX_QUERY_WORDS = 64
MAX_WORD = 64

_CJK = "\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3"
# A run of CJK, or a word, with what makes c++ and c# another language than c.
_WORD = re.compile(rf"[{_CJK}]+|[^\W_{_CJK}]+(?:[+#]+(?!\w))?")
_IS_CJK = re.compile(f"[{_CJK}]")
_STOP_WORDS = (
    "a about an and are as at be been but by can could did do does for from had has have how i if in into is it its me"
    " my no not of on or our should so such that the their them then there these they this to was we were what when"
    " where which who will with would you your"
)
_STOP = frozenset(_STOP_WORDS.split())
_local = threading.local()


def _stemmer() -> tantivy.TextAnalyzer:
    # Analyzers are not shared between threads.
    if not hasattr(_local, "stemmer"):
        whitespace = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace())
        _local.stemmer = whitespace.filter(tantivy.Filter.stemmer("english")).build()
    return _local.stemmer


def searchable(text: str) -> str:
    """The words of a text, spaces between: case folded, stemmed, CJK in pairs."""
    return " ".join(_stemmer().analyze(" ".join(_split(text))))


def query_words(text: str) -> list[str]:
    """The different words of a query in the same form, without those that every text has, if there are others."""
    split = _split(text)
    telling = [word for word in split if word not in _STOP] or split
    words = dict.fromkeys(_stemmer().analyze(" ".join(telling)))
    return list(words)[:MAX_QUERY_WORDS]


def _split(text: str) -> list[str]:
    words: list[str] = []
    for found in _WORD.findall(_folded(text)):
        if _IS_CJK.match(found):
            words += _pairs(found)
        else:
            words.append(found[:MAX_WORD])
    return words


def _folded(text: str) -> str:
    # NFKC joins the parts of a Hangul syllable and evens out full-width forms.
    return (text if text.isascii() else unicodedata.normalize("NFKC", text)).casefold()


def _pairs(run: str) -> list[str]:
    return [a + b for a, b in pairwise(run)] if len(run) > 1 else [run]
