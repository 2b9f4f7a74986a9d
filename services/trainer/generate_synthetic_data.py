"""Makes training rows of the catalogue's own pages: questions that a passage answers, with the answer and its
citation; questions that none of the shown passages answers; pages with what their structured data state; and for the
search, which passage a question should find. A large model (LLM_API_BASE) writes the questions where there is one, else
templates do. What is left out is counted by reason."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from services.trainer import steps, synthetic_templates
from services.trainer.hygiene import Evaluation
from services.trainer.job import Job
from services.trainer.synthetic_extraction import extraction
from services.trainer.synthetic_llm import Asker
from services.trainer.synthetic_points import Question, names
from services.trainer.synthetic_rows import LeftOut, Row, answer, refusal, triple, verify
from services.trainer.synthetic_tools import Tool, batches, chosen

ROWS, TRIPLES = "synthetic.jsonl", "synthetic_triples.jsonl"
# Questions of one tool: each may give an answer and a triple, one of them a refusal.
QUESTIONS = 4
LANGUAGES = ("en", "ko")


def run(job: Job) -> None:
    make(job, Evaluation.read(job.settings))


def make(job: Job, evaluation: Evaluation) -> None:
    ids = chosen(job.catalogue, job.seed, job.options.get("limit"))
    maker = Maker(job, evaluation)
    done = 0
    with Asker(job, QUESTIONS) as asker, job.rows_into(ROWS, TRIPLES) as put:
        for batch in batches(job.catalogue, ids):
            job.progress("making rows", done, len(ids))
            for name, row in maker.rows_of(batch, asker):
                put[name](row)
            done += len(batch)
    asker.forget()
    job.figures |= {
        "tools": len(ids),
        "by_kind": dict(sorted(maker.made.items())),
        "by_language": dict(sorted(maker.languages.items())),
        "rows_by": dict(sorted(maker.by.items())),
        "by": f"model {asker.model}" if asker.model else synthetic_templates.BY,
    }
    if asker.why or not asker.model:
        job.figures["why"] = asker.why or "nothing_usable"


class Maker:
    """Turns tools into rows, and counts what it leaves out."""

    def __init__(self, job: Job, evaluation: Evaluation) -> None:
        self.job = job
        self.evaluation = evaluation
        self.asked: set[str] = set()
        self.made: Counter[str] = Counter()
        self.languages: Counter[str] = Counter()
        self.by: Counter[str] = Counter()

    def rows_of(self, batch: Sequence[Tool], asker: Asker) -> Iterator[tuple[str, Row]]:
        """(file, row) of a batch of tools, which are each other's distractors."""
        known = [tool for tool in batch if tool.passages and tool.language in LANGUAGES]
        if len(known) < len(batch):
            self.job.drop("other_language_or_empty", len(batch) - len(known))
        by_model = asker.ask(known)
        done, total = self.job.at["done"], self.job.at["total"]
        questions = self._clean({tool.id: self._questions(tool, by_model.get(tool.id, [])) for tool in known})
        for n, tool in enumerate(known):
            self.job.progress("making rows", done + n, total)
            # Of each tool its own, so that no other changes what is drawn.
            rng = random.Random(f"{self.job.seed} rows {tool.id}")
            for name, row in self._rows(tool, questions[tool.id], known, rng):
                self.made["triple" if name == TRIPLES else row["kind"]] += 1
                if name == ROWS:
                    self.languages[row["language"]] += 1
                    self.by[row["by"]] += 1
                yield name, row

    def _questions(self, tool: Tool, by_model: list[Question]) -> list[Question]:
        """The model's, else those of templates; each asked once in the whole run, and borne out by its passage."""
        rng = random.Random(f"{self.job.seed} questions {tool.id}")
        found = self._new(tool, by_model) or self._new(tool, synthetic_templates.questions(tool, QUESTIONS, rng))
        if not found:
            self.job.drop("no_question")
        return found

    def _new(self, tool: Tool, questions: Sequence[Question]) -> list[Question]:
        found = []
        for question in questions:
            key = " ".join(question.text.casefold().split())
            if key in self.asked:
                self.job.drop("asked_before")
            elif names(tool, question.text):
                self.job.drop("names_tool")
            elif self._try(verify, question, tool):
                self.asked.add(key)
                found.append(question)
        return found

    def _clean(self, questions: dict[int, list[Question]]) -> dict[int, list[Question]]:
        """Without those that are measured on."""
        every = [question for some in questions.values() for question in some]
        measured = self.evaluation.overlapping([question.text for question in every])
        bad = {question for question, hit in zip(every, measured, strict=True) if hit}
        if bad:
            self.job.drop("evaluation_overlap", len(bad))
        return {tool: [question for question in some if question not in bad] for tool, some in questions.items()}

    def _rows(
        self, tool: Tool, questions: list[Question], known: Sequence[Tool], rng: random.Random
    ) -> Iterator[tuple[str, Row]]:
        settings = self.job.settings
        for question in questions:
            yield from self._made(ROWS, answer, question, tool, known, settings, rng)
            if question.generic:
                # Many passages fit: to hold one up as the right one would teach noise.
                self.job.drop("generic_for_search")
            else:
                yield TRIPLES, triple(question, tool)
        if questions:
            yield from self._made(ROWS, refusal, rng.choice(questions), tool, known, settings, rng)
        yield from self._made(ROWS, extraction, tool, settings)

    def _made(self, name: str, make_row: Callable[..., Row], *what: Any) -> Iterator[tuple[str, Row]]:
        try:
            yield name, make_row(*what)
        except LeftOut as why:
            self.job.drop(str(why))

    def _try(self, check: Callable[..., None], *what: Any) -> bool:
        try:
            check(*what)
        except LeftOut as why:
            self.job.drop(str(why))
            return False
        return True


if __name__ == "__main__":
    steps.script(__name__)
