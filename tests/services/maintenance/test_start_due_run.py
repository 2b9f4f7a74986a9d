"""A run that starts by itself: once, and not while another is at work."""

from __future__ import annotations

import pytest
import redis
from toolscout import queue
from toolscout.catalogue import Catalogue, runs
from toolscout.settings import Settings

from services.maintenance.tasks import start_if_due, sweep_runs
from tests.shared.catalogue.test_runs import rate

NOW = 1_000_000.0


@pytest.fixture
def mine(settings: Settings, redis_url: str) -> Settings:
    return settings.model_copy(update={"redis_url": redis_url, "pipeline_ratings": 3, "sweep_seconds": 10.0})


def waiting(mine: Settings) -> int:
    client = redis.Redis.from_url(mine.redis_url)
    try:
        return client.llen("trainer")
    finally:
        client.close()


def test_enough_ratings_start_one_run(mine: Settings, sqlite_catalogue: Catalogue) -> None:
    app = queue.create_celery(mine)
    rate(sqlite_catalogue, 2, NOW)
    assert start_if_due(sqlite_catalogue, app, mine, NOW + 1) is None
    rate(sqlite_catalogue, 1, NOW + 2)
    started = start_if_due(sqlite_catalogue, app, mine, NOW + 3)
    assert started and waiting(mine) == 1
    assert start_if_due(sqlite_catalogue, app, mine, NOW + 4) is None
    with sqlite_catalogue.read() as conn:
        [run] = runs.recent(conn)
    assert (run["asked_by"], [step["name"] for step in run["steps"]]) == ("schedule", list(queue.RUN_STEPS))


def test_an_open_run_is_waited_for(mine: Settings, sqlite_catalogue: Catalogue) -> None:
    app = queue.create_celery(mine)
    with sqlite_catalogue.write() as conn:
        runs.create(conn, "process", ["process"], 0, {}, "operator", NOW)
    rate(sqlite_catalogue, 5, NOW + 1)
    assert start_if_due(sqlite_catalogue, app, mine, NOW + 2) is None
    assert waiting(mine) == 0


def test_a_step_that_was_lost_with_the_queue_is_woken_again(mine: Settings, sqlite_catalogue: Catalogue) -> None:
    app = queue.create_celery(mine)
    with sqlite_catalogue.write() as conn:
        runs.create(conn, "process", ["process"], 0, {}, "operator", NOW)
    sweep_runs(sqlite_catalogue, app, mine)
    assert waiting(mine) == 1
    sweep_runs(sqlite_catalogue, app, mine)  # woken a moment ago
    assert waiting(mine) == 1
