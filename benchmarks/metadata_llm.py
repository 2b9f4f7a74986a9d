"""Has a language model fill in pages as the processor's describer does, with nothing stored."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from toolscout.catalogue.descriptions import LEADING_CHUNKS, Claimed
from toolscout.domain import Extracted
from toolscout.settings import Settings

from benchmarks.system import running
from services.processor.chunk import passages
from services.processor.describer import Describer


@contextmanager
def model() -> Iterator[Settings]:
    """Settings whose stable arm answers: LLM_API_BASE's, else those of a system with the embedded model."""
    if os.environ.get("LLM_API_BASE"):
        yield Settings(_env_file=None)
        return
    with running() as system:
        yield Settings(_env_file=None, data_dir=system.data_dir)


def filled_in(pages: Sequence[tuple[str, dict[str, Any], str]]) -> list[dict[str, Any]]:
    """{facts, refused, answered, model} for each page (title, facts, text); `facts` holds new fields only."""
    with model() as settings:
        describer = Describer(settings, catalogue=None)  # type: ignore[arg-type]
        out = []
        size = settings.llm_concurrency
        for start in range(0, len(pages), size):
            rows = [_claimed(n, *page) for n, page in enumerate(pages[start : start + size])]
            out += asyncio.run(describer.ask_about(rows))
            print(f"\r{len(out)} of {len(pages)} pages", end="", flush=True)
        print()
    return [_told(one, facts) for one, (_, facts, _) in zip(out, pages, strict=True)]


def _claimed(n: int, title: str, facts: dict[str, Any], text: str) -> Claimed:
    lead = "\n".join(passages(Extracted(title=title, text=text))[:LEADING_CHUNKS])
    return Claimed(n, "", str(facts.get("name", title)), {name: {"source": "page"} for name in facts}, 0, None, lead)


def _told(one: Any, facts: dict[str, Any]) -> dict[str, Any]:
    said = one.verdict.facts if one.verdict else {}
    new = {name: fact.value for name, fact in said.items() if name not in facts}
    refused = one.verdict.refused if one.verdict else 0
    return {"facts": new, "refused": refused, "answered": one.verdict is not None, "model": one.model}
