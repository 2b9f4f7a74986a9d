"""What a model is asked: the rules of answer.md, numbered passages, the question, within the tokens that it takes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Protocol

from toolscout.calls import Message
from toolscout.sentences import sentences
from toolscout.settings import Settings
from toolscout.text import HANGUL
from toolscout.tokens import context, shortened, tokens
from toolscout.untrusted import fenced, without_instructions
from toolscout.words import query_words, searchable

RULES = Path(__file__).with_name("answer.md")
# Tools that are worth a passage each, from a small model's prompt and from a large one's.
EMBEDDED_TOOLS, TOOLS = 3, 8
NEAR = 0.75
# Words that a heading has at most.
HEADING = 5
# The chat template, the word "Question", and what an estimate may miss.
OVERHEAD = 40
MAX_QUESTION = 60
# What a model is taught to say where no passage answers.
NOTHING = {"en": "Nothing here fits that question.", "ko": "맞는 도구를 찾지 못했습니다."}


class Passage(Protocol):
    @property
    def id(self) -> int: ...
    @property
    def text(self) -> str: ...


class Named(Protocol):
    @property
    def id(self) -> int: ...
    @property
    def name(self) -> str: ...


class Shown(Protocol):
    """A tool among the results, with the passages that matched, best first."""

    @property
    def tool(self) -> Named: ...
    @property
    def score(self) -> float: ...
    @property
    def passages(self) -> Sequence[Passage]: ...


@dataclass(frozen=True, slots=True)
class Source:
    """A numbered passage as the model saw it."""

    n: int
    chunk_id: int
    tool_id: int
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Prompt:
    messages: list[Message]
    sources: list[Source]
    version: str


@cache
def rules() -> tuple[str, str]:
    """(the text of answer.md, its version: the beginning of its SHA-256)."""
    text = RULES.read_text(encoding="utf-8").strip()
    return text, hashlib.sha256(text.encode()).hexdigest()[:12]


def build(query: str, results: Sequence[Shown], embedded: bool, settings: Settings) -> Prompt:
    """The prompt for a question. The rules come first and never change, so that a server can keep them read."""
    text, version = rules()
    text = text.replace("{language}", "Korean" if HANGUL.search(query) else "English")
    question = shortened(fenced(query), MAX_QUESTION)
    room = context(settings, embedded) - OVERHEAD - tokens(text) - tokens(question)
    sources = _sources(query, _near(results, EMBEDDED_TOOLS) if embedded else results[:TOOLS], room, embedded)
    passages = "\n".join(f"[{source.n}] {source.name}: {source.text}" for source in sources)
    asked = f"{passages}\n\nQuestion: {question}"
    return Prompt([{"role": "system", "content": text}, {"role": "user", "content": asked}], sources, version)


def _near(results: Sequence[Shown], most: int) -> Sequence[Shown]:
    """A small model says something of every passage: only those that come close to the best are shown to it."""
    return [result for result in results[:most] if result.score >= NEAR * results[0].score]


def _sources(query: str, results: Sequence[Shown], room: int, embedded: bool) -> list[Source]:
    """Each tool's best passage, then further ones of a large model's, numbered from 1; equal room for each."""
    wanted = [(r, p) for rank in range(1 if embedded else 3) for r in results for p in r.passages[rank : rank + 1]]
    found: list[Source] = []
    for left, (result, passage) in zip(range(len(wanted), 0, -1), wanted, strict=True):
        name = shortened(fenced(result.tool.name), 15)
        share = room // left - tokens(name) - 6
        text = shortened(_telling(query, passage, embedded), share)
        if len(text) < 20:
            continue
        found.append(Source(len(found) + 1, passage.id, result.tool.id, name, text))
        room -= tokens(text) + tokens(name) + 6
    return found


def _telling(query: str, passage: Passage, embedded: bool) -> str:
    """The passage on one line, without what speaks to models; for a small model its sentences nearest to the query."""
    text = without_instructions(passage.text)
    if not embedded:
        return fenced(" ".join(text.split()))
    wanted = set(query_words(query))
    # A heading beside its text would read as one sentence with it.
    every = [s for s in sentences(text) if s[-1] in ".!?。！？" or len(s.split()) > HEADING] or sentences(text)
    score = {n: len(wanted & set(searchable(s).split())) for n, s in enumerate(every)}
    best = sorted(sorted(score, key=lambda n: (-score[n], n))[:3])
    return fenced(" ".join(every[n] for n in best))
