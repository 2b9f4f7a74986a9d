"""Writes a batch of readings in one transaction: pages, tools, passages and the version that tells every index."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa
from toolscout.catalogue import Catalogue, changes, descriptions, pages, tools
from toolscout.catalogue.engine import lock
from toolscout.catalogue.tables import chunks as chunk_table
from toolscout.catalogue.tables import pages as page_table
from toolscout.domain import Chunk, State

from services.processor.describe import describe
from services.processor.read import Reading, digest


@dataclass(slots=True)
class Vectors:
    """Vectors (float16 bytes) by the digest of what was embedded, all by the encoder `encoder`."""

    encoder: str
    by_digest: dict[str, bytes]


@dataclass(slots=True)
class Written:
    """What the transaction did: states by page id, kept passages, and the pages to wake for each stage."""

    states: dict[int, tuple[State, str | None]] = field(default_factory=dict)
    tools: dict[int, int] = field(default_factory=dict)
    reused: dict[int, int] = field(default_factory=dict)
    to_fetch: list[int] = field(default_factory=list)
    to_process: list[int] = field(default_factory=list)


class Recorder:
    """One transaction; a page whose lease is lost is left out."""

    def __init__(self, catalogue: Catalogue, owner: str) -> None:
        self._catalogue = catalogue
        self._owner = owner

    def record(self, readings: Sequence[Reading], vectors: Vectors) -> Written:
        written = Written()
        now = time.time()
        with self._catalogue.write() as conn:
            held = pages.held(conn, [r.row.id for r in readings], self._owner, now)
            lock(conn, {key for r in readings for key in (r.row.site, r.text_digest) if key})
            batch = _Batch(conn, vectors, now, written)
            for reading in readings:
                if reading.row.id in held:
                    batch.place(reading)
            batch.finish()
        return written


class _Batch:
    """Collects, page by page, what goes into the change log, and writes that last: its version orders commits."""

    def __init__(self, conn: sa.Connection, vectors: Vectors, now: float, written: Written) -> None:
        self.conn = conn
        self.vectors = vectors
        self.now = now
        self.written = written
        self.indexed: list[Reading] = []
        self.sites: set[str] = set()
        self.abandoned: set[int] = set()
        self.gone: list[int] = []
        self.copies: list[tuple[int, int]] = []

    def place(self, reading: Reading) -> None:
        """Decides where one page ends."""
        row = reading.row
        if reading.missing:
            pages.requeue(self.conn, [row.id], State.QUEUED, self.now)
            self.written.to_fetch.append(row.id)
        elif reading.skipped:
            self._withdraw(row)
            nothing = dict.fromkeys(("tool_id", "text_digest", "indexed_at", "duplicate_of", "facts"))
            self._close(reading, State.SKIPPED, reading.skipped, **nothing)
            tools.add_leads(self.conn, row.id, reading.leads, self.now)
        elif twin := tools.same_text(self.conn, reading.text_digest, row.id):
            self._withdraw(row)
            self._index(reading, "duplicate", None, duplicate_of=twin.id)
            self.copies.append((row.id, twin.id))
        else:
            self._free_twins(reading)
            self._index(reading, None, row.tool_id, duplicate_of=None)
            self.indexed.append(reading)
            self.sites.add(row.site)
            self.abandoned |= {row.tool_id} - {None}

    def _close(self, reading: Reading, state: State, reason: str | None, **values: object) -> None:
        pages.close(self.conn, [reading.row.id], state, reason, self.now, detail=None, **values)
        self.written.states[reading.row.id] = (state, reason)

    def _index(self, reading: Reading, reason: str | None, tool_id: int | None, duplicate_of: int | None) -> None:
        page = reading.page
        self._close(
            reading,
            State.INDEXED,
            reason,
            tool_id=tool_id,
            duplicate_of=duplicate_of,
            title=page.title,
            language=page.language,
            facts=reading.facts,
            text_digest=reading.text_digest,
            indexed_at=self.now,
        )

    def _withdraw(self, row: sa.Row) -> None:
        """Takes the page's passages out of the index, and frees the pages that counted as its copies."""
        self.gone += [chunk.id for chunk in tools.chunks_of_page(self.conn, row.id)]
        self._requeue_twins(row.id)
        if row.indexed_at is not None and row.duplicate_of is None:
            self.sites.add(row.site)
        self.abandoned |= {row.tool_id} - {None}

    def _free_twins(self, reading: Reading) -> None:
        if reading.row.text_digest not in (None, reading.text_digest):
            self._requeue_twins(reading.row.id)

    def _requeue_twins(self, page_id: int) -> None:
        """Pages that held the same text as this one until now stand on their own again."""
        twins = list(
            self.conn.execute(sa.select(page_table.c.id).where(page_table.c.duplicate_of == page_id)).scalars()
        )
        if twins:
            free = sa.update(page_table).where(page_table.c.id.in_(twins)).values(duplicate_of=None, tool_id=None)
            self.conn.execute(free)
            pages.requeue(self.conn, twins, State.FETCHED, self.now)
            self.written.to_process += twins

    def finish(self) -> None:
        """Tools from their pages, then passages under one new version."""
        tool_ids = {site: tool_id for site in sorted(self.sites) if (tool_id := self._describe(site))}
        new: list[tuple[Chunk, int, str]] = []
        for reading in self.indexed:
            tool_id = tool_ids[reading.row.site]
            new += self._difference(reading, tool_id)
            stmt = sa.update(page_table).where(page_table.c.id == reading.row.id)
            self.conn.execute(stmt.values(tool_id=tool_id))
            self.written.tools[reading.row.id] = tool_id
        self._follow_twins()
        if new or self.gone:
            version = changes.draw(self.conn)
            changes.delete(self.conn, self.gone, version)
            self._insert(new, version)
        for left in sorted(self.abandoned - set(tool_ids.values())):
            tools.forget_if_empty(self.conn, left)

    def _follow_twins(self) -> None:
        """A copy belongs to the tool of its original, which may have been found in this very batch."""
        for page_id, twin_id in self.copies:
            tool_id = sa.select(page_table.c.tool_id).where(page_table.c.id == twin_id).scalar_subquery()
            stmt = sa.update(page_table).where(page_table.c.id == page_id).values(tool_id=tool_id)
            self.written.tools[page_id] = self.conn.execute(stmt.returning(page_table.c.tool_id)).scalar_one()

    def _describe(self, site: str) -> int | None:
        leading = tools.leading_pages(self.conn, site)
        if not leading:
            return None
        known = descriptions.known(self.conn, site)
        values = describe(site, leading, known.llm_facts if known else None)
        if known is None or known.described_digest != leading[0].text_digest:
            # A language model is asked later; meanwhile what the pages state stands.
            values |= {"describe_at": self.now, "describe_tries": 0}
        return tools.upsert(self.conn, site, values, self.now)

    def _difference(self, reading: Reading, tool_id: int) -> list[tuple[Chunk, int, str]]:
        """Passages that are new on the page; those that are no longer there go; an equal one keeps its row."""
        rows = tools.chunks_of_page(self.conn, reading.row.id)
        kept = {
            (row.digest, row.ordinal): row.id
            for row in rows
            if row.encoder == self.vectors.encoder and row.tool_id == tool_id
        }
        everything = {row.id for row in rows}
        new = []
        for chunk in reading.chunks:
            key = digest(chunk.indexed_text)
            same = kept.pop((key, chunk.ordinal), None)
            if same is None:
                new.append((chunk, tool_id, key))
            else:
                everything.discard(same)
        self.gone += sorted(everything)
        self.written.reused[reading.row.id] = len(reading.chunks) - len(new)
        return new

    def _insert(self, new: Sequence[tuple[Chunk, int, str]], version: int) -> None:
        rows = [
            {
                "page_id": chunk.page_id,
                "tool_id": tool_id,
                "ordinal": chunk.ordinal,
                "title": chunk.title,
                "text": chunk.text,
                "digest": key,
                "vector": self.vectors.by_digest[key],
                "encoder": self.vectors.encoder,
                "version": version,
            }
            for chunk, tool_id, key in new
        ]
        if rows:
            self.conn.execute(sa.insert(chunk_table), rows)
