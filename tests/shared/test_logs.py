"""Logging never blocks and never fails; whatever is logged, each line is valid JSON."""

import json
import logging
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from toolscout import context, events, logs
from toolscout.settings import Settings

log = logging.getLogger("toolscout.test")


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    logs.shutdown()
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def path(settings: Settings) -> Path:
    return logs.configure(settings, "tester")


def lines(path: Path) -> list[dict]:
    """Everything that was logged."""
    logs.shutdown()
    return [json.loads(line, parse_constant=pytest.fail) for line in path.read_text("utf-8").splitlines()]


def test_an_event_is_one_nested_ecs_document(path: Path) -> None:
    logs.emit(events.PageFetched(url="https://한글.example/", status=200, duration_ms=2.0))
    (doc,) = lines(path)
    assert doc["event"].pop("id")
    assert doc.pop("@timestamp").endswith("+00:00")
    assert doc == {
        "event": {"action": "page_fetched", "outcome": "success", "duration": 2_000_000},
        "url": {"full": "https://한글.example/"},
        "http": {"response": {"status_code": 200}},
        "toolscout": {"redirects": 0},
        "service": {"name": "tester"},
        "log": {"level": "info"},
        "process": {"pid": os.getpid()},
    }


def test_events_have_ids_of_their_own(path: Path) -> None:
    for _ in range(50):
        logs.emit(events.ServiceStarted())
    assert len({doc["event"]["id"] for doc in lines(path)}) == 50


def test_an_error_carries_its_type_and_trace_on_one_line(path: Path) -> None:
    try:
        raise ValueError("line\nbreak")
    except ValueError:
        log.exception("it failed with %s", "\x00")
    (doc,) = lines(path)
    assert (doc["event"]["outcome"], doc["log"]["level"]) == ("failure", "error")
    assert doc["error"]["type"] == "ValueError"
    assert "test_logs.py" in doc["error"]["stack_trace"]


def test_a_long_text_is_cut(path: Path) -> None:
    log.info("x" * 100_000)
    assert len(lines(path)[0]["message"]) == logs.MAX_TEXT


class Unprintable:
    def __repr__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (float("nan"), None),
        (float("-inf"), None),
        ("lone \ud800 surrogate", "lone ? surrogate"),
        (2**70, str(2**70)),
        (-(2**70), str(-(2**70))),
        ({1: {"\udfff"}, "f": float("nan"), "t": True}, {"1": ["?"], "f": None, "t": True}),
        (b"bytes", "b'bytes'"),
        (1 + 2j, "(1+2j)"),
        ("a\u2028b\r\nc\x00", "a\u2028b\r\nc\x00"),
    ],
    ids=str.__class__,
)
def test_odd_values_still_make_valid_json(path: Path, value: object, expected: object) -> None:
    logs.emit(events.SearchServed(query=value))  # type: ignore[arg-type]
    logs.shutdown()
    (line,) = path.read_bytes().removesuffix(b"\n").split(b"\n")
    assert json.loads(line)["toolscout"].get("query") == expected


def test_what_cannot_be_formatted_is_said_and_what_follows_is_logged(path: Path) -> None:
    logs.emit(events.SearchServed(query=Unprintable()))  # type: ignore[arg-type]
    root = logging.getLogger()
    root.handlers[:] = [handler for handler in root.handlers if isinstance(handler, logs._Handler)]  # not pytest's own
    log.info("%d is no number", "text")
    logs.emit(events.ServiceStopped())
    first, second, third = lines(path)
    for doc in (first, second):
        assert doc["message"].startswith("unloggable")
        assert doc["event"]["action"] == "message_logged"
        assert doc["@timestamp"]
    assert third["event"]["action"] == "service_stopped"


def test_a_full_queue_drops_counts_and_reports(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "QUEUE_SIZE", 10)
    monkeypatch.setattr(logs, "FLUSH_S", 0.5)
    path = logs.configure(settings, "tester")
    started = time.perf_counter()
    for _ in range(1000):
        logs.emit(events.ServiceStarted())
    assert time.perf_counter() - started < 0.5
    docs = lines(path)
    dropped = [doc["toolscout"]["dropped"] for doc in docs if doc["event"]["action"] == "logs_dropped"]
    assert sum(dropped) + len(docs) - len(dropped) == 1000
    assert sum(dropped) > 900


@pytest.mark.parametrize("where", ["file", "closed_stdout"])
def test_what_cannot_be_written_does_not_disturb(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    if where == "file":
        settings.data_dir.mkdir()
        (settings.data_dir / "logs").write_text("no directory can be here")
    else:
        reader, writer = os.pipe()
        os.close(reader)
        monkeypatch.setattr("sys.stdout", os.fdopen(writer, "w"))
        settings = settings.model_copy(update={"log_stdout": True})
    path = logs.configure(settings, "tester")
    for _ in range(3):
        logs.emit(events.ServiceStarted())
        time.sleep(0.15)
    logs.shutdown()
    assert path.exists() == (where == "closed_stdout")


def test_the_context_of_the_caller_travels_into_its_lines(path: Path) -> None:
    ctx = context.Context(trace_id="t1", session_id="s1", ab_group="candidate")
    with context.bound(ctx):
        logs.emit(events.ServiceStarted())
        thread = threading.Thread(target=lambda: logs.emit(events.ServiceStopped()))
        thread.start()
        thread.join()
    inside, other_thread = lines(path)
    assert (inside["trace"], inside["session"]) == ({"id": "t1"}, {"id": "s1"})
    assert inside["labels"] == {"ab_group": "candidate"}
    assert "trace" not in other_thread


def test_a_context_survives_the_headers_of_a_message() -> None:
    ctx = context.Context(trace_id="t1", ab_group="stable")
    assert context.Context.from_headers(ctx.headers()) == ctx
    assert context.Context.from_headers({"toolscout_trace_id": None, "other": 1}) == context.Context()


def test_a_forked_process_writes_its_own_file(path: Path) -> None:
    logs.emit(events.ServiceStarted())
    child = os.fork()
    if child == 0:
        logs.emit(events.ServiceStopped())
        logs.shutdown()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert [doc["event"]["action"] for doc in lines(path)] == ["service_started"]
    (other,) = [file for file in path.parent.iterdir() if file != path]
    (doc,) = [json.loads(line) for line in other.read_text().splitlines()]
    assert (doc["event"]["action"], doc["process"]["pid"]) == ("service_stopped", child)


def test_many_threads_lose_and_mix_nothing(path: Path) -> None:
    def work(n: int) -> None:
        for i in range(200):
            log.info("%s %s", n, i)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {doc["message"] for doc in lines(path)} == {f"{n} {i}" for n in range(5) for i in range(200)}
