"""A Prefect 3 flow that runs Toolscout's pipeline: start → wait → report.

`python examples/prefect_flow.py` serves it each Sunday at 3:30; then `prefect deployment run toolscout/weekly
--param kind=crawl` runs it at once. The admin key comes from TOOLSCOUT_ADMIN_KEY: Prefect keeps a flow's parameters.
"""

from __future__ import annotations

import os
from typing import Any, Literal

from prefect import flow, task
from toolscout_run import BASE, Gateway, Later, follow, judge
from toolscout_run import report as lines_of


def gateway(base: str) -> Gateway:
    return Gateway(base, os.environ.get("TOOLSCOUT_ADMIN_KEY", "").strip())


async def may_pass(_task: Any, _run: Any, state: Any) -> bool:
    """Whether asking again may help."""
    return isinstance(await state.aresult(raise_on_failure=False), Later)


# Two hours for another run to end.
@task(retries=24, retry_delay_seconds=300, retry_condition_fn=may_pass)
def start(base: str, kind: str, steps: list[str]) -> str:
    """Starts a run; returns its id."""
    return gateway(base).start(kind, steps)["run_id"]


@task(timeout_seconds=12 * 3600)
def wait(base: str, run_id: str, every_s: float) -> None:
    follow(gateway(base), run_id, every_s, patience_s=1800, say=print)


@task(retries=3, retry_delay_seconds=60, retry_condition_fn=may_pass)
def report(base: str, run_id: str) -> None:
    """Says how each step ended; fails unless the run is done."""
    # Nobody waits for the run any more; one that has ended stays as it is.
    ended = gateway(base).cancel(run_id)
    print(lines_of(ended))
    judge(ended)


@flow(name="toolscout", log_prints=True)
def pipeline(
    kind: Literal["crawl", "process", "train", "full"] = "train",
    steps: list[str] | None = None,
    base: str = BASE,
    every_s: float = 30,
) -> str:
    """A run's id, once the run is done. However the flow ends, the run does not go on."""
    run_id = start(base, kind, steps or [])
    try:
        wait(base, run_id, every_s)
    finally:
        report(base, run_id)
    return run_id


if __name__ == "__main__":
    # One at a time, as in the gateway.
    pipeline.serve(name="weekly", cron="30 3 * * 0", limit=1)
