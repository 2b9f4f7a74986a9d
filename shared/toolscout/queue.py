"""The task queue: Celery on Redis. It only wakes workers; what is to be done stands in the catalogue."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

import kombu.exceptions
import redis.exceptions
from celery import Celery, signals

from toolscout import context, events, logs
from toolscout.catalogue import Catalogue, descriptions
from toolscout.domain import STABLE
from toolscout.endpoints import endpoint
from toolscout.errors import ConfigError, InvalidInput
from toolscout.settings import Settings

log = logging.getLogger(__name__)

QUEUES = ("crawler", "processor", "trainer", "maintenance")
# Tasks of other services that run where nothing heavy does.
ELSEWHERE = {"processor.snapshot_index": "maintenance"}
FETCH = "crawler.fetch_pages"
PROCESS = "processor.process_pages"
DESCRIBE = "processor.describe_tools"
SWEEP = "maintenance.sweep"
RUN_PIPELINE = "trainer.run_pipeline"
# The steps of a run in their order; each is a task trainer.NAME.
RUN_STEPS = (
    "generate_finetuning_data",
    "generate_synthetic_data",
    "combine_datasets",
    "train_query_adapter",
    "finetune_model",
    "evaluate",
    "deploy",
)
# What sending raises while Redis does not answer.
AWAY = (kombu.exceptions.OperationalError, redis.exceptions.RedisError, OSError)
# What a run may be: kind → its steps.
RUN_KINDS = {
    "crawl": ("crawl", "process"),
    "process": ("process",),
    "train": RUN_STEPS,
    "full": ("crawl", "process", *RUN_STEPS),
    "compare": ("compare_adapters",),
}
START_DUE = "maintenance.start_due_run"


def steps_of(kind: str, names: Sequence[str]) -> list[str]:
    """The named steps of a kind of run in their order; all of them where none is named. Raises InvalidInput."""
    if kind not in RUN_KINDS:
        raise InvalidInput(f"There is no run of kind {kind[:64]!r}.", remedy=f"Kinds are {', '.join(RUN_KINDS)}.")
    every = RUN_KINDS[kind]
    unknown = [name for name in names if name not in every]
    if unknown:
        remedy = f"Steps of {kind} are {', '.join(every)}."
        raise InvalidInput(
            f"A run of kind {kind} has no step {unknown[0][:64]!r}.", reason="unknown_step", remedy=remedy
        )
    return [name for name in every if name in names] or list(every)


def route(name: str, *_: object, **__: object) -> dict[str, str]:
    """A task's queue is its service."""
    return {"queue": ELSEWHERE.get(name, name.split(".")[0])}


def create_celery(settings: Settings) -> Celery:
    """The Celery app of any process; connects to nothing yet."""
    if not settings.broker_url:
        raise ConfigError(
            "There is no Redis to queue tasks in.", remedy="Set TOOLSCOUT_REDIS_URL, or run `toolscout up`."
        )
    app = Celery("toolscout", broker=settings.broker_url, set_as_current=False)
    app.conf.update(
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        task_routes=(route,),
        task_default_queue="maintenance",
        # Acknowledged when done and given back when the worker dies: tasks may run twice, leases make that harmless.
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        worker_send_task_events=False,
        broker_connection_retry_on_startup=True,
        broker_transport_options={"socket_connect_timeout": 2, "socket_timeout": 30, "max_retries": 1},
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_proc_alive_timeout=30,
        beat_schedule={
            "sweep": {
                "task": SWEEP,
                "schedule": timedelta(seconds=settings.sweep_seconds),
                # A sweep that nobody ran in time is worth nothing: the next one does the same.
                "options": {"expires": settings.sweep_seconds * 2},
            },
            "start_due_run": {"task": START_DUE, "schedule": timedelta(minutes=1), "options": {"expires": 120}},
        },
    )
    return app


def wake(app: Celery, name: str, ids: Sequence[int], size: int, countdown: float = 0) -> None:
    """Sends a task for each `size` ids. A queue that is away is logged, not raised: the sweeper wakes them later."""
    try:
        for start in range(0, len(ids), size):
            send(app, name, list(ids[start : start + size]), countdown=countdown)
    except AWAY as error:
        logs.emit(events.WakeFailed(task=name, reason="queue_away", error=str(error)))


def wake_pages(
    app: Celery,
    settings: Settings,
    *,
    to_fetch: Sequence[int] = (),
    to_process: Sequence[int] = (),
    fetch_in_s: float = 0,
) -> None:
    """Wakes crawler and processor for pages, in tasks of the size that each works best with."""
    wake(app, FETCH, to_fetch, settings.fetch_batch, countdown=fetch_in_s)
    wake(app, PROCESS, to_process, settings.batch_size)


def wake_descriptions(app: Celery, settings: Settings, catalogue: Catalogue) -> int:
    """Wakes the processor for tools that a language model is to describe, unless one does already."""
    if endpoint(settings, STABLE) is None:
        return 0
    with catalogue.write() as conn:
        ids = descriptions.due(conn, time.time(), settings.llm_concurrency)
    wake(app, DESCRIBE, ids, settings.llm_concurrency)
    return len(ids)


def wake_step(app: Celery, run_id: str, step: str) -> None:
    """Wakes the trainer for a run's step."""
    try:
        send(app, f"trainer.{step}", run_id)
    except AWAY as error:
        logs.emit(events.WakeFailed(task=f"trainer.{step}", reason="queue_away", error=str(error)))


def send(app: Celery, name: str, *args: Any, countdown: float = 0) -> str:
    """Sends one task by name, with the context of the caller; returns its id."""
    options = {"countdown": countdown} if countdown else {}
    return app.send_task(name, args=args, headers=context.current().headers(), retry=False, **options).id


def checked_ids(ids: object) -> list[int]:
    """The argument of a task as page ids; InvalidInput names what is expected."""
    if not isinstance(ids, list) or not all(type(i) is int and 0 < i < 2**63 for i in ids):
        raise InvalidInput("A task takes one list of page ids.", remedy="toolscout submit crawler.fetch_pages '[1, 2]'")
    return ids


def follow_tasks() -> None:
    """In a worker: every task runs in the context of its message, and its end is an event."""
    signals.setup_logging.connect(_keep_logging, weak=False)
    signals.task_prerun.connect(_before, weak=False)
    signals.task_postrun.connect(_after, weak=False)


def _keep_logging(**_: object) -> None:
    """Connected so that Celery leaves logging as we configured it."""


_running: dict[str, tuple[Any, float]] = {}


def _before(task_id: str, task: Any, **_: object) -> None:
    ctx = context.Context.from_headers(task.request.headers or {})
    if not ctx.trace_id:
        ctx = context.Context(trace_id=context.new_trace_id())
    scope = context.bound(ctx)
    scope.__enter__()
    _running[task_id] = (scope, time.perf_counter())


def _after(task_id: str, task: Any, state: str | None = None, retval: object = None, **_: object) -> None:
    scope, start = _running.pop(task_id, (None, time.perf_counter()))
    failed = state != "SUCCESS"
    logs.emit(
        events.TaskEnded(
            task=task.name,
            task_id=task_id,
            outcome="failure" if failed else "success",
            duration_ms=(time.perf_counter() - start) * 1000,
            error=repr(retval)[:500] if failed else None,
        )
    )
    if scope is not None:
        scope.__exit__(None, None, None)


def lengths(settings: Settings) -> dict[str, int]:
    """Messages that wait in each queue."""
    client = redis.Redis.from_url(settings.broker_url, socket_timeout=2, socket_connect_timeout=2)
    try:
        return {name: int(client.llen(name)) for name in QUEUES}
    finally:
        client.close()


def run_worker(app: Celery, queues: Iterable[str], concurrency: int, name: str, extra: Sequence[str] = ()) -> None:
    """Runs a worker (prefork unless `extra` says otherwise) in this process until it is told to stop."""
    app.worker_main(
        [
            "worker",
            f"--queues={','.join(queues)}",
            f"--concurrency={concurrency}",
            f"--hostname={name}@%h",
            "--without-gossip",
            "--without-mingle",
            "--without-heartbeat",
            "--loglevel=WARNING",
            *extra,
        ]
    )
