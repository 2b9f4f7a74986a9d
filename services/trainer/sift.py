"""Lets each thing be said once: exact and near duplicates, too much of one tool or kind, and what is measured on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from itertools import islice
from typing import Any

from services.trainer.hygiene import Evaluation, Near
from services.trainer.job import Job
from services.trainer.split import Splitter

# Rows (question and answer together) that are the same but for a word.
ALIKE_ROWS = 0.85
PER_TOOL = 12
# Refusals, of all rows of answers: more, and a model learns to refuse.
MOST_REFUSALS = 0.25
# Made-up rows of answers for each that a visitor's rating made, but at least so many of them.
MADE_UP, FEW = 3, 2000
# Ratings of the commoner kind for each of the rarer.
MOST_OF_ONE_LABEL = 4
BATCH = 512

Row = dict[str, Any]


class Sieve:
    """Reads rows in order, remembers which it keeps and in which cluster of questions each is."""

    def __init__(self, job: Job, splitter: Splitter) -> None:
        self._job = job
        self._splitter = splitter
        self._evaluation = Evaluation.read(job.settings)
        self._questions = Near()
        self._numbers: dict[str, int] = {}

    def keep(self, name: str, rows: Iterable[Row]) -> dict[int, int]:
        """{number of a row: its cluster} of the rows that stay."""
        light = self._once(name, rows)
        for few in (_per_tool, _few_refusals, _few_made_up, _even_labels):
            light, over = few(light)
            if over:
                self._job.drop("unbalanced", over)
        return {row["n"]: self._cluster(row) for row in light}

    def keep_queries(self, rows: Iterable[Row]) -> Iterator[tuple[Row, int]]:
        """Rows of retrieval, each with its cluster."""
        found = []
        for some in _batches(rows):
            for row in self._not_measured(some):
                found.append((row, self._cluster(_light(0, row))))
        return iter(found)

    def _once(self, name: str, rows: Iterable[Row]) -> list[Row]:
        exact: set[bytes] = set()
        near = Near(ALIKE_ROWS)
        light, n = [], -1
        for some in _batches(rows):
            self._job.progress(f"looking for duplicates in {name}", n + 1)
            for row in some:
                n += 1
                row["n"] = n
            for row in self._not_measured(some):
                text = _text(row)
                key = sha256(text.encode()).digest()[:16]
                if key in exact:
                    self._job.drop("duplicate")
                elif near.find(text) is not None:
                    self._job.drop("near_duplicate")
                else:
                    exact.add(key)
                    near.add(text)
                    light.append(_light(row["n"], row))
        return light

    def _not_measured(self, rows: Sequence[Row]) -> list[Row]:
        hits = self._evaluation.overlapping([row["query"] or "" for row in rows])
        # A page to read has no question.
        kept = [row for row, hit in zip(rows, hits, strict=True) if not (hit and row["query"])]
        if len(kept) < len(rows):
            self._job.drop("evaluation_overlap", len(rows) - len(kept))
        return kept

    def _cluster(self, row: Row) -> int:
        """Like questions together; rows without a question by their tool, so that no page is in two splits."""
        key = " ".join((row["query"] or "").casefold().split()) or f"tool {row['tool_ids'][:1]}"
        if key not in self._numbers:
            like = self._questions.find(key) if row["query"] else None
            made = self._questions.add(key)
            self._numbers[key] = made if like is None else like
        number = self._numbers[key]
        self._splitter.add(number, key, row["at"] if row["source"] != "synthetic" else None)
        return number


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    left = iter(rows)
    while some := list(islice(left, BATCH)):
        yield some


def _text(row: Row) -> str:
    said = row["completion"][0]["content"]
    # What a page says tells extractions apart, not the same few words of the answer.
    asked = row["query"] or row["prompt"][-1]["content"]
    return f"{row['kind']} {row.get('label', '')} {asked} → {said}"


def _light(n: int, row: Row) -> Row:
    """What is needed to choose among rows, without their texts."""
    names = ("kind", "source", "query", "at", "label")
    tools = row.get("tool_ids") or [row.get("tool_id")]
    return {"n": n, "tool_ids": tools[:1], **{name: row.get(name) for name in names}}


def _per_tool(rows: list[Row]) -> tuple[list[Row], int]:
    given: Counter[Any] = Counter()
    kept = []
    for row in rows:
        # What an operator or a visitor said of a favourite is capped by session already.
        key = (row["kind"], *row["tool_ids"])
        if row["source"] != "synthetic" or given[key] < PER_TOOL:
            given[key] += 1
            kept.append(row)
    return kept, len(rows) - len(kept)


def _few_refusals(rows: list[Row]) -> tuple[list[Row], int]:
    others = sum(row["kind"] == "answer" for row in rows)
    return _first(rows, lambda row: row["kind"] == "refusal", round(others * MOST_REFUSALS / (1 - MOST_REFUSALS)))


def _few_made_up(rows: list[Row]) -> tuple[list[Row], int]:
    said = sum(row["kind"] == "answer" and row["source"] != "synthetic" for row in rows)
    most = max(FEW, MADE_UP * said)
    return _first(rows, lambda row: row["kind"] == "answer" and row["source"] == "synthetic", most)


def _even_labels(rows: list[Row]) -> tuple[list[Row], int]:
    up = sum(row["label"] is True for row in rows)
    down = sum(row["label"] is False for row in rows)
    if not up or not down:
        return rows, 0
    common = up >= down
    return _first(rows, lambda row: row["label"] is common, MOST_OF_ONE_LABEL * min(up, down))


def _first(rows: list[Row], which: Any, most: int) -> tuple[list[Row], int]:
    """All rows, but of those that `which` names only the first `most`; and how many are over."""
    seen = 0
    kept = []
    for row in rows:
        if which(row):
            seen += 1
            if seen > most:
                continue
        kept.append(row)
    return kept, len(rows) - len(kept)
