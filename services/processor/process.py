"""Takes a batch of fetched pages through: read, embed what is new, commit, tell."""

from __future__ import annotations

import time
from collections.abc import Sequence

import sqlalchemy as sa
from celery import Celery
from toolscout import events, logs, queue
from toolscout.catalogue import Catalogue, tools
from toolscout.encoder import Encoder, pack
from toolscout.pages import PageStore
from toolscout.settings import Settings

from services.processor.read import Reading, digest, read_page
from services.processor.record import Recorder, Vectors, Written


class Processor:
    """What one processor process keeps open between batches. Without `app` nobody is woken."""

    def __init__(self, settings: Settings, app: Celery | None = None) -> None:
        self.settings = settings
        self.app = app
        self.catalogue = Catalogue(settings.db_url)
        self.store = PageStore(settings.raw_dir)
        self.encoder = Encoder(settings.encoder_dir)

    def process(self, rows: Sequence[sa.Row], owner: str) -> None:
        """Processes claimed pages: every one ends indexed, skipped with a reason, or queued to be fetched again."""
        start = time.perf_counter()
        readings = [read_page(self.store, row) for row in rows]
        self.store.drop(r.row.digest for r in readings if r.missing and r.row.digest)
        extracted = time.perf_counter()
        vectors = self._embed(readings)
        embedded = time.perf_counter()
        written = Recorder(self.catalogue, owner).record(readings, vectors)
        committed = time.perf_counter()
        if self.app:
            queue.wake_pages(self.app, self.settings, to_fetch=written.to_fetch, to_process=written.to_process)
        self._tell(readings, written)
        logs.emit(
            events.BatchProcessed(
                pages=len(rows),
                chunks=sum(len(r.chunks) for r in readings),
                extract_ms=(extracted - start) * 1000,
                embed_ms=(embedded - extracted) * 1000,
                commit_ms=(committed - embedded) * 1000,
                duration_ms=(committed - start) * 1000,
            )
        )

    def _embed(self, readings: Sequence[Reading]) -> Vectors:
        """Vectors of all passages; those that the catalogue holds already are not computed again."""
        wanted = {digest(chunk.indexed_text): chunk.indexed_text for r in readings for chunk in r.chunks}
        known_pages = [r.row.id for r in readings if r.row.indexed_at is not None]
        with self.catalogue.read() as conn:
            known = tools.vectors_of_pages(conn, known_pages, self.encoder.sha)
        vectors = {key: known[key] for key in wanted.keys() & known.keys()}
        new = {key: text for key, text in wanted.items() if key not in vectors}
        if new:
            vectors |= zip(new, pack(self.encoder.encode(list(new.values()))), strict=True)
        return Vectors(self.encoder.sha, vectors)

    def _tell(self, readings: Sequence[Reading], written: Written) -> None:
        for reading in readings:
            page_id = reading.row.id
            if page_id in written.states:
                state, reason = written.states[page_id]
                logs.emit(
                    events.PageProcessed(
                        url=reading.row.url,
                        page_id=page_id,
                        tool_id=written.tools.get(page_id),
                        state=state,
                        reason=reason,
                        method=reading.page.method or None,
                        language=reading.page.language or None,
                        chunks=len(reading.chunks),
                        chunks_reused=written.reused.get(page_id, 0),
                        extract_ms=reading.extract_ms,
                    )
                )
