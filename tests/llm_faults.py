"""An OpenAI-like server on loopback that misbehaves on demand, and keeps what it was asked and when clients left."""

from __future__ import annotations

import json
import select
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

WORDS = ["The", " tool", " is", " free", "."]
TEXT = "".join(WORDS)
JSON_TEXT = '{"name": "Zorbo", "price": "free"}'
PROSE = f"Sure! Here is what you asked for:\n```json\n{JSON_TEXT}\n```\nAnything else?"
HTML = b"<!doctype html><html><body><h1>Bad gateway</h1></body></html>"
USAGE = {"prompt_tokens": 11, "completion_tokens": 5, "total_tokens": 16}


@dataclass(frozen=True, slots=True)
class Received:
    """A request. `at` is of time.monotonic."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    at: float


class Raw(str):
    """Data that is sent as it is, not as JSON."""


def delta(content: object = None, **more: object) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {"role": "assistant", "content": content, **more}}]}


def filled_in(schema: dict[str, Any]) -> str:
    """As JSON_TEXT, whatever further fields the schema has."""
    values = dict.fromkeys(schema["properties"], "red") | json.loads(JSON_TEXT)
    return json.dumps({name: values[name] for name in schema["required"]})


END = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
COUNT = {"choices": [], "usage": USAGE}


def pieces(text: str) -> list[object]:
    """The text in pieces that cut its words and tags."""
    return [delta(text[n : n + 5]) for n in range(0, len(text), 5)]


ODD: list[object] = [5, None, [], "text", {"choices": {"0": 1}}, {"choices": [None]}, {"choices": [{"delta": []}]}]
ODD += [{"choices": [{"delta": {"content": content}}]} for content in (5, ["a"], {"text": "a"}, True)]
ODD += [{"usage": -3}, {"usage": {"prompt_tokens": "many", "completion_tokens": 2}}]
# Modes that only stream something.
STREAMS: dict[str, list[object]] = {
    "empty": [],
    "silent": [delta(""), END, COUNT],
    "only_wrong_types": ODD,
    "wrong_types": [*ODD, {"choices": [{"delta": {"content": "fine"}, "finish_reason": 7}]}],
    "null_deltas": [{"choices": [{"index": 0, "delta": None}]}, delta(None), *pieces(TEXT), END, COUNT],
    "deep_json": [Raw("[" * 100_000)],
    "error_event": [  # names an option, but too late to ask without it
        *pieces(TEXT)[:2],
        {"error": {"message": "temperature too high", "code": "oom"}},
    ],
    "thinking": [*pieces(f"<think>What is it? <b>\n</think>\n\n{TEXT}"), END, COUNT],
    "reasoning": [delta(None, reasoning_content="Hm, "), delta(None, reasoning="what?"), *pieces(TEXT), END, COUNT],
    "ignores_response_format": [*pieces(PROSE), END, COUNT],
    "broken_json": [*pieces("{'name': 'Zorbo', price: 'free',"), END, COUNT],
    "never_json": [*pieces("I would rather talk about the weather."), END, COUNT],
}


@dataclass
class LlmServer:
    """`modes`: what the next requests get, one each; the last stays. Modes are STREAMS and methods of Handler.

    `base` is the address that a client is given. `models` is what /models lists.
    """

    modes: list[str] = field(default_factory=lambda: ["ok"])
    models: list[str] = field(default_factory=lambda: ["small-1"])
    reply: str = TEXT
    key: str = ""
    retry_after: str = "0.2"
    # Where a redirect leads.
    location: str = "http://127.0.0.1:9/v1/chat/completions"
    # The status by which an option is refused.
    refusal: int = 400
    # Seconds between two words, and of the slow ones.
    pause: float = 0.0
    slow: float = 30.0
    requests: list[Received] = field(default_factory=list)
    disconnects: list[float] = field(default_factory=list)

    def __enter__(self) -> LlmServer:
        self.stopping = threading.Event()
        self._server = _Server(("127.0.0.1", 0), Handler)
        self._server.double = self
        self.base = f"http://127.0.0.1:{self._server.server_address[1]}/v1"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def next_mode(self) -> str:
        return self.modes.pop(0) if len(self.modes) > 1 else self.modes[0]

    @property
    def asked(self) -> list[Received]:
        """What came for chat completions."""
        return [request for request in self.requests if request.path.endswith("/chat/completions")]

    def left(self, seconds: float = 5.0) -> float:
        """When the first client went away before its reply's end; waits for it."""
        end = time.monotonic() + seconds
        while not self.disconnects and time.monotonic() < end:
            time.sleep(0.01)
        assert self.disconnects, "no client went away"
        return self.disconnects[0]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    double: LlmServer

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that go away are what is tested here."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # which would hold words back for 40 ms
    server: _Server

    def log_message(self, *_: object) -> None: ...

    @property
    def double(self) -> LlmServer:
        return self.server.double

    def do_GET(self) -> None:
        self._receive({})
        if self._keyless():
            return
        if self.path == "/v1/models" and self.double.modes[0] != "html":
            listed = [{"id": name, "object": "model", "created": 0, "owned_by": "us"} for name in self.double.models]
            self.send_json(200, {"object": "list", "data": listed})
        else:
            self.send_whole(404 if self.double.modes[0] != "html" else 200, HTML, "text/html")

    def do_POST(self) -> None:
        self.body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self._receive(self.body)
        if self._keyless():
            return
        mode = self.double.next_mode()
        if mode in STREAMS:
            self.stream(STREAMS[mode])
        else:
            getattr(self, mode)()

    def _receive(self, body: dict[str, Any]) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.double.requests.append(Received(self.path, headers, body, time.monotonic()))

    def _keyless(self) -> bool:
        if not self.double.key or self.headers["authorization"] == f"Bearer {self.double.key}":
            return False
        # OpenAI does so, too: the key that was sent is in the message.
        self.send_error_body(401, "invalid_api_key", f"Incorrect API key provided: {self.headers['authorization']}")
        return True

    # How it is sent

    def send_whole(self, status: int, body: bytes, kind: str, **headers: str) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def send_json(self, status: int, body: object, **headers: str) -> None:
        self.send_whole(status, json.dumps(body).encode(), "application/json", **headers)

    def send_error_body(self, status: int, code: str, message: str, **headers: str) -> None:
        error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
        self.send_json(status, {"error": error}, **headers)

    def begin(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        self.wfile.flush()

    def chunk(self, data: bytes) -> None:
        try:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            self.wfile.flush()
        except OSError:
            self.double.disconnects.append(time.monotonic())
            raise

    def event(self, data: object) -> None:
        self.chunk(f"data: {data if isinstance(data, Raw) else json.dumps(data)}\n\n".encode())

    def wait(self, seconds: float) -> None:
        """Sleeps, and ends the request as soon as the client goes away."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self.double.stopping.is_set():
            if select.select([self.connection], [], [], 0.01)[0] and not self.connection.recv(1, socket.MSG_PEEK):
                self.double.disconnects.append(time.monotonic())
                raise ConnectionResetError
        if self.double.stopping.is_set():
            raise ConnectionResetError

    def stream(self, chunks: Iterable[object], end: bool = True) -> None:
        self.begin()
        for data in chunks:
            if self.double.pause:
                self.wait(self.double.pause)
            self.event(data)
        if end:
            self.event(Raw("[DONE]"))
            self.chunk(b"")

    def sever(self) -> None:
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True

    # What it does

    def ok(self) -> None:
        """JSON to who asks for it, else the reply; counts where it is asked to."""
        form = self.body.get("response_format")
        reply = filled_in(form["json_schema"]["schema"]) if form else self.double.reply
        counts = [COUNT] if self.body.get("stream_options", {}).get("include_usage") else []
        self.stream([*pieces(reply), END, *counts])

    def no_usage(self) -> None:
        self.stream([*pieces(self.double.reply), END])

    def slow_first(self) -> None:
        self.begin()
        self.wait(self.double.slow)

    def slow_headers(self) -> None:
        self.wait(self.double.slow)

    def for_ever(self, chunk: object, pause: float = 0.0) -> None:
        def same() -> Iterator[object]:
            while True:
                yield chunk
                self.wait(pause)

        self.stream(same())

    def slow_all(self) -> None:
        self.for_ever(delta("word "), pause=0.1)

    def endless(self) -> None:
        self.for_ever(delta("word " * 20))

    def endless_thoughts(self) -> None:
        self.for_ever(delta(None, reasoning_content="hmm " * 20))

    def endless_line(self) -> None:
        self.begin()
        while True:
            self.chunk(b"x" * 1_000_000)

    def garbage(self) -> None:
        self.wfile.write(bytes(range(128, 256)) + b"\r\n\r\n" + bytes(range(256)))
        self.sever()

    def garbage_stream(self) -> None:
        self.begin()
        self.chunk(b"data: " + bytes(range(128, 256)) * 20 + b"\n\n")
        self.chunk(b"")

    def html(self) -> None:
        self.send_whole(200, HTML, "text/html")

    def html_502(self) -> None:
        self.send_whole(502, HTML, "text/html")

    def broken(self) -> None:
        self.send_json(500, {"error": "boom"})

    def half_json(self) -> None:
        self.begin()
        self.chunk(b'data: {"choices": [{"delta": {"content": "The to')
        self.chunk(b"")

    def rate_limit(self) -> None:
        self.send_error_body(429, "rate_limit_exceeded", "Slow down", retry_after=self.double.retry_after)

    def busy(self) -> None:
        self.send_error_body(503, "busy", "Too many requests wait already", retry_after=self.double.retry_after)

    def not_implemented(self) -> None:
        self.send_error_body(501, "not_implemented", "No such thing")

    def cut(self) -> None:
        """Breaks the connection in the middle of the reply."""
        self.stream(pieces(TEXT)[:2], end=False)
        self.sever()

    def cut_before(self) -> None:
        self.begin()
        self.sever()

    def ends_early(self) -> None:
        """Ends in order, but before the model has."""
        self.stream(pieces(TEXT)[:2], end=False)
        self.chunk(b"")

    def slow_reasoning(self) -> None:
        """Begins to think at once, and thinks for longer than a first token may take."""

        def words() -> Iterator[object]:
            for _ in range(10):
                yield delta(None, reasoning_content="hm ")
                self.wait(0.1)
            yield from [*pieces(TEXT), END, COUNT]

        self.stream(words())

    def redirect(self) -> None:
        self.send_whole(307, b"", "text/plain", location=self.double.location)

    def model_missing(self) -> None:
        """Knows the models that it lists only."""
        if self.body["model"] in self.double.models:
            self.ok()
        else:
            self.send_error_body(404, "model_not_found", f"The model {self.body['model']} does not exist")

    def refuses_response_format(self) -> None:
        self._refuse("response_format", self.double.refusal)

    def refuses_in_stream(self) -> None:
        """Says so in the stream, after a status of 200."""
        if "response_format" not in self.body:
            self.in_words()
            return
        self.stream([{"error": {"message": "'response_format.type' must be 'text'"}}])

    def refuses_stream_options(self) -> None:
        self._refuse("stream_options", 400)

    def refuses_max_tokens(self) -> None:
        if "max_tokens" in self.body:
            told = "Unsupported parameter: 'max_tokens' is not supported with this model."
            self.send_error_body(400, "unsupported_parameter", f"{told} Use 'max_completion_tokens' instead.")
        else:
            self._refuse("temperature", 400)

    def _refuse(self, option: str, status: int) -> None:
        if option in self.body:
            self.send_error_body(status, "unsupported_parameter", f"Unknown parameter: '{option}'")
        elif option == "response_format":
            self.in_words()
        else:
            self.ok()

    def in_words(self) -> None:
        """Only who gives the schema in the prompt gets JSON."""
        told = '"price"' in self.body["messages"][-1]["content"]
        self.stream([*pieces(JSON_TEXT if told else "Zorbo is free."), END, COUNT])

    def wrong_json(self) -> None:
        """Does not fit the form, until it is told what is wrong."""
        told = "wrong" in self.body["messages"][-1]["content"]
        self.stream([*pieces(JSON_TEXT if told else '{"name": 5, "price": "free"}'), END, COUNT])
