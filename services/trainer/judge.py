"""A large model says which of two answers is better, in both orders: it prefers the one that it reads first."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pydantic
from toolscout.calls import Message
from toolscout.endpoints import Endpoint
from toolscout.settings import Settings
from toolscout.untrusted import fenced

from services.trainer.cases import Case
from services.trainer.scores import ANSWER, REFUSAL

RULES = Path(__file__).with_name("judge.md").read_text(encoding="utf-8").strip()
JUDGED = (ANSWER, REFUSAL)
# Room for the thoughts of a model that thinks first.
TOKENS = 300
WON, TIE, LOST = 1.0, 0.5, 0.0


class Better(pydantic.BaseModel):
    better: Literal["first", "second", "neither"]


Ask = Callable[[list[Message], type[Better], int], Better | None]


def judge_of(settings: Settings) -> Endpoint | None:
    """TOOLSCOUT_JUDGE_BASE, else LLM_API_BASE; None where neither is set: the embedded model can't judge."""
    if settings.judge_base:
        return Endpoint("judge", settings.judge_base, settings.judge_model, settings.judge_key)
    if settings.llm_mode == "external":
        return Endpoint(
            "judge", settings.llm_api_base, settings.judge_model or settings.llm_model, settings.llm_api_key
        )
    return None


def verdict(case: Case, before: str, after: str, ask: Ask) -> float | None:
    """WON where `after` is better in both orders, LOST where `before` is, else TIE; None where it was not judged."""
    if " ".join(before.split()) == " ".join(after.split()):
        return TIE
    straight = ask(_prompt(case, before, after), Better, TOKENS)
    turned = ask(_prompt(case, after, before), Better, TOKENS) if straight else None
    if straight is None or turned is None:
        return None
    return {("second", "first"): WON, ("first", "second"): LOST}.get((straight.better, turned.better), TIE)


def _prompt(case: Case, first: str, second: str) -> list[Message]:
    asked = case.messages[-1]["content"]
    content = f"{asked}\n\nFirst answer: {fenced(first)}\n\nSecond answer: {fenced(second)}"
    return [{"role": "system", "content": RULES}, {"role": "user", "content": content}]
