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
# English words that only bind others, what an apostrophe leaves of them, and how people put a request: descriptions
# seldom have the latter, so BM25 would take them for telling.
_STOP_WORDS = (
    "a about after again all also am an and any anything are as at be because been before being between both but by can"
    " could did do does doing done during each either etc few for from further had has have having he her here hers him"
    " his how i if in into is it its itself just may me might more most must my myself no nor not of off on once one or"
    " other our ours out over own same shall she should so some someone something such than that the their theirs them"
    " then there these they this those through to too under until up upon us very was we were what when where whether"
    " which while who whom whose why will with within would you your yours"
    " d don isn ll m re s t ve"
    " could give help hello hi know let like look looking need needs please show tell thank thanks use using want wants"
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
