"""What a model is asked about one tool: the rules of describe.md, its page's text, the fields to fill in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from toolscout.calls import Message
from toolscout.settings import Settings
from toolscout.tokens import context, shortened, tokens
from toolscout.untrusted import fenced

RULES = Path(__file__).with_name("describe.md").read_text(encoding="utf-8").strip()
# The chat template, and what an estimate may miss.
OVERHEAD = 40
MAX_NAME = 20


def build(name: str, text: str, wanted: Sequence[str], embedded: bool, settings: Settings) -> list[Message]:
    """The prompt for a page's `text`, shortened to the tokens that the model takes."""
    asked = f"Fill in {', '.join(wanted)} of {shortened(fenced(name), MAX_NAME)}."
    room = context(settings, embedded) - OVERHEAD - tokens(RULES) - tokens(asked)
    content = f"{shortened(fenced(text), room)}\n\n{asked}"
    return [{"role": "system", "content": RULES}, {"role": "user", "content": content}]
