"""Makes training rows of what people said: answers rated up whose citations hold, corrections, ratings, and which
passages a question should find. What is left out is counted by reason."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from toolscout.check import check
from toolscout.domain import CANDIDATE, STABLE
from toolscout.prompts.answer import NOTHING, Prompt, build
from toolscout.text import scrub, spoken

from services.trainer import steps
from services.trainer.hygiene import Caps, Evaluation
from services.trainer.job import Job
from services.trainer.searchlog import ANSWER, CatalogueLog, Logged, SearchLog
from services.trainer.shelf import Shelf, best_sentence

ROWS, KTO, RETRIEVAL = "finetuning.jsonl", "kto.jsonl", "retrieval.jsonl"
_MARK = re.compile(r"\[(\d{1,2})\]")
# What the answer's own rating is worth beside an operator's word.
RATED, MARKED = 1.0, 2.0

Made = tuple[str, dict[str, Any]]


def run(job: Job) -> None:
    log = source(job)
    counts = log.counts()
    for reason in ("not_counted", "no_signal"):
        if counts[reason]:
            job.drop(reason, counts[reason])
    total = counts["searches"] - counts["not_counted"] - counts["no_signal"]
    maker = Maker(job)
    done = 0
    with job.rows_into(ROWS, KTO, RETRIEVAL) as put:
        for batch in log.batches():
            job.progress("reading searches", done, total)
            for name, row in maker.rows_of(batch):
                put[name](row)
            done += len(batch)
    job.figures |= {
        "searches": counts["searches"],
        "with_a_rating_or_mark": done,
        "sessions": len(maker.sessions),
        "by_kind": dict(sorted(maker.made.items())),
        "by_group": dict(sorted(maker.groups.items())),
    }


def source(job: Job) -> SearchLog:
    """The log that the run's option `source` names."""
    if job.options.get("source") == "elasticsearch":
        from services.trainer.elastic import ElasticLog

        return ElasticLog(job.settings)
    return CatalogueLog(job.catalogue)


class Maker:
    """Turns searches into rows, and counts what it leaves out."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.settings = job.settings
        self.evaluation = Evaluation.read(job.settings)
        self.caps = Caps(job.settings)
        self.shelf = Shelf(job.catalogue, job.settings)
        self.said: set[bytes] = set()
        self.sessions: set[str] = set()
        self.made: Counter[str] = Counter()
        self.groups: Counter[str] = Counter(dict.fromkeys((STABLE, CANDIDATE), 0))

    def rows_of(self, batch: Sequence[Logged]) -> Iterator[Made]:
        """(file, row) of a batch of searches."""
        measured = self.evaluation.overlapping([one.query for one in batch])
        clean = [one for one, hit in zip(batch, measured, strict=True) if not hit]
        if len(clean) < len(batch):
            self.job.drop("evaluation_overlap", len(batch) - len(clean))
        self.shelf.load(clean)
        for one in clean:
            one.query = scrub(one.query)
            for name, row in self._rows(one):
                why = self.caps.refuses(name, one.session, one.network) if row["source"] != "mark" else None
                if why:
                    self.job.drop(why)
                    continue
                self.sessions.add(one.session)
                self.made[row["kind"]] += 1
                self.groups[one.group] += 1
                yield name, row

    def _rows(self, one: Logged) -> Iterator[Made]:
        if not one.verdict and not any(one.votes.values()):
            self.job.drop("lukewarm")
            return
        yield from self._retrieval(one)
        if one.votes.get(ANSWER) or one.verdict:
            yield from self._answer(one)

    def _repeated(self, *what: object) -> bool:
        """Whether the same session has said the same before: saying it again adds nothing."""
        key = hashlib.sha256(repr(what).encode()).digest()[:16]
        if key in self.said:
            self.job.drop("repeated")
            return True
        self.said.add(key)
        return False

    # Which passages a question should find.

    def _retrieval(self, one: Logged) -> Iterator[Made]:
        by_tool = {tool: chunks[0] for tool, _, chunks in one.shown if chunks}
        up = {by_tool[tool]: "rated" for tool, vote in one.votes.items() if vote > 0 and tool in by_tool}
        down = [by_tool[tool] for tool, vote in one.votes.items() if vote < 0 and tool in by_tool]
        if one.votes.get(ANSWER, 0) > 0:
            up |= {chunk: "cited" for chunk in one.cited.values() if chunk not in up}
            up |= {by_tool[tool]: "clicked" for tool in one.clicked & by_tool.keys() if by_tool[tool] not in up}
        mark = self.shelf.nearest(one.query, one.should_find) if one.should_find else None
        if mark:
            up[mark] = "marked"
        up = {chunk: how for chunk, how in up.items() if chunk not in down or how == "marked"}
        there = {chunk: how for chunk, how in up.items() if chunk in self.shelf.chunks}
        against = [chunk for chunk in down if chunk in self.shelf.chunks and chunk not in there]
        if len(there) < len(up):
            self.job.drop("page_changed", len(up) - len(there))
        if not (there or against) or self._repeated("retrieval", one.session, one.query, sorted(there), against):
            return
        positives = [{"chunk_id": c, "tool_id": self.shelf.chunks[c].tool_id, "how": how} for c, how in there.items()]
        yield (
            RETRIEVAL,
            self._row(one, "retrieval", "mark" if mark else "feedback")
            | {
                "positives": positives,
                "negatives": against,
            },
        )

    # What a model should have answered.

    def _answer(self, one: Logged) -> Iterator[Made]:
        vote = one.votes.get(ANSWER, 0)
        if one.verdict == "no_such_tool" or (vote > 0 and one.no_match):
            yield from self._refusal(one)
        elif one.verdict == "should_find" and one.should_find:
            yield from self._correction(one)
        elif one.verdict == "wrong_answer" or vote < 0:
            yield from self._rejected(one)
        elif vote > 0:
            yield from self._approved(one)

    def _approved(self, one: Logged) -> Iterator[Made]:
        prompt = self._prompt(one)
        if prompt is None:
            return
        text = scrub(_renumbered(one, prompt))
        if not text:
            self.job.drop("not_in_prompt")
            return
        found = check(text, prompt.sources, self.settings.support_score)
        if not found.stands or found.dropped:
            self.job.drop("citation_unsupported")
            return
        if self._repeated("answer", one.session, one.query, text):
            return
        yield ROWS, self._trained(one, "answer", prompt, text, "feedback")
        if one.source == "llm":
            yield KTO, self._trained(one, "rating", prompt, text, "feedback") | {"label": True}

    def _rejected(self, one: Logged) -> Iterator[Made]:
        if one.source != "llm":
            # Quoted sentences are the pages' own: a thumb down means the results, not the words.
            self.job.drop("quoted_down")
            return
        prompt = self._prompt(one)
        if prompt is None:
            return
        text = scrub(_renumbered(one, prompt) or _MARK.sub("", one.answer).strip())
        by = "mark" if one.verdict else "feedback"
        if not self._repeated("rejected", one.session, one.query, text):
            yield KTO, self._trained(one, "rating", prompt, text, by) | {"label": False}

    def _refusal(self, one: Logged) -> Iterator[Made]:
        prompt = self._prompt(one)
        if prompt is None:
            return
        by = "mark" if one.verdict else "feedback"
        if not self._repeated("refusal", one.session, one.query):
            yield ROWS, self._trained(one, "refusal", prompt, NOTHING[spoken(one.query)], by)

    def _correction(self, one: Logged) -> Iterator[Made]:
        """The tool that should have been found, in its own words, beside what was shown instead."""
        chunk = self.shelf.nearest(one.query, one.should_find or 0)
        if chunk is None:
            self.job.drop("page_changed")
            return
        results = [self.shelf.shown(self.shelf.chunks[chunk].tool_id, 1.0, [chunk]), *self._results(one)]
        prompt = build(one.query, [r for r in results if r], self._embedded, self.settings)
        right = next((s for s in prompt.sources if s.chunk_id == chunk), None)
        text = best_sentence(one.query, right) if right else ""
        if not text or check(text, prompt.sources, self.settings.support_score).dropped:
            self.job.drop("citation_unsupported")
            return
        if not self._repeated("correction", one.query, text):
            yield ROWS, self._trained(one, "answer", prompt, text, "mark")

    @property
    def _embedded(self) -> bool:
        return self.settings.llm_mode != "external"

    def _results(self, one: Logged) -> list[Any]:
        return [found for tool, score, chunks in one.shown if (found := self.shelf.shown(tool, score, chunks))]

    def _prompt(self, one: Logged) -> Prompt | None:
        """The prompt as a model would get it now; None where a page that mattered has changed since."""
        needed = {*one.cited.values(), *one.passages}
        if not needed <= self.shelf.chunks.keys():
            self.job.drop("page_changed")
            return None
        results = self._results(one)
        if not results:
            self.job.drop("page_changed" if one.shown else "no_text")
            return None
        return build(one.query, results, self._embedded, self.settings)

    def _trained(self, one: Logged, kind: str, prompt: Prompt, text: str, by: str) -> dict[str, Any]:
        return self._row(one, kind, by) | {
            "prompt": prompt.messages,
            "completion": [{"role": "assistant", "content": text}],
            "prompt_version": prompt.version,
            "tool_ids": [source.tool_id for source in prompt.sources],
            "chunk_ids": [source.chunk_id for source in prompt.sources],
        }

    def _row(self, one: Logged, kind: str, by: str) -> dict[str, Any]:
        return {
            "kind": kind,
            "source": by,
            "search_id": one.id,
            "query": one.query,
            "language": spoken(one.query),
            "group": one.group,
            "at": one.at,
            "weight": MARKED if by == "mark" else RATED,
        }


def _renumbered(one: Logged, prompt: Prompt) -> str:
    """The answer's sentences with the numbers that its passages have in the prompt; without those it does not show."""
    number = {source.chunk_id: source.n for source in prompt.sources}
    lines = []
    for line in one.answer.splitlines():
        named = [one.cited.get(int(n)) for n in _MARK.findall(line)]
        if named and all(chunk in number for chunk in named):
            marks = "".join(f"[{number[chunk]}]" for chunk in named if chunk is not None)
            lines.append(f"{_MARK.sub('', line).strip()} {marks}")
    return "\n".join(lines)


if __name__ == "__main__":
    steps.script(__name__)
