"""The rows that an adapter is measured on: held out by combine_datasets, and frozen ones of the operator's."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
import pydantic
from toolscout.calls import Message
from toolscout.errors import ToolscoutError
from toolscout.form import form
from toolscout.prompts.answer import Source

from services.trainer import scores
from services.trainer.job import Job
from services.trainer.scores import ANSWER, EXTRACTION, KINDS, REFUSAL, Figures, Unfit
from services.trainer.split import TEST, VALIDATION

# Rows of a kind that are asked at most: two models take some six seconds for each on a processor.
MOST = 120
# Tokens of a reply, as the processor and the gateway ask for them.
FORM_TOKENS, EMBEDDED_TOKENS, TOKENS = 300, 110, 700


@dataclass(frozen=True, slots=True)
class Case:
    """A prompt, and how a reply to it is judged. `key` names it whatever its place in a file."""

    kind: str
    key: str
    messages: list[Message]
    told: str
    origin: str
    form: type[pydantic.BaseModel] | None
    wanted: dict[str, Any]
    passages: list[Source]

    @classmethod
    def of(cls, row: Mapping[str, Any], origin: str) -> Case:
        """Raises Unfit."""
        kind = row.get("kind") or _guessed(row)
        if kind not in KINDS:
            raise Unfit("unknown_kind")
        wanted = scores.labels(row) if kind == EXTRACTION else {}
        passages = scores.sources(row) if kind == ANSWER else []
        told = scores.completion(row)
        text = orjson.dumps([kind, row["prompt"], told])
        fields = form(list(wanted)) if wanted else None
        return cls(kind, hashlib.sha256(text).hexdigest(), row["prompt"], told, origin, fields, wanted, passages)

    def max_tokens(self, embedded: bool) -> int:
        return FORM_TOKENS if self.form else EMBEDDED_TOKENS if embedded else TOKENS

    def figures(self, reply: str, needed: float) -> Figures:
        """`needed`: the support that a sentence of an answer needs to stand."""
        if self.kind == EXTRACTION:
            return scores.extraction(reply, self.wanted)
        if self.kind == REFUSAL:
            return scores.refusal(reply)
        return scores.answer(reply, self.told, self.passages, needed)


def _guessed(row: Mapping[str, Any]) -> str:
    """A frozen row may say no kind."""
    told = scores.completion(row)
    return EXTRACTION if told.lstrip().startswith("{") else REFUSAL if scores.refuses(told) else ANSWER


def cases_of(job: Job) -> list[Case]:
    """At most `limit` of a kind: what visitors said before what was made up, chance among equals."""
    found: dict[str, tuple[bool, Case]] = {}
    for row, origin in _rows(job):
        try:
            case = Case.of(row, origin)
            case.figures(case.told, job.settings.support_score)
        except Unfit as why:
            job.drop(str(why))
        except (KeyError, IndexError, TypeError):
            job.drop("no_prompt_or_completion")
        else:
            found.setdefault(case.key, (row.get("source") == "synthetic", case))
    mixed = random.Random(f"{job.seed} evaluate").sample(list(found.values()), len(found))
    mixed.sort(key=lambda one: one[0])
    most = int(job.options.get("limit") or MOST)
    kept = [case for kind in KINDS for case in [one for _, one in mixed if one.kind == kind][:most]]
    if len(kept) < len(mixed):
        job.drop("over_limit", len(mixed) - len(kept))
    return kept


def _rows(job: Job) -> Iterator[tuple[Mapping[str, Any], str]]:
    """(row, where it is from)."""
    files = [job.find("combine_datasets", f"sft.{split}.jsonl") for split in (VALIDATION, TEST)]
    for found in files:
        if found:
            yield from ((row, found["name"]) for row in job.read_rows(found))
    for path in sorted(job.settings.evaluation_dir.glob("*.jsonl")):
        for n, line in enumerate(path.read_bytes().splitlines(), 1):
            try:
                row = orjson.loads(line)
            except orjson.JSONDecodeError as error:
                raise ToolscoutError(
                    f"Line {n} of {path.name} in the evaluation folder is no JSON.",
                    reason="evaluation_unreadable",
                    remedy="Mend it, or take the file away.",
                ) from error
            if isinstance(row, dict) and row.get("prompt") and row.get("completion"):
                yield row, path.name
