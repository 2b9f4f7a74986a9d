"""Cuts a page's text into passages that fit the encoder and mean something alone."""

from __future__ import annotations

import re
from collections.abc import Iterator

from toolscout.domain import Extracted

# Characters. MiniLM reads 256 tokens, about 1,000 characters of English; Hangul takes more tokens a character.
TARGET = 900
TARGET_CJK = 400
# A heading starts a new passage once the current one has this share of the target.
ENOUGH = 1 / 3
MAX_CHUNKS = 32

_SENTENCE_END = re.compile(r"(?<=[.!?。！？])\s+|(?<=[。！？])")
_CJK = re.compile(r"[\u1100-\u11ff\u3040-\u30ff\u3130-\u318f\u3400-\u9fff\uac00-\ud7af]")


def passages(page: Extracted) -> list[str]:
    """At most MAX_CHUNKS texts in the order of the page; a heading stays with what it heads."""
    target = _target(page.text)
    headings = set(page.headings)
    out: list[str] = []
    lines: list[str] = []
    size = 0
    for line in page.text.splitlines():
        for part in _pieces(line.strip(), target):
            full = size + len(part) > target
            new_part = part in headings and size >= target * ENOUGH
            if lines and (full or new_part):
                # A heading at the end of a passage belongs to the next one.
                carried = [lines.pop()] if len(lines) > 1 and lines[-1] in headings else []
                out.append("\n".join(lines))
                lines, size = carried, sum(map(len, carried))
            lines.append(part)
            size += len(part)
    if lines:
        out.append("\n".join(lines))
    return out[:MAX_CHUNKS]


def _target(text: str) -> int:
    sample = text[:4000]
    return TARGET_CJK if len(_CJK.findall(sample)) * 3 > len(sample) else TARGET


def _pieces(line: str, target: int) -> Iterator[str]:
    """The line itself, or its sentences gathered, or, where there are none, cut at a space."""
    if len(line) <= target:
        if line:
            yield line
        return
    gathered = ""
    for sentence in _SENTENCE_END.split(line):
        if gathered and len(gathered) + len(sentence) + 1 > target:
            yield gathered
            gathered = ""
        gathered = f"{gathered} {sentence}".strip()
        while len(gathered) > target:
            cut = gathered.rfind(" ", target // 2, target)
            cut = cut if cut > 0 else target
            yield gathered[:cut].strip()
            gathered = gathered[cut:].strip()
    if gathered:
        yield gathered
