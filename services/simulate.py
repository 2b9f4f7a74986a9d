"""Simulated visitors with known tastes, over the HTTP API: for trying the whole loop before anybody real has come.

A set in BEIR form (corpus.jsonl, queries.jsonl, qrels.tsv) says which tools there are, what is asked and which tool
answers it. Half of the questions is asked and rated, the other half measures what the search has learnt.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import sha256
from math import log2
from pathlib import Path
from random import Random
from typing import Any, Literal

import httpx
from toolscout.errors import InvalidInput, ToolscoutError

TASTES = ("known", "random", "poisoned")
Taste = Literal["known", "random", "poisoned"]
TOP = 10
AT_ONCE = 4
TIMEOUT_S = 60
_PLAIN = re.compile(r"[^a-z0-9]+")


@dataclass(slots=True)
class Question:
    id: str
    text: str
    answers: frozenset[str]

    @property
    def asked(self) -> bool:
        """Whether visitors ask it; the other half measures."""
        return sha256(self.id.encode()).digest()[0] % 2 == 0


@dataclass(slots=True)
class World:
    """Documents {id: (title, text)} and questions; `tools` maps a tool's id to its document once they are loaded."""

    name: str
    docs: dict[str, tuple[str, str]]
    questions: list[Question]
    tools: dict[int, str] = field(default_factory=dict)

    @property
    def asked(self) -> list[Question]:
        return [one for one in self.questions if one.asked]

    @property
    def unseen(self) -> list[Question]:
        return [one for one in self.questions if not one.asked]


def read(folder: Path) -> World:
    """Raises InvalidInput where the folder is no set in BEIR form."""
    try:
        docs = {row["_id"]: (row.get("title") or row["_id"], row["text"]) for row in _rows(folder / "corpus.jsonl")}
        answers: dict[str, set[str]] = {}
        for line in (folder / "qrels.tsv").read_text(encoding="utf-8").splitlines()[1:]:
            query, doc, degree = line.split("\t")
            if float(degree) > 0 and doc in docs:
                answers.setdefault(query, set()).add(doc)
        rows = list(_rows(folder / "queries.jsonl"))
        questions = [Question(r["_id"], r["text"], frozenset(answers[r["_id"]])) for r in rows if r["_id"] in answers]
    except (OSError, ValueError, KeyError) as error:
        remedy = "Name a folder with corpus.jsonl, queries.jsonl and qrels.tsv (BEIR)."
        raise InvalidInput(f"{folder} is no retrieval set: {error!r}", remedy=remedy) from error
    return World(_PLAIN.sub("-", folder.name.lower()).strip("-"), docs, questions)


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    return (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())


def load(base: str, key: str, world: World, say: Callable[[str], None]) -> None:
    """Puts each document into the catalogue as a page of its own site, and waits until all can be found."""
    with _client(base, Authorization=f"Bearer {key}") as client:
        names = list(world.docs)
        for start in range(0, len(names), 200):
            some = names[start : start + 200]
            with ThreadPoolExecutor(AT_ONCE) as pool:
                jobs = list(pool.map(lambda doc: _submit(client, world, doc), some))
            for doc, job in zip(some, jobs, strict=True):
                world.tools[_indexed(client, job)] = doc
            say(f"{start + len(some)} of {len(names)} tools")


def _submit(client: httpx.Client, world: World, doc: str) -> str:
    title, text = world.docs[doc]
    number = sha256(doc.encode()).hexdigest()[:10]
    page = f"<html><head><title>{html.escape(title)}</title></head><body><h1>{html.escape(title)}</h1>"
    page += f"<p>{html.escape(text)}</p></body></html>"
    body = {"url": f"https://{world.name}-{number}.example/", "html": page}
    return _ok(client.post("/api/v1/process_url", json=body))["job_id"]


def _indexed(client: httpx.Client, job: str) -> int:
    while True:
        found = _ok(client.get(f"/api/v1/jobs/{job}"))
        [url] = found["urls"]
        if url["state"] in ("indexed", "unchanged"):
            return int(url["tool_id"])
        if url["state"] in ("failed", "skipped", "cancelled"):
            raise ToolscoutError(f"{url['url']} ended as {url['state']}: {url['reason']}")


def visit(
    base: str, world: World, taste: Taste, visitors: int, searches: int, honest: float, seed: int
) -> dict[str, int]:
    """Visitors search and rate; returns {searches, up, down}.

    known: they rate up what answers their question, down what stands above it or first, and err in 1 - `honest` of
    their ratings. random: any of the first results, up or down. poisoned: one visitor alone, for all the others, rates
    up whatever does not answer.
    """
    if taste == "poisoned":
        counts = [_visitor(base, world, taste, visitors * searches, honest, seed)]
    else:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            jobs = [
                pool.submit(_visitor, base, world, taste, searches, honest, seed * 1_000_003 + n)
                for n in range(visitors)
            ]
            counts = [job.result() for job in jobs]
    return {name: sum(one[name] for one in counts) for name in ("searches", "up", "down")}


def _visitor(base: str, world: World, taste: Taste, searches: int, honest: float, seed: int) -> dict[str, int]:
    """One session: a browser's cookie."""
    rng, counts = Random(seed), {"searches": 0, "up": 0, "down": 0}
    questions = world.asked
    with _client(base) as client:
        for question in rng.choices(questions, k=searches):
            found = _ok(client.post("/api/v1/search", json={"query": question.text, "answer": False}))
            counts["searches"] += 1
            shown = [result["tool_id"] for result in found["results"]]
            for tool, rating in _ratings(world, taste, question, shown, honest, rng):
                body = {"search_id": found["search_id"], "tool_id": tool, "rating": rating}
                client.post("/api/v1/feedback", json=body).raise_for_status()
                counts[rating] += 1
    return counts


def _ratings(
    world: World, taste: Taste, question: Question, shown: Sequence[int], honest: float, rng: Random
) -> list[tuple[int, str]]:
    right = [tool for tool in shown if world.tools.get(tool) in question.answers]
    wrong = [tool for tool in shown if tool not in right]
    if taste == "random":
        return [(rng.choice(shown), rng.choice(("up", "down")))] if shown else []
    if taste == "poisoned":
        return [(wrong[-1], "up")] if wrong else []
    said = [(tool, "up") for tool in right]
    if wrong and (not right or shown.index(wrong[0]) < shown.index(right[0])):
        said.append((wrong[0], "down"))
    flip = {"up": "down", "down": "up"}
    return [(tool, rating if rng.random() < honest else flip[rating]) for tool, rating in said]


def measure(base: str, world: World, limit: int = 0) -> dict[str, float]:
    """nDCG@10 and share of first places on the questions that nobody asked; binary relevance, no rating is given."""
    questions = world.unseen[: limit or None]
    with _client(base, **{"X-Session-ID": "simulation"}) as client, ThreadPoolExecutor(AT_ONCE) as pool:
        ranks = list(pool.map(lambda one: _ranking(client, world, one), questions))
    gains = [_ndcg(ranking, one.answers) for ranking, one in zip(ranks, questions, strict=True)]
    first = [bool(ranking) and ranking[0] in one.answers for ranking, one in zip(ranks, questions, strict=True)]
    return {
        "questions": len(questions),
        "ndcg10": round(sum(gains) / len(gains), 4),
        "first": round(sum(first) / len(first), 4),
    }


def _ranking(client: httpx.Client, world: World, question: Question) -> list[str]:
    found = _ok(client.post("/api/v1/search", json={"query": question.text, "answer": False, "limit": TOP}))
    return [world.tools.get(result["tool_id"], "") for result in found["results"]]


def _ndcg(ranking: Sequence[str], answers: frozenset[str]) -> float:
    gain = sum(1 / log2(n + 2) for n, doc in enumerate(ranking[:TOP]) if doc in answers)
    return gain / sum(1 / log2(n + 2) for n in range(min(TOP, len(answers))))


def _client(base: str, **headers: str) -> httpx.Client:
    return httpx.Client(base_url=base, timeout=TIMEOUT_S, trust_env=False, headers=headers)


def _ok(response: httpx.Response) -> Any:
    body = response.json()
    if response.status_code >= 400:
        raise ToolscoutError(str(body.get("detail", response.text[:300])), remedy=str(body.get("remedy", "")))
    return body
