"""The main job: URLs in, answers out, every step an event. One system serves all of it."""

import json
import sqlite3
import time
from collections import Counter

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("e2e")]

PRIVATE = [
    "http://127.0.0.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0177.0.0.1/",
    "http://127.1/",
    "http://0.0.0.0/",
    "http://[::1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[2002:7f00:1::]/",
    "http://169.254.169.254/latest/meta-data/",
    "http://10.0.0.1/",
    "http://１２７.0.0.1/",
    "http://localhost/",
    "http://metadata.google.internal/",
]


@pytest.fixture(scope="module")
def client(system):
    with system.client() as found:
        yield found


@pytest.fixture(scope="module")
def admin(system):
    with system.client(headers={"Authorization": f"Bearer {system.admin_key}"}) as found:
        yield found


@pytest.fixture(scope="module")
def indexed(client, web):
    """The captured pages, processed: rows of the web with their outcome."""
    urls = [row["url"] for row in web.rows]
    print(f"{len(urls)} captured pages (E2E_PAGES)")
    answer = client.post("/api/v1/process_url", json={"urls": urls, "wait": True})
    assert answer.status_code == 200
    time.sleep(0.5)
    return list(zip(web.rows, answer.json()["urls"], strict=True))


def reasons(client, urls, **more):
    """{url: (state, reason)} once all have ended."""
    answer = client.post("/api/v1/process_url", json={"urls": urls, "wait": True, **more})
    assert answer.status_code == 200, answer.text
    return {row["url"]: (row["state"], row["reason"]) for row in answer.json()["urls"]}


def test_every_captured_page_ends_in_a_final_state_and_nearly_all_are_indexed(indexed):
    outcomes = Counter((outcome["state"], outcome["reason"]) for _, outcome in indexed)
    assert {state for state, _ in outcomes} <= {"indexed", "unchanged", "skipped", "failed"}
    with_text = [outcome for row, outcome in indexed if row.get("expected_text_file")]
    assert sum(outcome["state"] == "indexed" for outcome in with_text) >= 0.98 * len(with_text), outcomes


def test_searching_a_pages_title_finds_the_page(client, indexed):
    titled = [(row, outcome) for row, outcome in indexed if row.get("title") and outcome["state"] == "indexed"]
    found = 0
    for row, _ in titled:
        body = client.post("/api/v1/search", json={"query": row["title"][:1000], "answer": False}).json()
        found += any(h["url"] == row["url"] for r in body["results"] for h in r["highlights"])
    assert found >= 0.95 * len(titled)


def test_an_answer_cites_passages_that_are_shown(client, indexed):
    body = client.post("/api/v1/search", json={"query": indexed[0][0]["title"]}).json()
    shown = {h["chunk_id"]: h for r in body["results"] for h in r["highlights"]}
    assert body["answer"]["source"] == "extractive"
    assert body["answer"]["citations"]
    for citation, line in zip(body["answer"]["citations"], body["answer"]["text"].split("\n"), strict=True):
        quoted = line.partition(": ")[2].rpartition(" [")[0]
        assert quoted in " ".join(shown[citation["chunk_id"]]["text"].split())


def test_a_second_request_uses_the_fresh_copy_and_an_old_one_is_asked_whether_it_changed(client, admin, indexed):
    url = next(row["url"] for row, outcome in indexed if outcome["state"] == "indexed")
    assert reasons(client, [url]) == {url: ("unchanged", "fresh_copy")}
    assert reasons(admin, [url], max_age=0) == {url: ("unchanged", "not_modified")}


def test_faults_of_sites_end_with_their_reason(client, web):
    base = web.rows[0]["url"].split("/", 3)
    faults = {
        "500": {"server_error"},
        "429": {"rate_limited"},
        "huge": {"too_large"},
        "bomb": {"too_large"},
        "loop": {"too_many_redirects"},
        "private": {"address_forbidden"},
        "binary": {"binary_content", "unsupported_type"},
        "cut": {"incomplete_body"},
    }
    urls = {f"http://{base[2]}/_fault/{name}": expected for name, expected in faults.items()}
    outcomes = reasons(client, list(urls))
    for url, expected in urls.items():
        state, reason = outcomes[url]
        assert (state, reason in expected) == ("failed", True), (url, state, reason)


def test_private_addresses_in_any_spelling_are_refused(client):
    assert set(reasons(client, PRIVATE).values()) == {("failed", "address_forbidden")}


@pytest.mark.parametrize("url", ["", "no url", "ftp://example.org/", "http://", "javascript:alert(1)", "http://a b/"])
def test_what_is_no_url_is_a_problem_with_a_remedy(client, url):
    answer = client.post("/api/v1/process_url", json={"url": url})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["reason"] == "invalid_url"
    assert answer.json()["remedy"]


HTML = {
    "nested": ("<div>" * 1_000_000 + "<p>The innermost sentence of a very deep page.</p>", "indexed", None),
    "empty": ("<html><body></body></html>", "skipped", "no_text"),
    "controls": ("<p>A tool\x00 with \x07 control \x1b characters in its text.</p>", "indexed", None),
    "emoji": ("<title>🎨 Paint</title><p>🎨 paints pictures 👩‍🎨 for everyone, every day.</p>", "indexed", None),
    "hangul": ("<title>한글 도구</title><p>이 도구는 사진의 배경을 자동으로 지워 줍니다.</p>", "indexed", None),
    "charset": ("<meta charset=utf-16><p>A page that lies about its charset but is plain.</p>", "indexed", None),
}


@pytest.mark.parametrize("name", HTML)
def test_odd_pages_are_read_or_skipped_with_a_reason(admin, name):
    html, state, reason = HTML[name]
    body = {"url": f"https://{name}.example/", "html": html, "wait": True}
    answer = admin.post("/api/v1/process_url", json=body)
    assert answer.status_code == 200, answer.text
    (row,) = answer.json()["urls"]
    assert (row["state"], row["reason"]) == (state, reason)


def test_korean_questions_find_korean_pages(admin):
    html = "<title>소리글</title><p>소리글은 회의 녹음을 글로 옮기고 요약해 주는 서비스입니다.</p>"
    admin.post("/api/v1/process_url", json={"url": "https://sori.example/", "html": html, "wait": True})
    time.sleep(0.5)
    body = admin.post("/api/v1/search", json={"query": "회의 녹음을 요약하는 도구"}).json()
    assert body["results"][0]["name"] == "소리글"


def test_html_and_another_max_age_need_the_admin_key(client):
    for body in ({"url": "https://a.example/", "html": "x"}, {"url": "https://a.example/", "max_age": 5}):
        answer = client.post("/api/v1/process_url", json=body)
        assert (answer.status_code, answer.json()["reason"]) == (401, "admin_key_needed")


@pytest.mark.parametrize(
    "body",
    [
        {"query": "word " * 10_000},
        {"query": ""},
        {"query": "\x00\x07"},
        {"query": "x", "limit": 0},
        {"query": "x", "filters": {"category": ["nonsense"]}},
        {"query": "x", "surprise": 1},
        {},
    ],
)
def test_searches_that_make_no_sense_are_refused(client, body):
    answer = client.post("/api/v1/search", json=body)
    assert answer.status_code == 422
    assert {"type", "title", "status", "detail", "remedy", "reason"} <= answer.json().keys()


@pytest.mark.parametrize(
    "query", ["🎨🎨🎨", "사진", "a\x00b tool", "'; DROP TABLE chunks; --", '"AND" OR NOT (', "x" * 1000]
)
def test_odd_queries_are_answered(client, query):
    assert client.post("/api/v1/search", json={"query": query}).status_code == 200


def test_what_is_personal_is_scrubbed_before_it_is_stored_or_logged(client, system):
    query = "mail to jane.doe@example.org or call 010-1234-5678 or pay 4111 1111 1111 1111"
    found = client.post("/api/v1/search", json={"query": query}).json()
    client.post(
        "/api/v1/feedback", json={"search_id": found["search_id"], "rating": "up", "comment": "I am joe@example.org"}
    ).raise_for_status()
    time.sleep(0.5)
    database = sqlite3.connect(system.data_dir / "toolscout.db")
    stored = database.execute("SELECT query FROM searches WHERE id = ?", (found["search_id"],)).fetchone()[0]
    comment = database.execute("SELECT comment FROM feedback WHERE search_id = ?", (found["search_id"],)).fetchone()[0]
    logged = [e for e in system.events("search_served") if e["toolscout"]["search_id"] == found["search_id"]]
    for text in (stored, comment, json.dumps(logged)):
        assert not any(secret in text for secret in ("jane.doe", "joe@", "5678", "4111"))
    assert "[email]" in stored
    assert "[phone]" in stored
    assert "[card]" in stored


def test_feedback_counts_only_from_who_searched_and_for_what_was_shown(system, client, indexed):
    found = client.post("/api/v1/search", json={"query": indexed[0][0]["title"]}).json()
    good = {"search_id": found["search_id"], "tool_id": found["results"][0]["tool_id"], "rating": "up"}
    assert client.post("/api/v1/feedback", json=good).status_code == 204
    click = {key: good[key] for key in ("search_id", "tool_id")} | {"position": 0}
    assert client.post("/api/v1/click", json=click).status_code == 204
    with system.client() as stranger:
        assert stranger.post("/api/v1/feedback", json=good).json()["reason"] == "foreign_session"
    assert client.post("/api/v1/feedback", json=good | {"tool_id": 999_999}).json()["reason"] == "not_shown"
    assert client.post("/api/v1/feedback", json=good | {"search_id": "none"}).status_code == 404
    assert client.post("/api/v1/feedback", json={"search_id": found["search_id"]}).status_code == 422


def test_a_forged_session_is_replaced_by_a_new_one(system):
    with system.client(cookies={"toolscout_session": "somebody.forged"}) as forger:
        cookie = forger.get("/healthz").headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


def test_unlisted_hosts_and_foreign_origins_stay_outside(client):
    assert client.get("/healthz", headers={"Host": "evil.example"}).json()["reason"] == "unknown_host"
    refused = client.post("/api/v1/search", json={"query": "x"}, headers={"Origin": "https://evil.example"})
    assert (refused.status_code, refused.json()["reason"]) == (403, "foreign_origin")


def test_bodies_have_a_limit_announced_or_not(client):
    def endless():
        for _ in range(400):
            yield b" " * 1000

    assert client.post("/api/v1/search", content=b" " * 300_000).status_code == 413
    assert client.post("/api/v1/search", content=endless()).status_code == 413


def test_tools_are_listed_with_facets_and_sources(client, indexed):
    listed = client.get("/api/v1/tools?limit=5").json()
    assert listed["total"] >= len(listed["items"]) > 0
    one = client.get(f"/api/v1/tools/{listed['items'][0]['tool_id']}").json()
    assert one["pages"][0]["url"]
    assert one["sources"]
    assert client.get("/api/v1/tools/999999").status_code == 404
    assert client.get("/api/v1/nothing").json()["remedy"]


def test_results_come_as_server_sent_events_too(client, indexed):
    with client.stream("POST", "/api/v1/search", json={"query": "tool", "stream": True}) as answer:
        text = answer.read().decode()
    names = [line[7:] for line in text.splitlines() if line.startswith("event: ")]
    assert (names[0], names[-2:]) == ("results", ["answer", "done"]) and set(names[1:-2]) <= {"token"}


def test_jobs_are_followed_and_cancelled(client, site):
    job = client.post("/api/v1/process_url", json={"urls": site.urls(40)}).json()["job_id"]
    assert client.post(f"/api/v1/jobs/{job}/cancel").json()["urls"]
    assert client.get(f"/api/v1/jobs/{job}").json()["state"] in {"cancelled", "indexed"}
    assert client.get("/api/v1/jobs/none").status_code == 404


def test_every_step_is_an_event_with_one_trace(client, system, site):
    url = site.urls(90)[-1]
    answer = client.post("/api/v1/process_url", json={"url": url, "wait": True})
    assert answer.json()["state"] == "indexed"
    time.sleep(0.5)
    trace = answer.headers["x-trace-id"]
    actions = {e["event"]["action"] for e in system.events() if e.get("trace", {}).get("id") == trace}
    assert {"urls_submitted", "page_fetched", "page_processed", "task_ended", "request_served"} <= actions


def test_the_command_line_crawls_searches_and_reports(system, site):
    url = site.urls(99)[-1]
    crawled = system.command("crawl", url)
    assert crawled.returncode == 0, crawled.stderr
    assert "indexed" in crawled.stdout
    assert "fresh_copy" in system.command("crawl", url).stdout
    time.sleep(0.5)
    assert "helper98" in system.command("search", "helper98").stdout
    assert "pages indexed" in system.command("status").stdout
    assert system.command("process", url).returncode == 0
    assert system.command("submit", "crawler.fetch_pages", "[1]").returncode == 0
    refused = system.command("crawl", "not a url")
    assert "refused" in refused.stderr
    assert system.command("submit", "nobody.nothing").returncode != 0
