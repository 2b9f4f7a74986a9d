"""A small gateway that speaks the documented API of pipeline runs; a test says how its runs go."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "an-admin-key"
OPEN = ("queued", "running")
STEPS = ["generate_finetuning_data", "combine_datasets"]
FULL = {"state": "failed", "reason": "disk_full", "detail": "No space left. Make room, then start it again."}


class Double:
    """The gateway's state and what it was asked.

    A run goes on at each look; `looks` of them later it ends as `end` says. `refuses` are answers, (status, problem),
    that come first, whatever is asked. A start is answered once `gate` is open.
    """

    def __init__(self) -> None:
        self.runs: list[dict[str, Any]] = []
        self.asked: list[str] = []
        self.bodies: list[dict[str, Any]] = []
        self.refuses: list[tuple[int, dict[str, Any]]] = []
        self.looks, self.end = 2, "done"
        self.gate = threading.Event()
        self.gate.set()
        self.url = ""
        self.waits_for: str | None = None

    def answer(self, method: str, path: str, key: str, body: Any) -> tuple[int, dict[str, Any]]:
        self.asked.append(f"{method} {path}")
        if key != f"Bearer {KEY}":
            return _problem(401, "admin_key_needed", "This needs the admin key", "Send the header.")
        if self.refuses:
            return self.refuses.pop(0)
        if method == "POST" and path == "":
            self.bodies.append(body)
            return self._start(body)
        found = next((run for run in self.runs if run["id"] == path.split("/")[1]), None)
        if found is None:
            return _problem(404, "not_found", "There is no such run.", "Look.")
        if path.endswith("/cancel"):
            self._finish(found, "cancelled")
        elif found["state"] in OPEN:
            self._go_on(found)
        return 200, found

    def _start(self, body: Any) -> tuple[int, dict[str, Any]]:
        self.gate.wait(10)
        if self.runs and self.runs[-1]["state"] in OPEN:
            return run_open()
        steps = [_step(name) for name in body.get("steps") or STEPS]
        run = {"id": f"run{len(self.runs)}", "kind": body["kind"], "state": "queued", "steps": steps, "looks": 0}
        self.runs.append(run | {"waits_for": self.waits_for})
        return 202, {"run_id": run["id"], **self.runs[-1]}

    def _go_on(self, run: dict[str, Any]) -> None:
        run["looks"] += 1
        run["state"] = "running"
        run["steps"][0] |= {"state": "running", "done": run["looks"], "total": self.looks}
        if run["looks"] > self.looks:
            self._finish(run, self.end)

    @staticmethod
    def _finish(run: dict[str, Any], state: str) -> None:
        if run["state"] in OPEN:
            run["state"] = state
            first, *rest = run["steps"]
            first |= FULL if state == "failed" else {"state": state}
            skipped = {"state": "skipped", "reason": f"{first['name']}_failed"}
            for step in rest:
                step |= skipped if state == "failed" else {"state": state}


def _step(name: str) -> dict[str, Any]:
    return {"name": name, "state": "queued"} | dict.fromkeys(("reason", "detail", "done", "total"))


def _problem(status: int, reason: str, detail: str, remedy: str) -> tuple[int, dict[str, Any]]:
    return status, {"status": status, "reason": reason, "title": detail, "detail": detail, "remedy": remedy}


def run_open() -> tuple[int, dict[str, Any]]:
    return _problem(409, "run_open", "Run other has not ended yet.", "Wait for its end, or cancel it.")


class _Handler(BaseHTTPRequestHandler):
    double: Double

    def _answer(self) -> None:
        prefix = "/api/v1/pipeline/runs"
        assert self.path.startswith(prefix), self.path
        text = self.rfile.read(int(self.headers["Content-Length"] or 0))
        key, path = self.headers["Authorization"] or "", self.path.removeprefix(prefix)
        status, body = self.double.answer(self.command, path, key, json.loads(text) if text else None)
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        if 300 <= status < 400:
            self.send_header("Location", body["location"])
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = _answer

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def serving() -> Iterator[Double]:
    double = Double()
    handler = type("Handler", (_Handler,), {"double": double})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        double.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield double
        finally:
            server.shutdown()
            thread.join()
