"""Reads one page, without touching the database: its text and facts, a judgement, and its passages."""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import sqlalchemy as sa
from toolscout.addresses import normalise_url
from toolscout.domain import Chunk, Extracted
from toolscout.errors import InvalidUrl, NotFound
from toolscout.pages import PageStore
from toolscout.text import clean

from services.processor.chunk import passages
from services.processor.extract import extract
from services.processor.facts import judge

MAX_TITLE = 200


@dataclass(slots=True)
class Reading:
    """What came of a page. `skipped` is the reason why it is not indexed, `missing` that its raw body is gone."""

    row: sa.Row
    page: Extracted = field(default_factory=Extracted)
    chunks: list[Chunk] = field(default_factory=list)
    text_digest: str = ""
    skipped: str = ""
    missing: bool = False
    extract_ms: float = 0.0

    @property
    def facts(self) -> dict[str, dict]:
        """The facts as the page's row keeps them: {field: {value, source, confidence}}."""
        return {
            name: {"value": fact.value, "source": fact.source, "confidence": fact.confidence}
            for name, fact in self.page.facts.items()
        }

    @property
    def leads(self) -> list[tuple[str, str]]:
        """Links of a page that lists or discusses tools rather than being one."""
        return list(_normalised(self.page.links)) if self.skipped in {"article", "directory"} else []


def _normalised(links: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    for url, anchor in links:
        with contextlib.suppress(InvalidUrl):
            yield normalise_url(url), anchor


def read_page(store: PageStore, row: sa.Row) -> Reading:
    """Reads the stored body of a page row (id, url, final_url, content_type, digest, submitted)."""
    start = time.process_time()
    reading = Reading(row)
    try:
        body, headers = store.get(row.digest or "")
    except NotFound:
        reading.missing = True
        return reading
    page = reading.page = extract(body, row.final_url or row.url, row.content_type or headers.get("content-type", ""))
    page.text, page.title = clean(page.text), clean(page.title).strip()[:MAX_TITLE]
    reading.skipped = _why_not(row, page)
    if not reading.skipped:
        texts = passages(page)
        reading.chunks = [Chunk(row.id, n, page.title, text) for n, text in enumerate(texts)]
        reading.text_digest = digest(page.title, page.text)
    reading.extract_ms = (time.process_time() - start) * 1000
    return reading


def _why_not(row: sa.Row, page: Extracted) -> str:
    if not page.text.strip():
        return "no_text"
    if row.submitted:
        return ""  # whoever named this page wants it found, whatever it is
    fits, reason = judge(row.final_url or row.url, page)
    return "" if fits else reason


def digest(*texts: str) -> str:
    """sha256 of texts with their white space evened out."""
    return hashlib.sha256("\x00".join(" ".join(text.split()) for text in texts).encode()).hexdigest()
