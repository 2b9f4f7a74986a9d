"""Tools of the catalogue with their passages, in batches: what synthetic rows are made of."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from toolscout.catalogue import Catalogue
from toolscout.catalogue.descriptions import LEADING_CHUNKS
from toolscout.catalogue.tables import chunks, pages, tools
from toolscout.encoder import unpack
from toolscout.text import HANGUL, scrub
from toolscout.untrusted import without_instructions

MOST_TOOLS = 20_000
BATCH = 100
# Passages that are read of one tool, the landing page's first.
PASSAGES = 12


@dataclass(frozen=True, slots=True)
class Passage:
    """`text` is without personal data and without what speaks to models; `vector` is 384 float16 of `encoder`."""

    id: int
    text: str
    vector: bytes = b""
    encoder: str = ""


@dataclass(slots=True)
class Tool:
    """`language` is "en", "ko", or what else its landing page is in; `facts` and `leading` passages are that page's."""

    id: int
    site: str
    name: str
    language: str
    category: str
    pricing: str | None
    platforms: list[str]
    summary: str
    features: list[str]
    use_cases: list[str]
    at: float
    passages: list[Passage]
    leading: list[Passage]
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def lead(self) -> str:
        """The beginning of the landing page, as a model is asked to describe it."""
        return "\n".join(passage.text for passage in self.leading)


def chosen(catalogue: Catalogue, seed: int, limit: int | None) -> list[int]:
    """At most MOST_TOOLS ids of visible tools that have a passage, in an order that the seed draws."""
    has_text = sa.select(chunks.c.id).where(chunks.c.tool_id == tools.c.id).exists()
    with catalogue.read() as conn:
        stmt = sa.select(tools.c.id).where(~tools.c.hidden, has_text).order_by(tools.c.id)
        ids = list(conn.execute(stmt).scalars())
    most = min(len(ids), MOST_TOOLS if limit is None else limit, MOST_TOOLS)
    return random.Random(seed).sample(ids, most)


def batches(catalogue: Catalogue, ids: Sequence[int]) -> Iterator[list[Tool]]:
    """The tools, about BATCH at a time and no batch much smaller: each gives the others their distractors."""
    parts = -(-len(ids) // BATCH)
    for n in range(parts):
        yield _read(catalogue, ids[n::parts])


def cosine(a: Passage, b: Passage) -> float:
    """-1..1; 0 where the two were embedded by different encoders."""
    if a.encoder != b.encoder or not a.vector:
        return 0.0
    one, other = unpack([a.vector, b.vector])
    return float(one @ other)


def _read(catalogue: Catalogue, ids: Sequence[int]) -> list[Tool]:
    with catalogue.read() as conn:
        rows = {row.id: row for row in conn.execute(sa.select(tools).where(tools.c.id.in_(ids)))}
        texts: dict[int, list[sa.Row]] = {n: [] for n in rows}
        for chunk in conn.execute(_first_chunks(ids)):
            texts[chunk.tool_id].append(chunk)
        leading = {some[0].page_id for some in texts.values() if some}
        stmt = sa.select(pages.c.id, pages.c.language, pages.c.facts).where(pages.c.id.in_(leading))
        landing = {row.id: row for row in conn.execute(stmt)}
    # A tool that went in the meantime is left out.
    return [_tool(rows[n], texts[n], landing[texts[n][0].page_id]) for n in ids if texts.get(n)]


def _first_chunks(ids: Sequence[int]) -> sa.Select[Any]:
    """The shortest path leads, as in catalogue.tools.leading_pages."""
    order = (sa.func.length(pages.c.url), pages.c.url, chunks.c.ordinal, chunks.c.id)
    columns = (chunks.c.id, chunks.c.tool_id, chunks.c.page_id, chunks.c.text, chunks.c.vector, chunks.c.encoder)
    place = sa.func.row_number().over(partition_by=chunks.c.tool_id, order_by=order).label("place")
    ranked = sa.select(*columns, place).join_from(chunks, pages, chunks.c.page_id == pages.c.id)
    found = ranked.where(chunks.c.tool_id.in_(ids)).subquery()
    return sa.select(found).where(found.c.place <= PASSAGES).order_by(found.c.tool_id, found.c.place)


def _tool(row: sa.Row, texts: Sequence[sa.Row], page: sa.Row) -> Tool:
    passages = [Passage(one.id, _safe(one.text), bytes(one.vector), one.encoder) for one in texts]
    leading = [passage for passage, one in zip(passages, texts, strict=True) if one.page_id == page.id]
    leading = leading[:LEADING_CHUNKS]
    return Tool(
        id=row.id,
        site=row.site,
        name=_safe(row.name),
        language=(page.language or ("ko" if any(HANGUL.search(one.text) for one in leading) else "en")).split("-")[0],
        category=row.category,
        pricing=row.pricing,
        platforms=list(row.platforms),
        summary=_safe(row.summary),
        features=_each_safe(row.features),
        use_cases=_each_safe(row.use_cases),
        at=row.updated_at,
        passages=[passage for passage in passages if passage.text],
        leading=leading,
        facts=page.facts or {},
    )


def _each_safe(values: Sequence[str] | None) -> list[str]:
    return [safe for value in values or [] if (safe := _safe(value))]


def _safe(text: str) -> str:
    return scrub(without_instructions(text)).strip()
