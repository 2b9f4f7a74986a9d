"""The web page in a real Chromium; only the API behind it is canned, and its answers have the API's shapes."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.needs import missing

WEB = Path(__file__).parents[3] / "services" / "gateway" / "web"
# What the gateway sends with the page.
POLICY = "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'"
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# No name resolves: nothing leaves this machine.
FLAGS = ["--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
PHONE = {"width": 360, "height": 800}
EVIL = '<img src=x onerror="window.hurt=1"><script>window.hurt=1</script>'
LONG = "Cleanvoice reads a recording and cuts filler words, mouth sounds and long silences. " * 6


def result(tool_id: int, name: str, url: str, texts: list[str], **values: Any) -> dict[str, Any]:
    highlights = [
        {"chunk_id": tool_id * 100 + n, "url": f"{url}/features", "title": name, "text": text}
        for n, text in enumerate(texts)
    ]
    row = {"tool_id": tool_id, "name": name, "url": url, "summary": f"{name} in one line.", "score": 0.9}
    return row | {"category": "audio", "pricing": "freemium", "highlights": highlights} | values


RESULTS = [
    result(1, "Cleanvoice", "https://cleanvoice.example", ["It removes background noise.", LONG]),
    result(2, EVIL, "javascript:window.hurt=1", [EVIL], summary=EVIL, category=EVIL),
    result(3, "도우미", "https://doumi.example", ["회의록을 한국어로 정리합니다."], category="data", pricing=None),
]
RESULTS += [result(n, f"Tool {n}", f"https://tool{n}.example", ["A noise filter."]) for n in range(4, 16)]
TEXT = "Cleanvoice: It removes background noise. [1]\nCleanvoice: It cuts filler words [9], too. [2]"
CITATIONS = [{"n": 1, "chunk_id": 100, "tool_id": 1}, {"n": 2, "chunk_id": 101, "tool_id": 1}]
FACETS = {"category": {"audio": 13, "productivity": 1}, "pricing": {"freemium": 14}}


def row(url: str, state: str, reason: str | None = None) -> dict[str, Any]:
    return {"url": url, "state": state, "reason": reason, "detail": None, "tool_id": None}


A, B = "https://a.example", "https://b.example"
JOBS = [
    {"state": "queued", "urls": [row(A, "fetching"), row(B, "queued")]},
    {"state": "indexed", "urls": [row(A, "indexed"), row(B, "failed", "robots_disallowed")]},
]
PROBLEM = {"type": "urn:toolscout:problem:rate_limited", "status": 429, "reason": "rate_limited", "trace_id": "0" * 32}
PROBLEM |= {"title": "Too many requests", "detail": "The limit is 120/minute.", "remedy": "Wait a minute."}


class Api:
    """What the server was asked, and what it answers."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Any]] = []
        self.total = 14
        self.failing: set[str] = set()
        self.jobs = list(JOBS)
        self.slow = threading.Event()

    def bodies(self, path: str) -> list[Any]:
        return [body for asked, body in self.asked if asked == path]

    def answer(self, path: str, body: Any) -> tuple[int, Any]:
        self.asked.append((path, body))
        if path in self.failing:
            return 429, PROBLEM
        if path == "/api/v1/search":
            return 200, self._search(body)
        if path == "/api/v1/tools":
            return 200, {"total": self.total, "offset": 0, "items": [], "facets": FACETS}
        if path == "/api/v1/process_url":
            return 202, {"job_id": "job1"}
        if path == "/api/v1/jobs/job1":
            return 200, {"job_id": "job1"} | (self.jobs.pop(0) if len(self.jobs) > 1 else self.jobs[0])
        return 204, None

    def _search(self, body: dict[str, Any]) -> dict[str, Any]:
        query, start = body["query"], body["offset"]
        if query == "slow":
            self.slow.wait(5)
        no_match = query == "nothing"
        text, citations = ("Nothing here fits that question.", []) if no_match else (TEXT, CITATIONS)
        answer = {"text": text, "citations": citations, "source": "extractive", "model": None, "grounded": True}
        shown = RESULTS[start : start + body["limit"]] if self.total else []
        found = {"search_id": f"s-{query}-{start}", "group": "stable", "experiment": None, "results": shown}
        return found | {"no_match": no_match, "answer": answer if body["answer"] else None, "timings_ms": {"total": 9}}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # one connection for all of the page's parts
    api: Api

    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        if path.startswith("/api/"):
            self._json(*self.api.answer(path, None))
            return
        file = WEB / ("index.html" if path == "/" else path.lstrip("/"))
        found = file.is_file()
        self._send(200 if found else 404, file.read_bytes() if found else b"", TYPES.get(file.suffix, "text/plain"))

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self._json(*self.api.answer(self.path, body))

    def _json(self, status: int, body: Any) -> None:
        content = b"" if body is None else json.dumps(body).encode()
        self._send(status, content, "application/problem+json" if status >= 400 else "application/json")

    def _send(self, status: int, content: bytes, media_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", f"{media_type}; charset=utf-8")
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "max-age=60" if self.path.startswith("/static/") else "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if path is None:
        missing("chromium (install it to test the web page)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def server() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Canned", (Handler,), {}))
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def api(server: ThreadingHTTPServer) -> Iterator[Api]:
    api = server.RequestHandlerClass.api = Api()  # type: ignore[attr-defined]
    yield api
    api.slow.set()


class Watched:
    """One page for a module's tests, with what went wrong on it: script errors and breaches of the policy."""

    def __init__(self, context: BrowserContext) -> None:
        context.set_default_timeout(10_000)
        self.page = context.new_page()
        self.wrong: list[str] = []
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("console", lambda said: self.wrong.extend([said.text] * ("Security Policy" in said.text)))

    def visit(self) -> Iterator[Page]:
        self.wrong.clear()
        yield self.page
        self.page.unroute_all()
        self.page.evaluate("localStorage.clear()")
        self.page.goto("about:blank")
        assert self.wrong == []


def watched(browser: Browser, server: ThreadingHTTPServer, **options: Any) -> Iterator[Watched]:
    address = f"http://127.0.0.1:{server.server_port}"
    context = browser.new_context(base_url=address, reduced_motion="reduce", **options)
    yield Watched(context)
    context.close()


@pytest.fixture(scope="module")
def desk(browser: Browser, server: ThreadingHTTPServer) -> Iterator[Watched]:
    yield from watched(browser, server, locale="en-US")


@pytest.fixture(scope="module")
def pocket(browser: Browser, server: ThreadingHTTPServer) -> Iterator[Watched]:
    yield from watched(browser, server, locale="ko-KR", viewport=PHONE)


@pytest.fixture
def page(desk: Watched, api: Api) -> Iterator[Page]:
    yield from desk.visit()


@pytest.fixture
def phone(pocket: Watched, api: Api) -> Iterator[Page]:
    yield from pocket.visit()


def search(page: Page, query: str) -> None:
    page.goto("/")
    page.locator("#q").fill(query)
    page.locator("#q").press("Enter")
    expect(page.locator("#status")).to_have_text("10 results")


def overflow(page: Page) -> int:
    """Pixels by which the page is wider than its window."""
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


def test_a_search_shows_results_and_stands_in_the_address(page: Page, api: Api) -> None:
    search(page, "remove noise")
    body = api.bodies("/api/v1/search")[0]
    no_filters: dict[str, list[str]] = {"category": [], "pricing": []}
    assert body == {"query": "remove noise", "limit": 10, "offset": 0, "filters": no_filters, "answer": True}
    assert page.url.endswith("/?q=remove+noise")
    first = page.locator("article").first
    expect(first.locator("h3 a[rel='noopener noreferrer']")).to_have_attribute("href", "https://cleanvoice.example/")
    expect(first.locator(".badge")).to_have_text(["Audio", "Free plan"])
    assert first.locator("li").first.locator("mark").all_inner_texts() == ["removes", "noise"]
    page.locator("#q").fill("other")
    page.locator("#q").press("Enter")
    page.wait_for_url("**/?q=other")
    page.go_back()
    expect(page.locator("#q")).to_have_value("remove noise")


def test_a_link_searches_at_once_and_filters_narrow_and_slash_leads_back(page: Page, api: Api) -> None:
    page.goto("/?q=noise")
    expect(page.locator("#q")).to_be_focused()
    page.get_by_label("Category").select_option("audio")
    page.wait_for_url("**/?q=noise&category=audio")
    expect(page.locator("article")).to_have_count(10)
    assert api.bodies("/api/v1/search")[-1]["filters"] == {"category": ["audio"], "pricing": []}
    page.locator("#language").focus()
    page.keyboard.press("/")
    expect(page.locator("#q")).to_be_focused()
    expect(page.locator("#q")).to_have_value("noise")


def test_more_results_go_on_where_the_first_ended(page: Page, api: Api) -> None:
    search(page, "noise")
    page.locator("article details summary").first.click()
    page.get_by_role("button", name="More results").click()
    expect(page.locator("article")).to_have_count(15)
    expect(page.locator("#more")).to_be_hidden()
    expect(page.locator("article details").first).to_have_attribute("open", "")
    assert api.bodies("/api/v1/search")[-1]["offset"] == 10
    with page.expect_response("**/api/v1/feedback"):
        page.locator("article").nth(12).get_by_role("button", name="Not helpful").click()
    assert api.bodies("/api/v1/feedback") == [{"search_id": "s-noise-10", "rating": "down", "tool_id": 13}]


def test_a_citation_opens_its_passage(page: Page) -> None:
    search(page, "noise")
    answer = page.locator("#answer")
    expect(answer).to_contain_text("in the pages' own words")
    # A quoted [9] is no citation.
    expect(answer.locator(".cite")).to_have_text(["[1]", "[2]"])
    answer.locator(".cite").nth(1).click()
    passage = page.locator("#passage-101")
    expect(passage.locator("details")).to_have_attribute("open", "")
    expect(passage).to_be_focused()
    expect(passage).to_have_class("cited")
    expect(passage).to_be_in_viewport()


def test_thumbs_rate_the_answer_and_its_results(page: Page, api: Api) -> None:
    search(page, "noise")
    page.get_by_role("button", name="Helpful: Answer", exact=True).click()
    result = page.locator("article").first
    up, down = (result.locator(f".thumb.{rating}") for rating in ("up", "down"))
    up.click()
    expect(result.locator(".news")).to_have_text("Thank you, noted.")
    down.click()
    expect(down).to_have_attribute("aria-pressed", "true")
    expect(up).to_have_attribute("aria-pressed", "false")
    expect(result.locator(".news")).to_have_text("Thank you, noted.")
    assert api.bodies("/api/v1/feedback") == [
        {"search_id": "s-noise-0", "rating": "up"},
        {"search_id": "s-noise-0", "rating": "up", "tool_id": 1},
        {"search_id": "s-noise-0", "rating": "down", "tool_id": 1},
    ]
    api.failing.add("/api/v1/feedback")
    up.click()
    expect(result.locator(".news")).to_contain_text("That was not stored · Too many requests")
    expect(down).to_have_attribute("aria-pressed", "true")


def test_opening_a_result_is_noted(page: Page, api: Api) -> None:
    search(page, "noise")
    with page.expect_response("**/api/v1/click"), page.expect_popup() as popup:
        page.locator("article").nth(2).locator("h3 a").click()
    popup.value.close()
    assert api.bodies("/api/v1/click") == [{"search_id": "s-noise-0", "tool_id": 3, "position": 2}]


def test_what_pages_say_stays_text(page: Page) -> None:
    search(page, "onerror img")
    evil = page.locator("article").nth(1)
    expect(evil.locator("h3, .summary")).to_have_text([EVIL, EVIL])
    expect(evil.locator("h3 a")).to_have_count(0)
    expect(page.locator("main img, main script, a[href^='javascript']")).to_have_count(0)
    assert page.evaluate("window.hurt") is None


def test_an_older_answer_never_covers_a_newer_one_that_nothing_fits(page: Page, api: Api) -> None:
    page.goto("/")
    page.locator("#q").fill("slow")
    page.locator("#q").press("Enter")
    page.locator("#q").fill("nothing")
    page.locator("#q").press("Enter")
    expect(page.locator("#answer")).to_contain_text("Nothing in the catalogue fits that.")
    api.slow.set()
    page.wait_for_timeout(300)
    expect(page.locator("#results h2")).to_have_text("Nearest results")


def test_errors_come_with_their_remedy(page: Page, api: Api) -> None:
    api.failing.add("/api/v1/search")
    page.goto("/?q=noise")
    box = page.locator("#problem")
    for text in ("Too many requests", "The limit is 120/minute.", "Wait a minute."):
        expect(box).to_contain_text(text)
    page.route("**/api/v1/search", lambda route: route.abort())
    box.get_by_role("button", name="Try again").click()
    expect(box).to_contain_text("The server does not answer.")
    page.unroute("**/api/v1/search")
    api.failing.clear()
    box.get_by_role("button", name="Try again").click()
    expect(page.locator("article")).to_have_count(10)
    expect(box).to_be_empty()


def test_an_empty_catalogue_says_what_to_do_and_pages_are_added(page: Page, api: Api) -> None:
    api.total = 0
    page.goto("/")
    expect(page.locator("#welcome")).to_contain_text("The catalogue is empty")
    page.locator("#welcome").get_by_role("button", name="Add pages").click()
    page.get_by_label("Addresses of tools' pages").fill("a.example\n\n  https://b.example \na.example")
    api.total = 14
    page.locator("#add-form button").click()
    expect(page.locator("#job-status")).to_have_text("0 of 2 pages done")
    expect(page.locator("#job-status")).to_have_text("Finished: 1 of 2 pages can be searched")
    assert api.bodies("/api/v1/process_url") == [{"urls": ["https://a.example", "https://b.example"]}]
    expect(page.locator("#job-urls .good")).to_have_text("https://a.examplesearchable")
    expect(page.locator("#job-urls .bad")).to_contain_text("failed – the site asks robots to stay away")
    page.keyboard.press("Escape")
    expect(page.locator("#welcome")).to_contain_text("14 tools")


def test_korean_on_a_phone_fits_its_width(phone: Page) -> None:
    phone.goto("/")
    expect(phone.locator("html")).to_have_attribute("lang", "ko")
    expect(phone.locator("#search button")).to_have_text("검색")
    phone.locator("#q").fill("회의록 정리")
    phone.locator("#q").press("Enter")
    expect(phone.locator("#status")).to_have_text("결과 10개")
    expect(phone.locator("#answer")).to_contain_text("페이지의 문장 그대로")
    assert phone.locator("article").nth(2).locator("mark").all_inner_texts() == ["회의록", "정리"]
    expect(phone.locator("article").nth(2).locator(".badge")).to_have_text(["데이터"])
    assert overflow(phone) == 0
    phone.locator("#open-add").click()
    expect(phone.locator("#add h2")).to_have_text("페이지 추가")
    assert overflow(phone) == 0
    phone.keyboard.press("Escape")
    phone.get_by_role("button", name="English").click()
    expect(phone.locator("#status")).to_have_text("10 results")
    assert overflow(phone) == 0


def test_the_language_is_switched_and_remembered_and_both_say_the_same(page: Page) -> None:
    search(page, "noise")
    page.get_by_role("button", name="한국어").click()
    expect(page.locator("#status")).to_have_text("결과 10개")
    page.reload()
    expect(page.locator("#results h2")).to_have_text("검색 결과")
    expect(page.get_by_role("button", name="English")).to_be_visible()
    keys = """async () => {
      const flat = (words) => Object.entries(words).flatMap(([key, value]) =>
        value.constructor === Object && key !== "problems" ? Object.keys(value).map((k) => `${key}.${k}`) : [key]);
      const [en, ko] = await Promise.all(["en", "ko"].map((code) => import(`/static/lang/${code}.js`)));
      return [flat(en.default), flat(ko.default)];
    }"""
    english, korean = page.evaluate(keys)
    assert english == korean
