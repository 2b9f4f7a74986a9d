"""Holds what a model wrote against the passages that it cites: what no passage supports is taken out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from toolscout.domain import Citation
from toolscout.prompts.answer import Source
from toolscout.sentences import sentences
from toolscout.support import support
from toolscout.untrusted import instructs

# A sentence without a citation is given one only if a passage says it nearly word for word.
UNCITED = 0.8
# Of an answer that loses more than this share of its sentences the rest is not shown either.
MOST_DROPPED = 2 / 3
_CITED = re.compile(r"\s*[\[(]\s*(?:passage\s*)?(\d{1,2}(?:\s*,\s*\d{1,2})*)\s*[\])]", re.I)
# Small models number their lines by the passages.
_NUMBERED = re.compile(r"^\s*(?:[-*•]\s*)?(\d{1,2})\s*[.):]\s+")
_LEADING = re.compile(r"^\s*(?:[-*•]\s*)?(?:\[\d{1,2}\]|\d{1,2}[.)])")
_BULLET = re.compile(r"^\s*(?:[-*•]|\d{1,2}\s*[.):])\s+")
_MARKS = re.compile(r"[*_`#>]+")
_ECHO = re.compile(r"^(?:question|passages?|answer|질문|답변?)\s*:", re.I)


@dataclass(slots=True)
class Checked:
    """What stands, with its citations; `support` is the mean over what stands, None where nothing does."""

    text: str = ""
    citations: list[Citation] = field(default_factory=list)
    kept: int = 0
    dropped: int = 0
    support: float | None = None

    @property
    def stands(self) -> bool:
        return self.kept > 0 and self.dropped <= MOST_DROPPED * (self.kept + self.dropped)


def check(text: str, sources: Sequence[Source], needed: float) -> Checked:
    """Keeps the sentences that their passages support at least `needed`; renumbers citations in order of use."""
    found = Checked()
    numbers: dict[int, int] = {}
    lines: list[tuple[str, str]] = []
    scores, seen = [], set()
    for claim, cited, leading in _claims(text, sources):
        if claim.casefold() in seen:
            continue
        backing, score = _backing(claim, cited or leading, sources)
        if score < needed and not cited:
            backing, score = _backing(claim, [], sources)
            leading = []
        if score < (needed if cited or leading else max(needed, UNCITED)) or instructs(claim):
            found.dropped += 1
            continue
        seen.add(claim.casefold())
        scores.append(score)
        mark = "".join(f"[{numbers.setdefault(source.n, len(numbers) + 1)}]" for source in backing)
        if lines and lines[-1][1] == mark:
            lines[-1] = (f"{lines[-1][0]} {claim}", mark)
        else:
            lines.append((claim, mark))
    by_number = {source.n: source for source in sources}
    found.kept = len(scores)
    found.text = "\n".join(f"{claim} {mark}" for claim, mark in lines)
    found.citations = [Citation(n, by_number[old].chunk_id, by_number[old].tool_id) for old, n in numbers.items()]
    found.support = round(sum(scores) / len(scores), 3) if scores else None
    return found


def _claims(text: str, sources: Sequence[Source]) -> Iterator[tuple[str, list[Source], list[Source]]]:
    """(claim, the passages that it names, the passage by whose number its line begins)."""
    # A mark that follows the full stop belongs to the sentence before it.
    joined = re.sub(r"([.!?。])((?:[ \t]*\[[\d,\s]+\])+)\.?", r"\2\1", text)
    for line in joined.splitlines():
        _, leading = _read(found[0], sources) if (found := _LEADING.match(line)) else ("", [])
        for sentence in sentences(line):
            claim, cited = _read(sentence, sources)
            if claim and not _ECHO.match(claim):
                yield claim, cited, leading


def _read(line: str, sources: Sequence[Source]) -> tuple[str, list[Source]]:
    """(the claim without its marks, the passages that it names)."""
    named = [int(n) for found in _CITED.findall(line) for n in found.split(",")]
    if not named and (numbered := _NUMBERED.match(f"{line} ")):
        named = [int(numbered[1])]
    cited = [source for source in sources if source.n in named]
    claim = _MARKS.sub("", _BULLET.sub("", _CITED.sub("", line)))
    claim = re.sub(r"\s+([.,!?])", r"\1", " ".join(claim.split()))
    return (claim if _says_something(claim) else ""), cited


def _says_something(claim: str) -> bool:
    """Two words at least, not the rest of a sentence that was cut at its number."""
    return len(re.findall(r"\w{2,}", claim)) >= 2


def _backing(claim: str, cited: Sequence[Source], sources: Sequence[Source]) -> tuple[list[Source], float]:
    """The passages that a claim rests on, and how well: all that it cites together, else the one that says it best."""
    if cited:
        return list(cited), support(claim, "\n".join(f"{s.name}: {s.text}" for s in cited))
    scored = [(support(claim, f"{source.name}: {source.text}"), -source.n, source) for source in sources]
    score, _, best = max(scored, default=(0.0, 0, None))
    return ([best] if best else []), score
