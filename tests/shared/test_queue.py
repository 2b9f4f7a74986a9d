"""Tasks travel with their context; a queue that is away costs a log line, no page."""

import json
import logging
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from celery import signals
from celery.contrib.testing.worker import start_worker
from toolscout import context, events, logs, queue
from toolscout.errors import ConfigError, InvalidInput
from toolscout.settings import Settings

CONTEXT = context.Context(trace_id="trace", session_id="session", ab_group="candidate")


@pytest.fixture
def with_redis(settings: Settings, redis_url: str) -> Settings:
    return settings.model_copy(update={"redis_url": redis_url})


@pytest.fixture
def without_redis(settings: Settings) -> Settings:
    """An address where nobody answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return settings.model_copy(update={"redis_url": f"redis://127.0.0.1:{probe.getsockname()[1]}/0"})


@pytest.fixture
def log_file(settings: Settings) -> Iterator[Path]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield logs.configure(settings, "tester")
    logs.shutdown()
    root.handlers[:] = handlers
    root.setLevel(level)


def logged(path: Path, action: str) -> list[dict]:
    logs.shutdown()
    docs = [json.loads(line) for line in path.read_text().splitlines()]
    return [doc for doc in docs if doc["event"]["action"] == action]


def messages(url: str, name: str) -> list[dict]:
    with redis.Redis.from_url(url) as client:
        return [json.loads(raw) for raw in reversed(client.lrange(name, 0, -1))]


@pytest.mark.parametrize(
    ("task", "expected"),
    [
        (queue.FETCH, "crawler"),
        (queue.PROCESS, "processor"),
        (queue.SWEEP, "maintenance"),
        ("processor.snapshot_index", "maintenance"),
        ("trainer.deploy", "trainer"),
    ],
)
def test_a_task_goes_to_its_service(with_redis: Settings, task: str, expected: str) -> None:
    queue.send(queue.create_celery(with_redis), task)
    assert {name: n for name, n in queue.lengths(with_redis).items() if n} == {expected: 1}


def test_a_message_carries_the_context_of_who_sent_it(with_redis: Settings) -> None:
    with context.bound(CONTEXT):
        task_id = queue.send(queue.create_celery(with_redis), queue.FETCH, [1, 2])
    (message,) = messages(with_redis.redis_url, "crawler")
    assert message["headers"].items() >= CONTEXT.headers().items()
    assert (message["headers"]["id"], message["headers"]["task"]) == (task_id, queue.FETCH)


def test_ids_are_sent_in_handfuls_and_all_of_them(with_redis: Settings) -> None:
    queue.wake(queue.create_celery(with_redis), queue.PROCESS, list(range(1, 8)), 3)
    sent = [eval(message["headers"]["argsrepr"])[0] for message in messages(with_redis.redis_url, "processor")]
    assert sent == [[1, 2, 3], [4, 5, 6], [7]]


def test_nothing_to_do_wakes_nobody(with_redis: Settings) -> None:
    queue.wake(queue.create_celery(with_redis), queue.PROCESS, [], 3)
    assert not any(queue.lengths(with_redis).values())


def test_a_dead_redis_is_logged_and_not_raised(without_redis: Settings, log_file: Path) -> None:
    queue.wake(queue.create_celery(without_redis), queue.FETCH, [1], 8)
    (doc,) = logged(log_file, "wake_failed")
    assert (doc["event"]["outcome"], doc["event"]["reason"]) == ("failure", "queue_away")
    assert doc["toolscout"]["task"] == queue.FETCH
    assert doc["error"]["message"]


def test_a_wrong_password_is_logged_and_not_raised(with_redis: Settings, log_file: Path) -> None:
    wrong = with_redis.redis_url.replace("redis://", "redis://nobody:wrong@")
    app = queue.create_celery(with_redis.model_copy(update={"redis_url": wrong}))
    queue.wake(app, queue.FETCH, [1], 8)
    assert len(logged(log_file, "wake_failed")) == 1


def test_what_is_sent_by_name_fails_loudly_when_redis_is_dead(without_redis: Settings) -> None:
    with pytest.raises(queue.AWAY):
        queue.send(queue.create_celery(without_redis), queue.SWEEP)


def test_without_a_redis_the_remedy_is_named(settings: Settings) -> None:
    with pytest.raises(ConfigError) as error:
        queue.create_celery(settings)
    assert "TOOLSCOUT_REDIS_URL" in error.value.remedy


@pytest.mark.parametrize("ids", [[], [1], [2**63 - 1]])
def test_page_ids_are_taken(ids: list) -> None:
    assert queue.checked_ids(ids) == ids


@pytest.mark.parametrize("ids", [None, 1, "1", ["1"], [0], [-1], [2**63], [1.5], [None], {"a": 1}, [True]])
def test_what_is_no_page_id_is_refused(ids: object) -> None:
    with pytest.raises(InvalidInput):
        queue.checked_ids(ids)


@pytest.fixture
def _following() -> Iterator[None]:
    queue.follow_tasks()
    yield
    signals.setup_logging.disconnect(queue._keep_logging)
    signals.task_prerun.disconnect(queue._before)
    signals.task_postrun.disconnect(queue._after)


@pytest.mark.usefixtures("_following")
def test_a_task_runs_in_the_context_of_its_message_and_its_end_is_an_event(
    with_redis: Settings, log_file: Path
) -> None:
    app, done = queue.create_celery(with_redis), threading.Event()

    @app.task(name="maintenance.good")
    def good() -> None:
        logs.emit(events.ServiceStarted())

    @app.task(name="maintenance.bad")
    def bad() -> None:
        raise ValueError("bad page")

    @app.task(name="maintenance.last")
    def last() -> None:
        done.set()

    with context.bound(CONTEXT):
        queue.send(app, "maintenance.good")
        queue.send(app, "maintenance.bad")
    queue.send(app, "maintenance.last")
    with start_worker(app, pool="solo", queues=["maintenance"], perform_ping_check=False, loglevel="ERROR"):
        assert done.wait(20)
    (inside,) = logged(log_file, "service_started")
    assert (inside["trace"]["id"], inside["session"]["id"]) == ("trace", "session")
    assert inside["labels"]["ab_group"] == "candidate"
    first, second, third = logged(log_file, "task_ended")
    assert [doc["event"]["outcome"] for doc in (first, second, third)] == ["success", "failure", "success"]
    assert "bad page" in second["error"]["message"]
    assert first["trace"]["id"] == second["trace"]["id"] == "trace"
    assert len(third["trace"]["id"]) == 32
    assert context.current() == context.Context()
