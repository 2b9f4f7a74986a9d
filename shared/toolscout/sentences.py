"""Texts cut into sentences."""

from __future__ import annotations

import re

_END = re.compile(r"(?<=[.!?。！？])\s+|\n+|(?<=[다요]\.)\s*")


def sentences(text: str) -> list[str]:
    """The sentences and lines of a text, white space evened out, empty ones left out."""
    return [line for part in _END.split(text) if (line := " ".join(part.split()))]
