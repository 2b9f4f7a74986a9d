"""Retrieval triples of what was said about passages: a question, a passage that answers it, passages that do not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from services.trainer.job import Job

MOST_NEGATIVES = 8


@dataclass(slots=True)
class _Question:
    """`votes`: chunk → sum of what was said for (+) and against it (-)."""

    query: str
    language: str
    at: float
    source: str
    votes: dict[int, float] = field(default_factory=dict)
    tools: dict[int, int] = field(default_factory=dict)


def triples(rows: Iterable[dict[str, Any]], job: Job) -> Iterator[dict[str, Any]]:
    """{query, chunk_id, tool_id, negatives, weight, language, source, at, kind} for each passage with more for than
    against it.

    `rows` are of generate_finetuning_data ({query, positives[{chunk_id, tool_id}], negatives[chunk], weight, …}) or of
    generate_synthetic_data ({query, chunk_id, tool_id, weight, language, source, at}). Those who
    contradict each other cancel out.
    """
    for asked in _gathered(rows).values():
        against = sorted(chunk for chunk, votes in asked.votes.items() if votes < 0)
        speaking = sorted(chunk for chunk, votes in asked.votes.items() if votes > 0)
        if contradicted := sum(votes == 0 for votes in asked.votes.values()):
            job.drop("contradicted", contradicted)
        if not speaking and against:
            job.drop("only_negatives")
        for chunk in speaking:
            yield {
                "kind": "triple",
                "query": asked.query,
                "chunk_id": chunk,
                "tool_id": asked.tools[chunk],
                "negatives": against[:MOST_NEGATIVES],
                # Many who agree weigh more than one, but not without end.
                "weight": min(asked.votes[chunk], 3.0),
                "language": asked.language,
                "source": asked.source,
                "at": asked.at,
            }


def _gathered(rows: Iterable[dict[str, Any]]) -> dict[str, _Question]:
    found: dict[str, _Question] = {}
    for row in rows:
        key = " ".join(row["query"].casefold().split())
        asked = found.setdefault(key, _Question(row["query"], row["language"], row["at"], row["source"]))
        for one in row.get("positives", [row]):
            asked.votes[one["chunk_id"]] = asked.votes.get(one["chunk_id"], 0.0) + row["weight"]
            asked.tools[one["chunk_id"]] = one["tool_id"]
        for chunk in row.get("negatives") or []:
            asked.votes[chunk] = asked.votes.get(chunk, 0.0) - row["weight"]
    return found
