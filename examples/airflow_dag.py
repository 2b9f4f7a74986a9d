"""A DAG for Airflow 3 that runs Toolscout's pipeline: start → wait → report.

Put it and toolscout_run.py into the DAGs folder, and make a Connection `toolscout`: host, port, the admin key as its
password, and `https` as its schema where that is spoken. An environment variable does as well:
AIRFLOW_CONN_TOOLSCOUT='{"conn_type": "http", "host": "127.0.0.1", "port": 8080, "password": "KEY"}'

Try it: airflow dags test toolscout --conf '{"kind": "train", "steps": ["combine_datasets"]}'
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from airflow.sdk import Connection, Param, dag, task
from airflow.sdk.exceptions import AirflowFailException
from toolscout_run import KINDS, OPEN, Gateway, Later, Problem, judge, progress
from toolscout_run import report as lines_of

# Between two looks, and until it is given up.
POLL_S = float(os.environ.get("TOOLSCOUT_POLL_SECONDS", "60"))
PATIENCE_S = float(os.environ.get("TOOLSCOUT_WAIT_SECONDS", "43200"))


def gateway() -> Gateway:
    found = Connection.get("toolscout")
    port = f":{found.port}" if found.port else ""
    return Gateway(f"{found.schema or 'http'}://{found.host}{port}", found.password or "")


@contextmanager
def only_later() -> Iterator[None]:
    """Airflow tries again what may be well later; for the rest, asking again would change nothing."""
    try:
        yield
    except Later:
        raise
    except Problem as problem:
        raise AirflowFailException(str(problem)) from problem


# A try each core.default_task_retry_delay, 5 minutes if not set: two hours for another run to end.
@task(retries=24)
def start(params: dict[str, Any]) -> str:
    """Starts a run; returns its id."""
    with only_later():
        return gateway().start(params["kind"], params["steps"])["run_id"]


# Between two looks no worker slot is held.
@task.sensor(mode="reschedule", poke_interval=POLL_S, timeout=PATIENCE_S)
def wait(run: str) -> bool:
    """Whether the run has ended."""
    try:
        found = gateway().get(run)
    except Later as away:
        # A gateway that restarts ends no run.
        print(away)
        return False
    print(progress(found))
    return found["state"] not in OPEN


# Whenever a run was started: `wait` may have timed out, or somebody may have marked it failed.
@task(trigger_rule="all_done_min_one_success", retries=3)
def report(run: str) -> None:
    """Says how each step ended; fails unless the run is done."""
    with only_later():
        # Nobody waits for the run any more; one that has ended stays as it is.
        ended = gateway().cancel(run)
        print(lines_of(ended))
        judge(ended)


@dag(
    schedule="30 3 * * 0",
    catchup=False,
    # The gateway has one open run at a time.
    max_active_runs=1,
    params={
        "kind": Param("train", enum=list(KINDS)),
        "steps": Param([], type="array", items={"type": "string"}, description="only these; none: all of the kind"),
    },
)
def toolscout() -> None:
    run = start()
    wait(run) >> report(run)


toolscout()
