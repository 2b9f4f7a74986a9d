"""How good a reply is, against what a row says that it should be: figures of 0..1, more is better.

Each kind of row has its `score`, the gate's main figure, beside those that say why. Figures of an extraction that are
`free_…` are those of the same prompt without a grammar.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pydantic
from toolscout.check import check
from toolscout.form import FIELDS, form
from toolscout.prompts.answer import NOTHING, Source
from toolscout.structured import Unreadable, read

EXTRACTION, ANSWER, REFUSAL = "extraction", "answer", "refusal"
KINDS = (EXTRACTION, ANSWER, REFUSAL)
# Two texts that share so much of their words say the same.
SAME_WORDS = 0.5
TEXTS, CHOICES, CHOSEN = ("summary", "summary_en"), ("category", "pricing"), ("platforms",)
_WORD = re.compile(r"\w+")
_PASSAGE = re.compile(r"\[(\d{1,2})\] (.*?): (.*)")

Row = Mapping[str, Any]
Figures = dict[str, float]


class Unfit(ValueError):
    """A row that can't be measured; the text is the reason under which it is counted."""


def completion(row: Row) -> str:
    return str(row["completion"][-1]["content"])


def labels(row: Row) -> dict[str, Any]:
    """{field: value} of an extraction, in the order of the form. Raises Unfit."""
    try:
        found = json.loads(completion(row))
        wanted = [name for name in FIELDS if name in found]
        form(wanted).model_validate(found)
    except (ValueError, TypeError) as error:
        raise Unfit("labels_unfit") from error
    if not wanted:
        raise Unfit("labels_unfit")
    return {name: found[name] for name in wanted}


def sources(row: Row) -> list[Source]:
    """The numbered passages of an answer's prompt. Raises Unfit."""
    shown = row["prompt"][-1]["content"].rpartition("\n\n")[0]
    found = [_PASSAGE.match(line) for line in shown.splitlines()]
    if not found or not all(found):
        raise Unfit("no_passages")
    return [Source(int(one[1]), int(one[1]), int(one[1]), one[2], one[3]) for one in found if one]


# Extractions.


def extraction(reply: str, wanted: Mapping[str, Any]) -> Figures:
    """`json_valid`: the reply as it came is one JSON object, and `fits_form`: with the form's fields, filled in as they
    may be. A field is read as the processor reads it, out of prose and mended where need be; what can't be read counts
    0. `score` is the mean over the fields.
    """
    fields = {f"field_{name}": _field(name, value, reply) for name, value in wanted.items()}
    found = _object(reply)
    fits = found is not None and _fits(found, list(wanted))
    valid = {"json_valid": float(found is not None), "fits_form": float(fits)}
    return {"score": sum(fields.values()) / len(fields), **valid, **fields}


def _object(reply: str) -> dict[str, Any] | None:
    try:
        found = json.loads(reply)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _fits(found: dict[str, Any], wanted: list[str]) -> bool:
    try:
        form(wanted).model_validate(found)
    except pydantic.ValidationError:
        return False
    return found.keys() == set(wanted)


def _field(name: str, wanted: Any, reply: str) -> float:
    try:
        # Alone, so that another field's fault is not this one's.
        said = getattr(read(reply, form([name])), name)
    except (Unreadable, pydantic.ValidationError):
        return 0.0
    if name in CHOICES or not wanted or not said:
        return float((said or None) == (wanted or None))
    if name == "name":
        return float(normal(said) == normal(wanted))
    if name in TEXTS:
        return float(word_f1(said, wanted) >= SAME_WORDS)
    return set_f1(said, wanted, exact=name in CHOSEN)


def normal(name: str) -> str:
    """
    >>> normal("Pest-R-Us™  Services,"), normal("FLY.io")
    ('pest r us services', 'fly io')
    """
    even = unicodedata.normalize("NFKC", name.replace("™", "")).casefold()
    return " ".join(_WORD.findall(even.replace("_", " ")))


def word_f1(a: str, b: str) -> float:
    """Harmonic mean of precision and recall of two texts' words, each as often as it stands there.

    >>> word_f1("It edits photos.", "Edits photos")
    0.8
    """
    left, right = (Counter(_WORD.findall(text.casefold())) for text in (a, b))
    total = left.total() + right.total()
    return 2 * (left & right).total() / total if total else 0.0


def set_f1(said: Sequence[str], wanted: Sequence[str], exact: bool) -> float:
    """The same of two lists' items; where not `exact`, an item is found in one that shares SAME_WORDS with it."""
    left, right = list(dict.fromkeys(said)), list(dict.fromkeys(wanted))
    hits, open_ones = 0, list(right)
    for item in left:
        match = next((o for o in open_ones if item == o or (not exact and word_f1(item, o) >= SAME_WORDS)), None)
        if match is not None:
            hits += 1
            open_ones.remove(match)
    return 2 * hits / (len(left) + len(right)) if left or right else 1.0


# Answers.


def answer(reply: str, told: str, passages: Sequence[Source], needed: float) -> Figures:
    """Of what the gateway would show of a reply: its citations against those of `told`, the answer that was rated or
    made. `supported` is the share of its sentences that their passages support at least `needed`; `score` is the F1 of
    its citations, 0 where the answer does not stand.
    """
    found, right = check(reply, passages, needed), check(told, passages, needed)
    cited, wanted = ({citation.chunk_id for citation in one.citations} for one in (found, right))
    if not wanted:
        raise Unfit("completion_unsupported")
    hits = len(cited & wanted)
    f1 = 2 * hits / (len(cited) + len(wanted))
    said = found.kept + found.dropped
    return {
        "score": f1 if found.stands else 0.0,
        "citation_precision": hits / len(cited) if cited else 0.0,
        "citation_recall": hits / len(wanted),
        "supported": found.kept / said if said else 0.0,
        "grounded": float(found.stands),
        "not_refused": float(not refuses(reply)),
    }


def refusal(reply: str) -> Figures:
    """Whether it says, as it was taught, that nothing fits."""
    return {"score": float(refuses(reply))}


def refuses(reply: str) -> bool:
    """As the gateway reads it."""
    return reply.strip().startswith(tuple(text.rstrip(".") for text in NOTHING.values()))
