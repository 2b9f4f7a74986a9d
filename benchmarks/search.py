"""A search's core (embed, both indexes, fusion, tools and passages from the catalogue) against the bare library calls.

The bare side does what cannot be left out, written straight: the encoder's session, one flat FAISS index, one tantivy
query, one SQLite read. `served_ms` adds what a visitor gets on top: the answer and the committed row of the search log.
"""

from __future__ import annotations

import argparse
import sqlite3
import statistics
import time
from typing import Any

import faiss
import numpy as np
import tantivy
from toolscout.words import query_words, searchable

from benchmarks.http import timed
from benchmarks.local import Local, local, passages
from services.gateway.retrieve import Retriever


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--chunks", type=int, default=10_000)
    parser.add_argument("--searches", type=int, default=300)


class Bare:
    """The same libraries over the same passages, without us."""

    def __init__(self, here: Local, count: int) -> None:
        self.encoder = here.gateway.encoder
        self.database = sqlite3.connect(here.settings.data_dir / "toolscout.db", isolation_level=None)
        rows = self.database.execute("SELECT id, vector FROM chunks ORDER BY id").fetchall()
        self.ids = [row[0] for row in rows]
        vectors = np.stack([np.frombuffer(row[1], "<f2") for row in rows]).astype(np.float32)
        self.vectors = faiss.IndexScalarQuantizer(384, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
        self.vectors.add(vectors)
        builder = tantivy.SchemaBuilder()
        builder.add_text_field("text", tokenizer_name="whitespace")
        self.schema = builder.build()
        self.words = tantivy.Index(self.schema)
        writer = self.words.writer(50_000_000, 1)
        for title, text in passages(count):
            writer.add_document(tantivy.Document(text=searchable(f"{title}. {text}")))
        writer.commit()
        writer.wait_merging_threads()
        self.words.reload()

    def search(self, query: str) -> None:
        vector = self.encoder.encode([query])
        _, near = self.vectors.search(vector, 80)
        terms = [tantivy.Query.term_query(self.schema, "text", word) for word in query_words(query)]
        wanted = tantivy.Query.boolean_query([(tantivy.Occur.Should, term) for term in terms])
        self.words.searcher().search(wanted, 80)
        ids = [self.ids[i] for i in near[0][:30]]
        marks = ",".join("?" * len(ids))
        self.database.execute(
            f"SELECT c.id, c.title, c.text, t.name, t.url, t.summary FROM chunks c JOIN tools t ON t.id = c.tool_id"
            f" WHERE c.id IN ({marks})",
            ids,
        ).fetchall()


def run(options: argparse.Namespace) -> dict[str, Any]:
    with local(options.chunks) as here:
        bare = Bare(here, options.chunks)
        retriever = Retriever(here.gateway.catalogue, here.gateway.encoder, here.settings.no_match_score)
        core, base, served, index = [], [], [], []
        for n in range(options.searches + 20):
            query = f"{here.queries[n % len(here.queries)]} {n}"  # a new text each time: no cached vector
            start = time.perf_counter()
            found = retriever.find(here.gateway.index, query, 10)
            a = time.perf_counter() - start
            b = timed(bare.search, query + " again")
            c = timed(here.search, query + " served")
            if n >= 20:
                core.append(a)
                base.append(b)
                served.append(c)
                index.append(found.timings["search"])
    ours, theirs = statistics.median(core), statistics.median(base)
    return {
        "ratio": round(ours / theirs, 3),
        "core_ms_p50": round(ours * 1000, 3),
        "core_ms_p95": round(float(np.quantile(core, 0.95)) * 1000, 3),
        "bare_ms_p50": round(theirs * 1000, 3),
        "served_ms_p50": round(statistics.median(served) * 1000, 3),
        "index_ms_p50": round(statistics.median(index), 3),
        "chunks": options.chunks,
        "searches": options.searches,
    }
