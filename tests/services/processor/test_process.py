"""Batches through the real processor: what a catalogue holds afterwards, on both databases."""

import time

import pytest
import sqlalchemy as sa
from toolscout.addresses import AddressGuard
from toolscout.catalogue import changes, jobs
from toolscout.catalogue.pages import PROCESS
from toolscout.catalogue.tables import chunks, leads, pages
from toolscout.catalogue.tables import tools as tool_table
from toolscout.pages import PageStore
from toolscout.settings import Settings
from toolscout.submit import wanted, with_html
from toolscout.work import work_through

from services.processor.process import Processor

TEXT = "Brushwork paints portraits from a description and lets you correct every stroke by hand."


def html(title="Brushwork", text=TEXT, head=""):
    return f"<html><head><title>{title}</title>{head}</head><body><main><p>{text}</p></main></body></html>"


@pytest.fixture
def read(catalogue, database_url, tmp_path):
    """Submits {url: html} and processes it; returns {url: row of the page}."""
    settings = Settings(_env_file=None, data_dir=tmp_path / "data", database_url=database_url, log_stdout=False)
    processor = Processor(settings)
    store, guard = PageStore(settings.raw_dir), AddressGuard()

    def run(bodies, submitted=True):
        rows = [with_html(wanted(url, guard), body, store) for url, body in bodies.items()]
        with catalogue.write() as conn:
            job = jobs.submit(conn, rows, time.time(), 60, None)
            if not submitted:
                conn.execute(sa.update(pages).where(pages.c.id.in_(job.to_process)).values(submitted=False))
        work_through(catalogue, PROCESS, job.to_process, 30, processor.process)
        with catalogue.read() as conn:
            return {row.url: row for row in conn.execute(sa.select(pages).where(pages.c.url.in_(list(bodies))))}

    yield run
    processor.catalogue.close()


def rows_of(catalogue, table):
    with catalogue.read() as conn:
        return conn.execute(sa.select(table).order_by(*table.primary_key.columns)).all()


def test_pages_of_one_site_make_one_tool_led_by_its_landing_page(catalogue, read):
    read({"https://b.example/prices": html("Prices", "It costs $12 per month for each painter who wants to paint.")})
    read({"https://b.example/": html("Brushwork | paint", TEXT)})
    (tool,) = rows_of(catalogue, tool_table)
    assert (tool.site, tool.url, tool.name) == ("b.example", "https://b.example/", "Brushwork")
    assert tool.pricing == "paid"
    assert tool.sources["pricing"]["source"] == "text"
    assert {chunk.tool_id for chunk in rows_of(catalogue, chunks)} == {tool.id}


def test_the_record_does_not_depend_on_the_order_of_reading(catalogue, read):
    one = {
        "https://a.example/": html("Alpha | paint"),
        "https://a.example/x": html("Other", "Our free plan is for all."),
    }
    two = {
        url.replace("a.ex", "b.ex"): body.replace("portraits", "landscapes").replace("for all", "for you")
        for url, body in reversed(one.items())
    }
    for url, body in [*one.items(), *two.items()]:
        read({url: body})
    first, second = rows_of(catalogue, tool_table)
    assert (first.name, first.pricing, first.category) == (second.name, second.pricing, second.category)


def test_reading_again_changes_nothing_and_a_change_replaces_only_its_passages(catalogue, read):
    long = "\n".join(
        f"<p>{TEXT} Part {n} of the long story that fills passages. {'Words. ' * 90}</p>" for n in range(3)
    )
    read({"https://a.example/": html(text=long)})
    before = {chunk.ordinal: chunk.id for chunk in rows_of(catalogue, chunks)}
    assert len(before) >= 3
    with catalogue.read() as conn:
        version = changes.current(conn)
    read({"https://a.example/": html(text=long)})
    assert {chunk.ordinal: chunk.id for chunk in rows_of(catalogue, chunks)} == before
    with catalogue.read() as conn:
        assert changes.current(conn) == version
    read({"https://a.example/": html(text=long.replace("Part 2", "Chapter 2"))})
    after = {chunk.ordinal: chunk.id for chunk in rows_of(catalogue, chunks)}
    assert set(before.values()) & set(after.values())
    assert set(before.values()) != set(after.values())
    with catalogue.read() as conn:
        gone = changes.since(conn, version).deleted
    assert set(gone) == set(before.values()) - set(after.values())


def test_an_equal_text_elsewhere_is_a_copy_until_its_original_changes(catalogue, read):
    found = read({"https://a.example/": html(), "https://mirror.example/": html()})
    original, copy = found["https://a.example/"], found["https://mirror.example/"]
    assert (copy.state, copy.reason, copy.duplicate_of) == ("indexed", "duplicate", original.id)
    assert copy.tool_id == original.tool_id is not None
    assert len(rows_of(catalogue, chunks)) == 1
    read(
        {"https://a.example/": html(text="Something else entirely is now written on this page, and nobody knows why.")}
    )
    (row,) = [row for row in rows_of(catalogue, pages) if row.id == copy.id]
    assert (row.state, row.duplicate_of) == ("fetched", None)  # it waits to stand on its own


def test_a_page_without_text_is_skipped_and_leaves_the_index(catalogue, read):
    read({"https://a.example/": html()})
    row = read({"https://a.example/": "<html><body></body></html>"})["https://a.example/"]
    assert (row.state, row.reason, row.tool_id) == ("skipped", "no_text", None)
    assert rows_of(catalogue, chunks) == []
    assert rows_of(catalogue, tool_table) == []


def test_found_articles_only_lead_on_and_submitted_ones_are_indexed(catalogue, read):
    body = html("How we paint", "A story. " * 40 + "<a href='https://tool.example/?utm_source=x'>a tool</a>")
    row = read({"https://a.example/blog/story": body}, submitted=False)["https://a.example/blog/story"]
    assert (row.state, row.reason) == ("skipped", "article")
    assert [lead.url for lead in rows_of(catalogue, leads)] == ["https://tool.example/"]
    assert read({"https://b.example/blog/story": body})["https://b.example/blog/story"].state == "indexed"


def test_a_body_that_was_lost_is_fetched_again(catalogue, read, tmp_path):
    read({"https://a.example/": html()})
    with catalogue.write() as conn:
        page = conn.execute(sa.select(pages)).one()
        jobs.page_rows.requeue(conn, [page.id], "fetched", time.time())
    for path in (tmp_path / "data" / "raw_html_storage").rglob("*.warc.gz"):
        path.write_bytes(b"damaged")
    settings = Settings(_env_file=None, data_dir=tmp_path / "data", log_stdout=False)
    processor = Processor(settings)
    processor.catalogue = catalogue
    work_through(catalogue, PROCESS, [page.id], 30, processor.process)
    assert [row.state for row in rows_of(catalogue, pages)] == ["queued"]
    assert len(rows_of(catalogue, chunks)) == 1
