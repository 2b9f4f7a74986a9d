"""Tools, their passages, and what of both a search shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import sqlalchemy as sa

from toolscout.catalogue.engine import insert
from toolscout.catalogue.tables import chunks, leads, pages, tools
from toolscout.domain import State

# A site's record is led by its first pages; the rest only add passages.
LEADING_PAGES = 12


def upsert(conn: sa.Connection, site: str, values: dict, now: float) -> int:
    """Writes the record of a site and returns its tool id; the id of a site never changes."""
    row = {"site": site, "created_at": now, "updated_at": now, **values}
    stmt = insert(conn, tools).values(**row)
    stmt = stmt.on_conflict_do_update(index_elements=["site"], set_={**values, "updated_at": now})
    return conn.execute(stmt.returning(tools.c.id)).scalar_one()


def leading_pages(conn: sa.Connection, site: str) -> list[sa.Row]:
    """The read pages of a site (id, url, title, language, facts, text_digest), the landing page first.

    The shortest path leads.
    """
    columns = (pages.c.id, pages.c.url, pages.c.title, pages.c.language, pages.c.facts, pages.c.text_digest)
    stmt = sa.select(*columns).where(
        pages.c.site == site, pages.c.indexed_at.is_not(None), pages.c.duplicate_of.is_(None)
    )
    return list(conn.execute(stmt.order_by(sa.func.length(pages.c.url), pages.c.url).limit(LEADING_PAGES)))


def get(conn: sa.Connection, tool_id: int) -> sa.Row | None:
    return conn.execute(sa.select(tools).where(tools.c.id == tool_id, ~tools.c.hidden)).one_or_none()


# Built once: a search runs both, and to build a statement takes longer than to run it.
_IDS: sa.BindParameter[list[int]] = sa.bindparam("ids", expanding=True)
_MANY = sa.select(tools.c.id, tools.c.name, tools.c.url, tools.c.summary, tools.c.category, tools.c.pricing).where(
    tools.c.id.in_(_IDS), ~tools.c.hidden
)
_PASSAGES = (
    sa.select(chunks.c.id, chunks.c.tool_id, chunks.c.title, chunks.c.text, pages.c.url)
    .join_from(chunks, pages, chunks.c.page_id == pages.c.id)
    .where(chunks.c.id.in_(_IDS))
)


def many(conn: sa.Connection, ids: Iterable[int]) -> dict[int, sa.Row]:
    """Visible tools by id."""
    return {row[0]: row for row in conn.execute(_MANY, {"ids": list(ids)}).all()}


def passages(conn: sa.Connection, chunk_ids: Iterable[int]) -> dict[int, sa.Row]:
    """Chunks with the URL of their page, by chunk id."""
    return {row[0]: row for row in conn.execute(_PASSAGES, {"ids": list(chunk_ids)}).all()}


def pages_of(conn: sa.Connection, tool_id: int) -> list[sa.Row]:
    columns = (
        pages.c.id.label("page_id"),
        pages.c.url,
        pages.c.title,
        pages.c.state,
        pages.c.fetched_at,
        pages.c.indexed_at,
    )
    return list(conn.execute(sa.select(*columns).where(pages.c.tool_id == tool_id).order_by(pages.c.url).limit(200)))


def _matching(filters: Mapping[str, Sequence[str]], text: str = "") -> sa.ColumnElement[bool]:
    terms: list[sa.ColumnElement[bool]] = [~tools.c.hidden]
    for name in ("category", "pricing"):
        if filters.get(name):
            terms.append(tools.c[name].in_(filters[name]))
    for name, column in (("platform", tools.c.platforms), ("language", tools.c.languages)):
        if filters.get(name):
            # JSON lists of plain words: a quoted word in the text is an element, on either database.
            as_text = sa.cast(column, sa.Text)
            terms.append(sa.or_(*(as_text.contains(f'"{value}"', autoescape=True) for value in filters[name])))
    if text:
        terms.append(
            sa.or_(
                tools.c.name.icontains(text, autoescape=True),
                tools.c.summary.icontains(text, autoescape=True),
            )
        )
    return sa.and_(*terms)


def ids_matching(conn: sa.Connection, filters: Mapping[str, Sequence[str]]) -> set[int]:
    return set(conn.execute(sa.select(tools.c.id).where(_matching(filters))).scalars())


def page(
    conn: sa.Connection, filters: Mapping[str, Sequence[str]], text: str, offset: int, limit: int
) -> tuple[int, list[sa.Row], dict[str, dict[str, int]]]:
    """(how many match, one page of them by name, facets {field: {value: count}})."""
    where = _matching(filters, text)
    total = conn.execute(sa.select(sa.func.count()).select_from(tools).where(where)).scalar_one()
    rows = conn.execute(sa.select(tools).where(where).order_by(tools.c.name, tools.c.id).offset(offset).limit(limit))
    return total, list(rows), {name: _facet(conn, name, where) for name in ("category", "pricing")}


def _facet(conn: sa.Connection, name: str, where: sa.ColumnElement[bool]) -> dict[str, int]:
    stmt = sa.select(tools.c[name], sa.func.count()).where(where).group_by(tools.c[name])
    return {value: n for value, n in conn.execute(stmt) if value}


def chunks_of_page(conn: sa.Connection, page_id: int) -> list[sa.Row]:
    columns = (chunks.c.id, chunks.c.digest, chunks.c.encoder, chunks.c.tool_id, chunks.c.ordinal)
    return list(conn.execute(sa.select(*columns).where(chunks.c.page_id == page_id)))


def vectors_of_pages(conn: sa.Connection, page_ids: Sequence[int], encoder: str) -> dict[str, bytes]:
    """What the encoder made of these pages' passages so far: vectors by the digest of the passage."""
    stmt = sa.select(chunks.c.digest, chunks.c.vector).where(
        chunks.c.page_id.in_(page_ids), chunks.c.encoder == encoder
    )
    return {row.digest: bytes(row.vector) for row in conn.execute(stmt)} if page_ids else {}


def forget_if_empty(conn: sa.Connection, tool_id: int) -> None:
    """Removes a tool that no page belongs to any more."""
    left = sa.select(pages.c.id).where(pages.c.tool_id == tool_id).exists()
    conn.execute(sa.delete(tools).where(tools.c.id == tool_id, ~left))


def same_text(conn: sa.Connection, text_digest: str, page_id: int) -> sa.Row | None:
    """The first other indexed page with exactly this text."""
    columns = (pages.c.id, pages.c.tool_id, pages.c.url)
    stmt = sa.select(*columns).where(
        pages.c.text_digest == text_digest,
        pages.c.id != page_id,
        pages.c.duplicate_of.is_(None),
        pages.c.state.in_([State.INDEXED, State.UNCHANGED]),
    )
    return conn.execute(stmt.order_by(pages.c.id).limit(1)).one_or_none()


def add_leads(conn: sa.Connection, page_id: int, links: Sequence[tuple[str, str]], now: float) -> None:
    rows = [{"url": url, "anchor": anchor[:200], "page_id": page_id, "created_at": now} for url, anchor in links]
    if rows:
        conn.execute(insert(conn, leads).on_conflict_do_nothing(), rows)


def counts(conn: sa.Connection) -> dict[str, int]:
    return {
        t.name: conn.execute(sa.select(sa.func.count()).select_from(t)).scalar_one() for t in (tools, chunks, leads)
    }
