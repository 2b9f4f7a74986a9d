"""Leaves out what a reasoning model thinks aloud: `<think>…</think>`, wherever a stream cuts it."""

from __future__ import annotations

OPEN, CLOSE = "<think>", "</think>"


class Thoughts:
    """Feed it pieces; it gives back what is meant to be read."""

    def __init__(self) -> None:
        self._held = ""
        self._thinking = False
        self._begun = False

    def without(self, piece: str) -> str:
        """What of the pieces so far can be shown now."""
        self._held += piece
        shown = ""
        while True:
            mark = CLOSE if self._thinking else OPEN
            before, found, after = self._held.partition(mark)
            if not found:
                break
            shown += "" if self._thinking else before
            self._held, self._thinking = after, not self._thinking
        kept = _beginning_of(CLOSE if self._thinking else OPEN, self._held)
        ready = self._held[: len(self._held) - kept]
        self._held = self._held[len(self._held) - kept :]
        return self._trimmed(shown + ("" if self._thinking else ready))

    def rest(self) -> str:
        """What was held back and turned out to be text."""
        held, self._held = self._held, ""
        return "" if self._thinking else self._trimmed(held)

    def _trimmed(self, text: str) -> str:
        """The blank lines that follow thoughts are no text."""
        text = text if self._begun else text.lstrip()
        self._begun = self._begun or bool(text)
        return text


def _beginning_of(mark: str, text: str) -> int:
    """How many characters at the end of a text may be the beginning of a mark."""
    return next((n for n in range(min(len(mark) - 1, len(text)), 0, -1) if mark.startswith(text[-n:])), 0)
