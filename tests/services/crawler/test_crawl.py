"""Batches through the real crawler: what it asks, when, and what the catalogue holds afterwards, on both databases."""

import itertools
import threading
import time
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import sqlalchemy as sa
from toolscout import queue
from toolscout.addresses import AddressGuard
from toolscout.catalogue import hosts, jobs
from toolscout.catalogue.pages import FETCH
from toolscout.catalogue.tables import pages
from toolscout.domain import State
from toolscout.settings import Settings
from toolscout.submit import wanted
from toolscout.work import work_through

from services.crawler.crawl import Crawler


class Site:
    """A web server on several loopback hosts; `answers` are {path: (status, headers, body)}; `asked` what came when."""

    def __init__(self):
        self.answers = {}
        self.asked = defaultdict(list)
        self.lock = threading.Lock()
        self.server = ThreadingHTTPServer(("0.0.0.0", 0), self.handler())
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def handler(self):
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                start = time.monotonic()
                time.sleep(0.02)
                status, headers, body = site.answers.get(self.path, (404, {}, b"nothing"))
                if headers.get("ETag") and self.headers.get("If-None-Match") == headers["ETag"]:
                    status, body = 304, b""
                self.send_response(status)
                for name, value in {"Content-Type": "text/html", "Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)
                with site.lock:
                    site.asked[self.headers["Host"].split(":")[0]].append((self.path, start, time.monotonic()))

            def log_message(self, *_):
                pass

        return Handler

    def url(self, path, host=1):
        return f"http://127.8.0.{host}:{self.port}{path}"

    def page(self, path, text="A page with some text.", **headers):
        self.answers[path] = (200, headers, f"<p>{text}</p>".encode())


@pytest.fixture
def site():
    found = Site()
    yield found
    found.server.shutdown()
    found.server.server_close()


@pytest.fixture
def crawl(catalogue, database_url, tmp_path, site, redis_server):
    """Submits URLs and works through one batch; returns {url: row of the page}."""

    def run(*urls, delay=0.0, max_age=0.0):
        settings = Settings(
            _env_file=None,
            data_dir=tmp_path / "data",
            database_url=database_url,
            redis_url=redis_server,
            host_delay=delay,
            allow_hosts=f"127.8.0.0/16:{site.port}",
            log_stdout=False,
        )
        crawler = Crawler(settings, queue.create_celery(settings))
        with catalogue.write() as conn:
            rows = [wanted(url, AddressGuard(settings.allow_hosts), strict=True) for url in urls]
            jobs.submit(conn, rows, time.time(), max_age, None)
        with catalogue.read() as conn:
            ids = list(conn.execute(sa.select(pages.c.id).where(pages.c.url.in_(urls))).scalars())
        work_through(catalogue, FETCH, ids, 30, crawler.fetch)
        crawler.catalogue.close()
        with catalogue.read() as conn:
            return {row.url: row for row in conn.execute(sa.select(pages).where(pages.c.url.in_(urls)))}

    return run


def test_one_request_at_a_time_a_host_with_the_delay_between_and_hosts_side_by_side(site, crawl):
    for n in range(3):
        site.page(f"/{n}")
    start = time.monotonic()
    rows = crawl(*[site.url(f"/{n}", host) for n in range(3) for host in range(1, 5)], delay=0.3)
    assert {row.state for row in rows.values()} == {State.FETCHED}
    for asked in site.asked.values():
        ordered = sorted(asked, key=lambda one: one[1])
        assert ordered[0][0] == "/robots.txt"
        assert all(later[1] - earlier[2] >= 0.25 for earlier, later in itertools.pairwise(ordered))
    assert time.monotonic() - start < 4 * 3 * 0.3  # one after another it would be 16 turns


def test_what_robots_txt_forbids_is_not_asked_and_its_delay_is_kept(site, crawl):
    site.answers["/robots.txt"] = (200, {}, b"User-agent: *\nDisallow: /private\nCrawl-delay: 0.5")
    site.page("/open")
    site.page("/also")
    rows = crawl(site.url("/private"), site.url("/open"), site.url("/also"))
    assert (rows[site.url("/private")].state, rows[site.url("/private")].reason) == ("failed", "robots_disallowed")
    asked = sorted(site.asked["127.8.0.1"], key=lambda one: one[1])
    assert [path for path, _, _ in asked][:1] == ["/robots.txt"]
    assert {path for path, _, _ in asked[1:]} == {"/open", "/also"}
    assert asked[2][1] - asked[1][2] >= 0.45


def test_an_unchanged_page_is_known_by_its_etag_and_by_its_bytes(catalogue, site, crawl):
    site.page("/tagged", ETag='"1"')
    site.page("/plain")
    urls = site.url("/tagged"), site.url("/plain")
    crawl(*urls)
    with catalogue.write() as conn:
        conn.execute(sa.update(pages).values(state=State.INDEXED, indexed_at=1.0))
    rows = crawl(*urls)
    assert [(rows[url].state, rows[url].reason) for url in urls] == [
        ("unchanged", "not_modified"),
        ("unchanged", "same_content"),
    ]
    site.page("/plain", "Another text.")
    assert crawl(urls[1])[urls[1]].state == State.FETCHED


def test_who_asks_for_patience_is_left_alone_and_asked_again_later(catalogue, site, crawl):
    site.answers["/busy"] = (429, {"Retry-After": "60"}, b"")
    row = crawl(site.url("/busy"))[site.url("/busy")]
    assert (row.state, row.tries) == ("queued", 1)
    assert row.not_before > time.time() + 50
    with catalogue.write() as conn:
        assert hosts.take_turn(conn, f"127.8.0.1:{site.port}", "x", time.time(), 1) > 50


def test_a_fault_that_stays_ends_the_page_at_the_third_time(catalogue, site, crawl):
    site.answers["/broken"] = (500, {}, b"")
    url = site.url("/broken")
    for n in range(3):
        row = crawl(url)[url]
        assert row.tries == (n + 1 if n < 2 else 0)
        with catalogue.write() as conn:
            conn.execute(sa.update(pages).values(not_before=0))
        if n < 2:
            # What the crawler's next wake-up would do.
            assert row.state == State.QUEUED
    assert (row.state, row.reason, row.http_status) == ("failed", "server_error", 500)


def test_a_redirect_makes_the_page_part_of_the_site_where_it_ends(site, crawl):
    site.answers["/old"] = (301, {"Location": site.url("/new", 2)}, b"")
    site.page("/new")
    row = crawl(site.url("/old"))[site.url("/old")]
    assert (row.state, row.final_url, row.site) == ("fetched", site.url("/new", 2), f"127.8.0.2:{site.port}")
