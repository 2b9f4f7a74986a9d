"""An answer in the pages' own words: the sentences that fit the question best, each with its citation."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from toolscout.domain import Citation
from toolscout.sentences import sentences
from toolscout.text import HANGUL
from toolscout.untrusted import without_instructions
from toolscout.words import query_words, searchable

from services.gateway.retrieve import Result

TOOLS, SENTENCES = 5, 3
MIN_CHARS, MAX_CHARS = 25, 320


@dataclass(slots=True)
class Answer:
    """`source` is "llm" where a model wrote it and its passages back it, else "extractive" with the reason.

    `grounded`: every sentence is backed by the passage that it cites; quoted ones are by their nature. `support` is the
    mean support (0..1) of a model's sentences, `dropped` how many of them no passage backed.
    """

    text: str
    citations: list[Citation] = field(default_factory=list)
    source: str = "extractive"
    model: str | None = None
    grounded: bool = True
    reason: str | None = None
    support: float | None = None
    dropped: int = 0


@dataclass(slots=True)
class _Sentence:
    text: str
    words: set[str]
    rank: int
    result: Result
    chunk_id: int


def nothing_fits(query: str, model: str | None = None) -> Answer:
    """Says so, by itself or because a model read the passages and found nothing."""
    korean = "맞는 도구를 찾지 못했습니다. 아래는 가장 가까운 결과입니다."
    english = "Nothing here fits that question. What follows only comes close."
    text = korean if HANGUL.search(query) else english
    return Answer(text, source="llm" if model else "extractive", model=model, reason="no_match")


def extract(query: str, results: Sequence[Result]) -> Answer:
    """The best sentences of the first results, one a tool; words that few sentences have weigh more (idf)."""
    every = [s for rank, result in enumerate(results[:TOOLS]) for s in _sentences(rank, result)]
    if not every:
        return nothing_fits(query)
    wanted = set(query_words(query))
    seen_in = Counter(word for s in every for word in s.words & wanted)
    weight = {word: math.log(1 + len(every) / n) for word, n in seen_in.items()}
    best: dict[int, tuple[float, _Sentence]] = {}
    for s in every:
        score = sum(weight[word] for word in s.words & wanted) / (1 + 0.15 * s.rank)
        if s.rank not in best or score > best[s.rank][0]:
            best[s.rank] = (score, s)
    ranked = sorted(best.values(), key=lambda pair: (-pair[0], pair[1].rank))
    chosen = [s for score, s in ranked[:SENTENCES] if score > 0] or [ranked[0][1]]
    return _compose(chosen, korean=bool(HANGUL.search(query)))


def _sentences(rank: int, result: Result) -> list[_Sentence]:
    texts = [(passage, without_instructions(passage.text)) for passage in result.passages]
    found = [
        _Sentence(line, set(searchable(line).split()), rank, result, passage.id)
        for passage, text in texts
        for line in sentences(text)
        if MIN_CHARS <= len(line) <= MAX_CHARS
    ]
    if not found and texts:
        passage, text = texts[0]
        start = " ".join(text.split())[:MAX_CHARS]
        found = [_Sentence(start, set(searchable(start).split()), rank, result, passage.id)] if start else []
    return found


def _compose(chosen: Sequence[_Sentence], korean: bool) -> Answer:
    lines, citations = [], []
    for n, s in enumerate(chosen, start=1):
        quoted = f"{s.result.tool.name} 페이지의 설명: “{s.text}”" if korean and not HANGUL.search(s.text) else ""
        lines.append(f"{quoted or f'{s.result.tool.name}: {s.text}'} [{n}]")
        citations.append(Citation(n, s.chunk_id, s.result.tool.id))
    return Answer("\n".join(lines), citations)
