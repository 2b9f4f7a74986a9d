"""An answer in the pages' own words: the sentences that fit the question best, each with its citation."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from toolscout.words import query_words, searchable

from services.gateway.retrieve import Result

TOOLS, SENTENCES = 5, 3
MIN_CHARS, MAX_CHARS = 25, 320
HANGUL = re.compile(r"[\uac00-\ud7a3]")
_SENTENCE_END = re.compile(r"(?<=[.!?。！？])\s+|\n+|(?<=[다요]\.)\s*")


@dataclass(slots=True)
class Citation:
    n: int
    chunk_id: int
    tool_id: int


@dataclass(slots=True)
class Answer:
    """`source` is "extractive" while no model wrote it; quoted sentences are grounded by their nature."""

    text: str
    citations: list[Citation] = field(default_factory=list)
    source: str = "extractive"
    model: str | None = None
    grounded: bool = True


@dataclass(slots=True)
class _Sentence:
    text: str
    words: set[str]
    rank: int
    result: Result
    chunk_id: int


def nothing_fits(query: str) -> Answer:
    korean = "맞는 도구를 찾지 못했습니다. 아래는 가장 가까운 결과입니다."
    english = "Nothing here fits that question. What follows only comes close."
    return Answer(korean if HANGUL.search(query) else english)


def extract(query: str, results: Sequence[Result]) -> Answer:
    """The best sentences of the first results, one a tool; words that few sentences have weigh more (idf)."""
    sentences = [s for rank, result in enumerate(results[:TOOLS]) for s in _sentences(rank, result)]
    if not sentences:
        return nothing_fits(query)
    wanted = set(query_words(query))
    seen_in = Counter(word for s in sentences for word in s.words & wanted)
    weight = {word: math.log(1 + len(sentences) / n) for word, n in seen_in.items()}
    best: dict[int, tuple[float, _Sentence]] = {}
    for s in sentences:
        score = sum(weight[word] for word in s.words & wanted) / (1 + 0.15 * s.rank)
        if s.rank not in best or score > best[s.rank][0]:
            best[s.rank] = (score, s)
    ranked = sorted(best.values(), key=lambda pair: (-pair[0], pair[1].rank))
    chosen = [s for score, s in ranked[:SENTENCES] if score > 0] or [ranked[0][1]]
    return _compose(chosen)


def _sentences(rank: int, result: Result) -> list[_Sentence]:
    found = []
    for passage in result.passages:
        for text in _SENTENCE_END.split(passage.text):
            text = " ".join(text.split())
            if MIN_CHARS <= len(text) <= MAX_CHARS:
                found.append(_Sentence(text, set(searchable(text).split()), rank, result, passage.id))
    if not found and result.passages:
        first = result.passages[0]
        text = " ".join(first.text.split())[:MAX_CHARS]
        found.append(_Sentence(text, set(searchable(text).split()), rank, result, first.id))
    return found


def _compose(chosen: Sequence[_Sentence]) -> Answer:
    lines, citations = [], []
    for n, s in enumerate(chosen, start=1):
        lines.append(f"{s.result.tool.name}: {s.text} [{n}]")
        citations.append(Citation(n, s.chunk_id, s.result.tool.id))
    return Answer("\n".join(lines), citations)
