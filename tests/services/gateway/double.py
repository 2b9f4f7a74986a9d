"""The API as the web page sees it: canned, in the API's shapes, and able to stall, break off and be cut anywhere."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.services.gateway.operator_double import Operator

WEB = Path(__file__).parents[3] / "services" / "gateway" / "web"
# What the gateway sends with its pages.
POLICY = "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'"
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
ADMIN = ("/admin", "/admin/missed", "/admin/pipeline", "/admin/models")
PAGES = {"/": "index.html"} | dict.fromkeys(ADMIN, "admin.html")
EVIL = '<img src=x onerror="window.hurt=1"><script>window.hurt=1</script>'
LONG = "Cleanvoice reads a recording and cuts filler words, mouth sounds and long silences. " * 6

Answered = tuple[int, Any]


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
QUOTED: dict[str, Any] = {"text": TEXT, "citations": CITATIONS, "source": "extractive", "model": None, "grounded": True}
QUOTED |= {"support": None, "dropped": 0, "reason": "llm_off"}


def row(url: str, state: str, reason: str | None = None) -> dict[str, Any]:
    return {"url": url, "state": state, "reason": reason, "detail": None, "tool_id": None}


A, B = "https://a.example", "https://b.example"
JOBS = [
    {"state": "queued", "urls": [row(A, "fetching"), row(B, "queued")]},
    {"state": "indexed", "urls": [row(A, "indexed"), row(B, "failed", "robots_disallowed")]},
]
PROBLEM = {"type": "urn:toolscout:problem:rate_limited", "status": 429, "reason": "rate_limited", "trace_id": "0" * 32}
PROBLEM |= {"title": "Too many requests", "detail": "The limit is 120/minute.", "remedy": "Wait a minute."}


class Broken(Exception):
    """The connection is to end in the middle of the answer."""


def event(name: str, data: Any) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()


def beats(until: threading.Event, seconds: float = 10) -> Iterator[bytes]:
    """Heartbeats until something happens: by them the server notices that nobody listens any more."""
    end = time.monotonic() + seconds
    while not until.wait(0.02) and time.monotonic() < end:
        yield b": alive\n\n"


class Api:
    """What the server was asked, and what it answers. `script` makes a search's stream of what it found, in pieces."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Any]] = []
        self.total = 14
        self.failing: set[str] = set()
        self.jobs = list(JOBS)
        self.slow = threading.Event()
        self.script: Callable[[dict[str, Any]], Iterator[bytes]] = self.whole
        self.left = threading.Event()  # a visitor went away before a stream's end
        self.operator = Operator()

    def bodies(self, path: str) -> list[Any]:
        return [body for asked, body in self.asked if asked == path]

    def answer(self, method: str, path: str, query: dict[str, str], body: Any, cookie: str) -> Answered:
        self.asked.append((path, body))
        if path in self.failing:
            return 429, PROBLEM
        if path == "/api/v1/search":
            return 200, self.found(body)
        if path == "/api/v1/tools":
            items = [r for r in RESULTS if query.get("q", "-").lower() in r["name"].lower()]
            return 200, {"total": self.total, "offset": 0, "items": items[: int(query["limit"])], "facets": FACETS}
        if tool := re.fullmatch(r"/api/v1/tools/(\d+)", path):
            return 200, RESULTS[int(tool.group(1)) - 1]
        if path == "/api/v1/process_url":
            return 202, {"job_id": "job1"}
        if path == "/api/v1/jobs/job1":
            return 200, {"job_id": "job1"} | (self.jobs.pop(0) if len(self.jobs) > 1 else self.jobs[0])
        if path in {"/api/v1/feedback", "/api/v1/click", "/api/v1/survey"}:
            return 204, None
        return self.operator.answer(method, path, query, body, cookie)

    def found(self, body: dict[str, Any]) -> dict[str, Any]:
        query, start = body["query"], body["offset"]
        if query == "slow":
            self.slow.wait(5)
        no_match = query == "nothing"
        nothing = QUOTED | {"text": "Nothing here fits that question.", "citations": [], "reason": "no_match"}
        shown = RESULTS[start : start + body["limit"]] if self.total else []
        found = {"search_id": f"s-{query}-{start}", "group": "stable", "experiment": None, "results": shown}
        answer = (nothing if no_match else QUOTED) if body["answer"] else None
        return found | {"no_match": no_match, "answer": answer, "timings_ms": {"total": 9}}

    def stream(self, body: dict[str, Any]) -> Iterator[bytes]:
        self.asked.append(("/api/v1/search", body))
        return self.script(self.found(body))

    @staticmethod
    def whole(found: dict[str, Any]) -> Iterator[bytes]:
        """What comes while no language model is on: everything at once."""
        answer = found.pop("answer")
        done = {"search_id": found["search_id"], "timings_ms": found["timings_ms"], "survey": False}
        yield event("results", found) + event("answer", answer) + event("done", done)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # one connection for all of the page's parts
    api: Api

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path.startswith("/api/"):
            self._api()
            return
        file = WEB / PAGES.get(path, path.lstrip("/"))
        found = file.is_file()
        self._send(200 if found else 404, file.read_bytes() if found else b"", TYPES.get(file.suffix, "text/plain"))

    def do_POST(self) -> None:
        self._api()

    do_PUT = do_DELETE = do_POST

    def _api(self) -> None:
        url = urlsplit(self.path)
        length = int(self.headers.get("content-length") or 0)
        body: Any = json.loads(self.rfile.read(length)) if length else None
        if url.path == "/api/v1/search" and body["stream"] and url.path not in self.api.failing:
            self._stream(self.api.stream(body))
            return
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        cookie = self.headers.get("cookie", "")
        status, answer = self.api.answer(self.command, url.path, query, body, cookie)
        content = b"" if answer is None else json.dumps(answer).encode()
        extra = self.api.operator.cookie(url.path) if status == 204 else {}
        self._send(status, content, "application/problem+json" if status >= 400 else "application/json", extra)

    def _stream(self, pieces: Iterator[bytes]) -> None:
        self._head(200, "text/event-stream", {"Transfer-Encoding": "chunked", "Cache-Control": "no-store"})
        try:
            for piece in pieces:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.write(b"0\r\n\r\n")
        except Broken:
            self.close_connection = True
        except OSError:
            self.close_connection = True
            self.api.left.set()

    def _send(self, status: int, content: bytes, media_type: str, extra: dict[str, str] | None = None) -> None:
        cache = "max-age=60" if self.path.startswith("/static/") else "no-store"
        length = {} if status == 204 else {"Content-Length": str(len(content))}
        self._head(status, media_type, {"Cache-Control": cache} | length | (extra or {}))
        self.wfile.write(content)

    def _head(self, status: int, media_type: str, extra: dict[str, str]) -> None:
        self.send_response(status)
        self.send_header("Content-Type", f"{media_type}; charset=utf-8")
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("X-Content-Type-Options", "nosniff")
        for name, value in extra.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


def serve() -> ThreadingHTTPServer:
    """A server whose handler's `api` a test sets."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Canned", (Handler,), {}))
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    return server
