"""Rows of a question: an answer that cites its passage, and a refusal where no passage answers."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from toolscout.check import check
from toolscout.prompts.answer import NOTHING, Prompt, Source, build
from toolscout.settings import Settings
from toolscout.support import support
from toolscout.text import spoken
from toolscout.words import query_words, searchable

from services.trainer.synthetic_points import Question
from services.trainer.synthetic_tools import Passage, Tool, cosine

WEIGHT = 0.5
# What a passage must say of each sentence that cites it, and of each that the answer rests on.
SUPPORTED, SHOWN = 0.8, 0.99
# Passages that come nearer than this to the one that answers, or that have more of the question's words, may answer
# too. (Cosines of MiniLM: passages of two tools picked at random have 0.1 to 0.3.)
NEAR, SHARED = 0.45, 0.34
DISTRACTORS = (1, 2)
# What every question about tools may say.
_COMMON = frozenset(
    query_words("tool tools ai app application recommend offers good something free plan trial runs works")
)

Row = dict[str, Any]


class LeftOut(Exception):
    """Why no row is made; the text is the reason under which it is counted."""


@dataclass(frozen=True, slots=True)
class Result:
    """A tool as toolscout.prompts.answer takes it; scores are even, so that all are shown."""

    tool: Tool
    passages: list[Passage]
    score: float = 1.0


def verify(question: Question, tool: Tool) -> None:
    """Raises LeftOut where the whole passage does not bear the answer out."""
    source = Source(1, question.passage.id, tool.id, tool.name, question.passage.text)
    told = " ".join(f"{sentence} [1]" for sentence in question.told)
    found = check(told, [source], SUPPORTED)
    if found.dropped or found.kept != len(question.told):
        raise LeftOut("answer_unsupported")


def answer(question: Question, tool: Tool, others: Sequence[Tool], settings: Settings, rng: random.Random) -> Row:
    """The question over its passage and one or two of other tools, in any order. Raises LeftOut.

    Where the prompt has no room for all that the answer says, there is one passage less, then one sentence.
    """
    beside = unlike(question, tool, others, rng.choice(DISTRACTORS), rng)
    if not beside:
        raise LeftOut("no_unlike_passages")
    brief = replace(question, told=question.told[:1], needs=question.needs[:1])
    for shorter, fewer in ((question, beside), (question, beside[:1]), (brief, beside[:1])):
        results = [Result(tool, [question.passage]), *fewer]
        rng.shuffle(results)
        prompt = build(question.text, results, True, settings)
        source = next((source for source in prompt.sources if source.chunk_id == question.passage.id), None)
        if source and (text := _cited(shorter, source, prompt.sources)):
            shown = sorted(prompt.sources, key=lambda one: one is not source)
            return row("answer", question, prompt, text, tool.at, shown)
    raise LeftOut("not_shown")


def _cited(question: Question, source: Source, sources: Sequence[Source]) -> str:
    """The answer with its citations; "" where what the prompt shows does not bear it out."""
    if not all(support(needed, source.text) >= SHOWN for needed in question.needs):
        return ""
    text = " ".join(f"{sentence} [{source.n}]" for sentence in question.told)
    found = check(text, sources, SUPPORTED)
    only = {one.chunk_id for one in found.citations} == {source.chunk_id}
    return text if only and not found.dropped and found.kept == len(question.told) else ""


def refusal(question: Question, tool: Tool, others: Sequence[Tool], settings: Settings, rng: random.Random) -> Row:
    """The question over passages of other tools. Raises LeftOut."""
    beside = unlike(question, tool, others, rng.choice((2, 3)), rng)
    if not beside:
        raise LeftOut("no_unlike_passages")
    prompt = build(question.text, beside, True, settings)
    if not prompt.sources:
        raise LeftOut("not_shown")
    return row("refusal", question, prompt, NOTHING[spoken(question.text)], tool.at, prompt.sources)


def unlike(question: Question, tool: Tool, others: Sequence[Tool], most: int, rng: random.Random) -> list[Result]:
    """Passages of tools that do not answer the question, as far as words, vectors and category tell."""
    found: list[Result] = []
    for other in rng.sample(list(others), len(others)):
        if other.id == tool.id or other.site == tool.site or not other.passages:
            continue
        # The price of another tool of the same kind would fit as well.
        if question.generic and other.category in (tool.category, "other"):
            continue
        passage = rng.choice(other.passages[:4])
        if len(passage.text) >= 60 and not fits(question, passage):
            found.append(Result(other, [passage]))
        if len(found) == most:
            break
    return found


def fits(question: Question, passage: Passage) -> bool:
    """Whether a passage may answer the question too."""
    wanted = set(query_words(question.text)) - _COMMON
    there = set(searchable(passage.text).split())
    return len(wanted & there) > SHARED * len(wanted) or cosine(question.passage, passage) > NEAR


def row(kind: str, question: Question, prompt: Prompt, text: str, at: float, shown: Sequence[Source]) -> Row:
    return {
        "kind": kind,
        "prompt": prompt.messages,
        "completion": [{"role": "assistant", "content": text}],
        "prompt_version": prompt.version,
        "query": question.text,
        "language": spoken(question.text),
        "source": "synthetic",
        "by": question.by,
        "tool_ids": [source.tool_id for source in shown],
        "chunk_ids": [source.chunk_id for source in shown],
        "at": at,
        "weight": WEIGHT,
    }


def triple(question: Question, tool: Tool) -> Row:
    """For the query adapter: the question should find the passage."""
    return {
        "query": question.text,
        "chunk_id": question.passage.id,
        "tool_id": tool.id,
        "negatives": [],
        "weight": WEIGHT,
        "language": spoken(question.text),
        "source": "synthetic",
        "at": tool.at,
    }
