"""JSON events with ECS names: one `*.jsonl` file a process, and stdout.

`emit` only puts a record into a bounded queue: a full disk, a slow pipe or a full queue never blocks or fails
the caller. One thread writes what gathered, every 100 ms; when the queue was full the number of lost events is itself
an event.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import queue
import sys
import threading
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

import orjson
from pythonjsonlogger.core import BaseJsonFormatter

from toolscout import context, events
from toolscout.settings import Settings

FLUSH_S = 0.1
QUEUE_SIZE = 20_000
MAX_TEXT = 8_000

_events = logging.getLogger("toolscout.events")


def emit(event: events.Event) -> None:
    """Logs an event with the current context."""
    if _events.isEnabledFor(logging.INFO):
        _events.info(event.action, extra={"toolscout_event": event})


class JsonFormatter(BaseJsonFormatter):
    """A log record, or the event that it carries, as one line of JSON in nested ECS objects."""

    def __init__(self, service: str) -> None:
        super().__init__("%(message)s")
        self.service = {"name": service}

    def format(self, record: logging.LogRecord) -> str:
        return self.jsonify_log_record(self.document(record))

    def document(self, record: logging.LogRecord) -> dict[str, Any]:
        event = getattr(record, "toolscout_event", None)
        doc = events.document(event) if event is not None else self._plain(record)
        doc["@timestamp"] = _time(record)
        doc["event"]["id"] = str(uuid.uuid4())
        doc["service"] = self.service
        doc["log"] = {"level": record.levelname.lower()}
        doc["process"] = {"pid": record.process}
        self._add_context(doc, getattr(record, "toolscout_context", context.Context()))
        return doc

    def _plain(self, record: logging.LogRecord) -> dict[str, Any]:
        doc: dict[str, Any] = {
            "event": {"action": "message_logged"},
            "message": record.getMessage()[:MAX_TEXT],
        }
        if record.exc_info and record.exc_info[1] is not None:
            kind, error, _ = record.exc_info
            trace = self.formatException(record.exc_info)[-MAX_TEXT:]
            doc["error"] = {
                "type": kind.__name__ if kind else "",
                "message": str(error)[:MAX_TEXT],
                "stack_trace": trace,
            }
        doc["event"]["outcome"] = "failure" if record.levelno >= logging.ERROR else "unknown"
        doc["toolscout"] = {"logger": record.name}
        return doc

    def _add_context(self, doc: dict[str, Any], ctx: context.Context) -> None:
        if ctx.trace_id:
            doc["trace"] = {"id": ctx.trace_id}
        if ctx.session_id:
            doc["session"] = {"id": ctx.session_id}
        if ctx.ab_group:
            doc["labels"] = {"ab_group": ctx.ab_group}

    def jsonify_log_record(self, log_data: dict[str, Any]) -> str:
        """orjson writes NaN as null by itself; what it refuses (lone surrogates, odd types) is cleaned first."""
        try:
            return orjson.dumps(log_data).decode()
        except (TypeError, ValueError):
            return orjson.dumps(_clean(log_data)).decode()


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


def _clean(value: Any) -> Any:
    if isinstance(value, dict):
        return {_clean(str(key)): _clean(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_clean(item) for item in value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 2**63:
        return str(value)
    if isinstance(value, (int, float, bool)) or value is None:
        return value
    return str(value).encode("utf-8", "replace").decode("utf-8")


class _Handler(logging.Handler):
    """Binds the caller's context to the record and hands it to the writer, never waiting."""

    def __init__(self, writer: _Writer) -> None:
        super().__init__()
        self.writer = writer

    def createLock(self) -> None:
        self.lock = None

    def handle(self, record: logging.LogRecord) -> bool:
        record.toolscout_context = context.current()
        self.writer.put(record)
        return True


@dataclass
class _Writer:
    """Owns the file. `dropped` counts events that found the queue full since the last report."""

    service: str
    directory: Path
    stdout: bool
    dropped: int = 0
    records: queue.Queue = field(default_factory=lambda: queue.Queue(QUEUE_SIZE))
    stopping: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        self.formatter = JsonFormatter(self.service)
        name = f"{self.service}-{os.getpid()}-{time.time_ns() // 1_000_000}.jsonl"
        self.path = self.directory / name
        self.file: TextIO | None = None
        self.thread = threading.Thread(target=self._run, name="logs", daemon=True)
        self.thread.start()

    def put(self, record: logging.LogRecord) -> None:
        try:
            self.records.put_nowait(record)
        except queue.Full:
            self.dropped += 1

    def _run(self) -> None:
        while not self.stopping.wait(FLUSH_S):
            self.flush()
        self.flush()

    def flush(self) -> None:
        lines = [self._line(record) for record in self._drain()]
        if not lines:
            return
        text = "".join(lines)
        # A full disk or a closed pipe costs these lines, nothing else.
        with contextlib.suppress(OSError, ValueError):
            self._open().write(text)
            self._open().flush()
        if self.stdout:
            with contextlib.suppress(OSError, ValueError):
                sys.stdout.write(text)
                sys.stdout.flush()

    def _open(self) -> TextIO:
        # Opened at the first line, so that processes that say nothing leave no empty files.
        if self.file is None:
            self.directory.mkdir(parents=True, exist_ok=True)
            self.file = self.path.open("a", encoding="utf-8")
        return self.file

    def _drain(self) -> list[logging.LogRecord]:
        taken: list[logging.LogRecord] = []
        with contextlib.suppress(queue.Empty):
            while len(taken) < QUEUE_SIZE:
                taken.append(self.records.get_nowait())
        if self.dropped:
            # Not through the queue, which may be full again: then the report itself would be lost.
            dropped, self.dropped = self.dropped, 0
            taken.append(_event_record(events.LogsDropped(dropped=dropped)))
        return taken

    def _line(self, record: logging.LogRecord) -> str:
        try:
            return self.formatter.format(record) + "\n"
        except Exception as error:  # noqa: BLE001 - a record that can't be formatted must not end the writer
            return self.formatter.jsonify_log_record(_unloggable(record, error)) + "\n"

    def stop(self) -> None:
        self.stopping.set()
        self.thread.join(timeout=5)
        if self.file is not None:
            self.file.close()


def _event_record(event: events.Event) -> logging.LogRecord:
    record = logging.LogRecord(_events.name, logging.INFO, "", 0, event.action, None, None)
    record.toolscout_event = event
    return record


def _unloggable(record: logging.LogRecord, error: Exception) -> dict[str, Any]:
    return {
        "@timestamp": _time(record),
        "event": {"action": "message_logged", "outcome": "unknown"},
        "message": f"unloggable: {error!r}"[:MAX_TEXT],
    }


_writer: _Writer | None = None


def configure(settings: Settings, service: str) -> Path:
    """Sends everything that this process logs to its own file (and stdout); returns the file's path."""
    _start(_Writer(service, settings.log_dir, settings.log_stdout))
    root = logging.getLogger()
    root.setLevel(settings.log_level.upper())
    for noisy in (
        "celery",
        "kombu",
        "amqp",
        "asyncio",
        "httpcore2",
        "httpx",
        "httpx2",
        "openai",
        "trafilatura",
        "extruct",
        "alembic",
        "uvicorn",
    ):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    assert _writer is not None
    return _writer.path


def _start(writer: _Writer) -> None:
    global _writer  # noqa: PLW0603 - a process has one log file
    if _writer is not None:
        _writer.stop()
    _writer = writer
    writer.start()
    logging.getLogger().handlers[:] = [_Handler(writer)]


def shutdown() -> None:
    """Writes what is left."""
    global _writer  # noqa: PLW0603 - a process has one log file
    if _writer is not None:
        logging.getLogger().handlers[:] = []
        _writer.stop()
        _writer = None


def _after_fork() -> None:
    # Threads don't survive a fork, and two processes must not share a file.
    global _writer
    if _writer is not None:
        old, _writer = _writer, None
        _start(_Writer(old.service, old.directory, old.stdout))


os.register_at_fork(after_in_child=_after_fork)
atexit.register(shutdown)
