"""Answers by a model: what the gateway adds to its first token, and how many streams at once it bears.

The overhead is measured against a server that answers at once (its time is taken off, and the retrieval's): a real
model's own time varies by more than what is to be measured. First words and load are measured on the embedded model.
"""

from __future__ import annotations

import argparse
import json
import statistics
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import psutil

from benchmarks.http import serving
from benchmarks.local import fill, local, queries
from benchmarks.system import System, running

CHUNKS = 3000
PATIENCE_S = 60.0


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--searches", type=int, default=60, help="of which the overhead is the median")
    parser.add_argument("--questions", type=int, default=8, help="to the embedded model, one after the other")
    parser.add_argument("--streams", type=int, default=50, help="to the embedded model at the same time")


def run(options: argparse.Namespace) -> dict[str, Any]:
    figures = overhead(options.searches)
    with running() as system:
        fill_system(system)
        figures |= first_words(system, options.questions)
        figures |= leaving(system)
        figures["streams"] = load(system, options.streams)
    return figures


class _Instant(BaseHTTPRequestHandler):
    """An OpenAI-compatible server whose first token is there at once; notes the last request."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    last: bytes = b""

    def do_GET(self) -> None:
        self._send(b'{"object":"list","data":[{"id":"instant","object":"model"}]}', "application/json")

    def do_POST(self) -> None:
        type(self).last = self.rfile.read(int(self.headers["Content-Length"]))
        chunk: dict[str, Any] = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "instant"}
        said: list[dict[str, Any]] = [
            {
                "choices": [
                    {"index": 0, "delta": {"role": "assistant", "content": "It fits [1]."}, "finish_reason": None}
                ]
            },
            {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
            {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 4, "total_tokens": 5}},
        ]
        lines = [f"data: {json.dumps(chunk | part)}\n\n" for part in said]
        self._send("".join([*lines, "data: [DONE]\n\n"]).encode(), "text/event-stream")

    def _send(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@contextmanager
def instant() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Instant)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()


def overhead(searches: int) -> dict[str, Any]:
    """First token through the gateway, less retrieval, less the same prompt sent straight to the server; p50 in ms."""
    added, direct = [], []
    with instant() as model, local(CHUNKS) as here:
        settings = here.settings.model_copy(update={"llm": "external", "llm_api_base": f"http://{model}/v1"})
        with serving(settings) as gateway:
            to_gateway, to_model = HTTPConnection(gateway), HTTPConnection(model)
            for n in range(searches + 5):
                query = f"{here.queries[n % len(here.queries)]} {n}"
                through = stream(to_gateway, query)
                straight = _straight(to_model)
                if n >= 5 and through.first_token is not None:
                    direct.append(straight)
                    added.append(through.first_token - through.retrieval - straight)
    return {
        "ttft_overhead_ms": round(statistics.median(added) * 1000, 2),
        "ttft_overhead_p95_ms": round(float(np.quantile(added, 0.95)) * 1000, 2),
        "ttft_direct_ms": round(statistics.median(direct) * 1000, 2),
        "ttft_searches": len(added),
    }


def _straight(connection: HTTPConnection) -> float:
    """Seconds to the first token of the gateway's last prompt, asked directly."""
    start = time.perf_counter()
    connection.request("POST", "/v1/chat/completions", _Instant.last, {"Content-Type": "application/json"})
    response = connection.getresponse()
    response.readline()
    took = time.perf_counter() - start
    response.read()
    return took


class Streamed:
    """One streamed search; times in seconds from its start."""

    def __init__(self) -> None:
        self.results: float | None = None
        self.first_token: float | None = None
        self.total = 0.0
        self.retrieval = 0.0
        self.answer: dict[str, Any] = {}


def stream(connection: HTTPConnection, query: str, session: str = "bench", leave: bool = False) -> Streamed:
    """Asks by server-sent events; `leave` hangs up at the first token."""
    found, start, event = Streamed(), time.perf_counter(), ""
    body = json.dumps({"query": query, "stream": True})
    connection.request("POST", "/api/v1/search", body, {"Content-Type": "application/json", "X-Session-ID": session})
    response = connection.getresponse()
    if response.status != 200:
        raise RuntimeError(f"search answered {response.status}")
    while line := response.readline():
        now = time.perf_counter() - start
        if line.startswith(b"event: "):
            event = line[7:].strip().decode()
        elif line.startswith(b"data: "):
            data = json.loads(line[6:])
            if event == "results":
                found.results, found.retrieval = now, data["timings_ms"]["total"] / 1000
            elif event == "token" and found.first_token is None:
                found.first_token = now
                if leave:
                    connection.close()
                    return found
            elif event == "answer":
                found.answer = data
    found.total = time.perf_counter() - start
    return found


def fill_system(system: System) -> None:
    """A few thousand real passages in the running system's catalogue; its gateway follows."""
    from toolscout.settings import Settings

    fill(Settings(_env_file=None, data_dir=system.data_dir), CHUNKS)
    with system.client() as client:
        until = time.monotonic() + 60
        while client.get("/readyz").json()["index"]["chunks"] < CHUNKS and time.monotonic() < until:
            time.sleep(0.2)
        while not (system.data_dir / "run" / "llm_stable").exists() and time.monotonic() < until:
            time.sleep(0.2)


def _address(system: System) -> str:
    return system.url.removeprefix("http://")


def first_words(system: System, questions: int) -> dict[str, Any]:
    connection = HTTPConnection(_address(system), timeout=PATIENCE_S + 10)
    asked = queries(400)[: questions + 1]
    found = [stream(connection, query) for query in asked][1:]
    spoken = [f.first_token for f in found if f.first_token is not None]
    return {
        "embedded_first_words_s_p50": round(statistics.median(spoken), 2) if spoken else None,
        "embedded_total_s_p50": round(statistics.median(f.total for f in found), 2),
        "results_ms_p50": round(statistics.median(f.results or 0 for f in found) * 1000, 1),
        "embedded_stands": sum(f.answer.get("source") == "llm" for f in found),
        "questions": len(found),
    }


def leaving(system: System) -> dict[str, Any]:
    """Seconds from a visitor's leaving to the model's rest."""
    model = (system.data_dir / "run" / "llm_stable").read_text().strip().removeprefix("http://").removesuffix("/v1")
    times = []
    for query in queries(400)[20:24]:
        if stream(HTTPConnection(_address(system), timeout=PATIENCE_S), query, leave=True).first_token is None:
            continue
        start = time.perf_counter()
        while _running(model) and time.perf_counter() - start < 10:
            time.sleep(0.02)
        times.append(time.perf_counter() - start)
    return {"left_to_rest_s_worst": round(max(times), 2) if times else None, "left": len(times)}


def _running(model: str) -> bool:
    health = HTTPConnection(model)
    health.request("GET", "/health")
    return bool(json.loads(health.getresponse().read())["running"])


def load(system: System, streams: int) -> dict[str, Any]:
    """`streams` questions at once, and meanwhile searches without an answer; times in s and ms, memory in MiB."""
    asked = queries(400)
    before = _memory(system)
    times: list[float] = []
    done = threading.Event()

    def others() -> None:
        connection = HTTPConnection(_address(system), timeout=PATIENCE_S)
        for n in range(100_000):
            if done.is_set():
                return
            body = json.dumps({"query": f"{asked[n % len(asked)]} {n}", "answer": False})
            start = time.perf_counter()
            headers = {"Content-Type": "application/json", "X-Session-ID": "other"}
            connection.request("POST", "/api/v1/search", body, headers)
            connection.getresponse().read()
            times.append(time.perf_counter() - start)
            time.sleep(0.05)

    beside = threading.Thread(target=others)
    beside.start()
    with ThreadPoolExecutor(streams) as pool:
        jobs = [
            pool.submit(stream, HTTPConnection(_address(system), timeout=PATIENCE_S + 30), asked[n], f"s{n}")
            for n in range(streams)
        ]
        found = [job.result() for job in jobs]
    done.set()
    beside.join()
    return {
        "streams": streams,
        "ended": sum(bool(f.answer) for f in found),
        "ended_within_60_s": sum(bool(f.answer) and f.total <= PATIENCE_S for f in found),
        "by_model": sum(f.answer.get("source") == "llm" for f in found),
        "slowest_s": round(max(f.total for f in found), 1),
        "other_searches_p95_ms": round(float(np.quantile(times, 0.95)) * 1000, 1),
        "other_searches": len(times),
        "memory_mib_before": before,
        "memory_mib_after": _memory(system),
    }


def _memory(system: System) -> int:
    """PSS of all processes: pages that several share are counted once."""
    total = 0
    for process in system.processes():
        try:
            total += process.memory_full_info().pss
        except psutil.Error:
            continue
    return round(total / 2**20)
