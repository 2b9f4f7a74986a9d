"""Joins what visitors said and what was made up into data sets: without duplicates, balanced, split by question and
time, as JSON lines and Parquet, with a card."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import duckdb
import orjson
from toolscout import __version__
from toolscout.encoder import Encoder
from toolscout.prompts.answer import rules

from services.trainer import generate_finetuning_data as feedback
from services.trainer import steps
from services.trainer.card import Card
from services.trainer.job import Job
from services.trainer.sift import Sieve
from services.trainer.split import SPLITS, Splitter
from services.trainer.triples import triples

FEEDBACK, SYNTHETIC = "generate_finetuning_data", "generate_synthetic_data"
# set → (step, file) that feed it, what visitors said first: of two rows that are nearly the same the first stays.
INPUTS = {
    "sft": ((FEEDBACK, feedback.ROWS), (SYNTHETIC, "synthetic.jsonl")),
    "kto": ((FEEDBACK, feedback.KTO),),
    "triples": ((FEEDBACK, feedback.RETRIEVAL), (SYNTHETIC, "synthetic_triples.jsonl")),
}


def run(job: Job) -> None:
    inputs = {name: [found for one in some if (found := job.find(*one))] for name, some in INPUTS.items()}
    card = Card(job, inputs)
    splitter = Splitter(job.seed)
    sieve = Sieve(job, splitter)
    kept = {name: sieve.keep(name, _rows(job, inputs[name])) for name in ("sft", "kto")}
    pairs = sieve.keep_queries(triples(_rows(job, inputs["triples"]), job))
    splitter.settle()
    for name in ("sft", "kto"):
        _write(
            job,
            card,
            name,
            ((row, kept[name][n]) for n, row in enumerate(_rows(job, inputs[name])) if n in kept[name]),
            splitter,
        )
    _write(job, card, "triples", pairs, splitter)
    card.state |= {"encoder": Encoder(job.settings.encoder_dir).sha, "prompt": rules()[1], "toolscout": __version__}
    job.write_text(
        "card.json", orjson.dumps(card.json(), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode() + "\n"
    )
    job.write_text("card.md", card.markdown())
    job.figures |= {name: card.counts[name] for name in INPUTS}


def _rows(job: Job, inputs: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for found in inputs:
        yield from job.read_rows(found)


def _write(job: Job, card: Card, name: str, rows: Iterator[tuple[dict[str, Any], int]], splitter: Splitter) -> None:
    """Rows with their cluster, each into the file of its split; then the same as Parquet."""
    with job.rows_into(*(f"{name}.{split}.jsonl" for split in SPLITS)) as put:
        for n, (row, cluster) in enumerate(rows):
            if n % 1000 == 0:
                job.progress(f"writing {name}", n)
            split = splitter.split_of(cluster)
            put[f"{name}.{split}.jsonl"](row)
            card.count(name, split, row)
    for split in SPLITS:
        if card.counts[name][split]:
            _parquet(job, f"{name}.{split}")


def _parquet(job: Job, stem: str) -> None:
    """One thread and the order of the rows: the same rows give the same bytes."""
    with job.writing(f"{stem}.parquet") as path, duckdb.connect(config={"threads": 1}) as db:
        source = db.read_json(str(job.directory / f"{stem}.jsonl"), format="newline_delimited")
        source.write_parquet(str(path), compression="zstd")


if __name__ == "__main__":
    steps.script(__name__)
