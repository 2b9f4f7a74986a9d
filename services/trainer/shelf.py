"""Passages and tools of a batch of searches, as they are now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import sqlalchemy as sa
from toolscout.catalogue import Catalogue, tools
from toolscout.catalogue.tables import chunks as chunk_table
from toolscout.encoder import Encoder, unpack
from toolscout.prompts.answer import Source
from toolscout.sentences import sentences
from toolscout.settings import Settings
from toolscout.words import query_words, searchable

from services.trainer.searchlog import Logged

SHORT = 20


@dataclass(slots=True)
class Shown:
    """A tool among the results of a search, as toolscout.prompts.answer takes it."""

    tool: sa.Row
    score: float
    passages: list[sa.Row]


class Shelf:
    """`chunks` holds those that are still there, with what `nearest` has looked up."""

    def __init__(self, catalogue: Catalogue, settings: Settings) -> None:
        self._catalogue = catalogue
        self._encoder = Encoder(settings.encoder_dir)
        self.chunks: dict[int, sa.Row] = {}
        self.tools: dict[int, sa.Row] = {}

    def load(self, batch: Sequence[Logged]) -> None:
        """Forgets the batch before."""
        wanted = {chunk for one in batch for _, _, some in one.shown for chunk in some}
        wanted |= {chunk for one in batch for chunk in (*one.cited.values(), *one.passages)}
        named = {tool for one in batch for tool, _, _ in one.shown}
        named |= {one.should_find for one in batch if one.should_find}
        with self._catalogue.read() as conn:
            self.tools = tools.many(conn, sorted(named))
            found = tools.passages(conn, sorted(wanted))
        # What belongs to a hidden tool teaches nothing.
        self.chunks = {n: row for n, row in found.items() if row.tool_id in self.tools}

    def shown(self, tool: int, score: float, chunk_ids: Sequence[int]) -> Shown | None:
        passages = [self.chunks[n] for n in chunk_ids if n in self.chunks]
        return Shown(self.tools[tool], score, passages) if tool in self.tools and passages else None

    def nearest(self, query: str, tool: int) -> int | None:
        """The passage of a tool that is nearest to a query."""
        if tool not in self.tools:
            return None
        with self._catalogue.read() as conn:
            stmt = sa.select(chunk_table.c.id, chunk_table.c.vector).where(
                chunk_table.c.tool_id == tool, chunk_table.c.encoder == self._encoder.sha
            )
            rows = list(conn.execute(stmt.order_by(chunk_table.c.id)))
            if not rows:
                return None
            cosines = unpack([bytes(row.vector) for row in rows]) @ self._encoder.encode_query(query)
            best = rows[int(np.argmax(cosines))].id
            self.chunks |= tools.passages(conn, [best])
        return best


def best_sentence(query: str, source: Source) -> str:
    """The passage's sentence with most of the query's words, and its citation; "" where it has no sentence."""
    wanted = set(query_words(query))
    every = [s for s in sentences(source.text) if len(s) >= SHORT]
    if not every:
        return ""
    best = max(range(len(every)), key=lambda n: (len(wanted & set(searchable(every[n]).split())), -n))
    return f"{source.name}: {every[best]} [{source.n}]"
