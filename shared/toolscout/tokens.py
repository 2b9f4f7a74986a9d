"""How many tokens a text may have, without any model's tokenizer."""

from __future__ import annotations

import re

from toolscout.settings import Settings

# Tokens of a prompt. At some 160 tokens a second the embedded model reads this in two seconds.
EMBEDDED_CONTEXT, CONTEXT = 350, 6000
_ASCII_WORD = re.compile(r"[A-Za-z]+")


def context(settings: Settings, embedded: bool) -> int:
    """Tokens that a prompt may have."""
    return settings.llm_context or (EMBEDDED_CONTEXT if embedded else CONTEXT)


def tokens(text: str) -> int:
    """At least as many tokens as any usual tokenizer makes of a text: words by length, all else dearer."""
    letters = _ASCII_WORD.findall(text)
    spelt = sum(map(len, letters))
    foreign = sum(not char.isascii() for char in text)
    spaces = text.count(" ")
    return round(sum(1 + len(word) / 6 for word in letters) + (len(text) - spelt - foreign - spaces) + 2.5 * foreign)


def shortened(text: str, limit: int) -> str:
    """The beginning of a text that has at most `limit` tokens, cut between words where it has any."""
    if tokens(text) <= limit:
        return text.strip()
    words, used = [], 0
    for word in re.findall(r"\s*\S{1,20}", text):
        used += tokens(word)
        if used > limit:
            break
        words.append(word)
    return "".join(words).strip()
