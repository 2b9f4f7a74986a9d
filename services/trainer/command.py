"""`toolscout train`: runs steps of the pipeline, follows them, cancels them."""

from __future__ import annotations

import sys
import time
from typing import Any

import click
from toolscout import logs, queue
from toolscout.catalogue import Catalogue, migrate, runs
from toolscout.queue import RUN_KINDS
from toolscout.settings import Settings

from services.trainer import steps

POLL_S = 0.5


@click.command()
@click.option("--step", "names", multiple=True, metavar="NAME", help=f"Only this one of: {', '.join(steps.STEPS)}.")
@click.option(
    "--kind", type=click.Choice(list(RUN_KINDS)), default="train", show_default=True, help="full crawls before."
)
@click.option("--seed", default=0, show_default=True, help="What chance is drawn from.")
@click.option(
    "--source", type=click.Choice(steps.SOURCES), default=steps.SOURCES[0], show_default=True, help="Of the ratings."
)
@click.option("--here", is_flag=True, help="In this process, also while `toolscout up` runs.")
@click.option("--no-wait", is_flag=True, help="Only queue it, and print the run's id.")
@click.option("--resume", metavar="RUN", help="Go on with a run whose process was killed.")
@click.option("--cancel", metavar="RUN", help="End a run.")
def train(
    names: tuple[str, ...],
    kind: str,
    seed: int,
    source: str,
    here: bool,
    no_wait: bool,
    resume: str | None,
    cancel: str | None,
) -> None:
    """Make training data from the ratings, and sharpen the search with it."""
    settings = Settings()
    catalogue = Catalogue(settings.db_url)
    migrate.upgrade(catalogue)
    if cancel:
        with catalogue.write() as conn:
            runs.cancel(conn, cancel, time.time())
        click.echo(f"run {cancel} ends")
        return
    run_id = resume or steps.create(catalogue, names, "command", seed, kind, source=source)
    if here or not settings.broker_url:
        run = _here(settings, catalogue, run_id)
    else:
        _wake(settings, catalogue, run_id)
        if no_wait:
            click.echo(run_id)
            return
        run = _follow(catalogue, run_id)
    click.echo("\n".join(steps.report(run)))
    if run["state"] not in (runs.DONE, *runs.OPEN):
        sys.exit(1)


def _here(settings: Settings, catalogue: Catalogue, run_id: str) -> dict[str, Any]:
    logs.configure(settings.model_copy(update={"log_stdout": False}), "trainer")
    try:
        return steps.run_here(settings, catalogue, run_id, lambda line: click.echo(line, err=True))
    finally:
        logs.shutdown()


def _wake(settings: Settings, catalogue: Catalogue, run_id: str) -> None:
    with catalogue.read() as conn:
        turn = runs.next_step(conn, run_id)
    if turn:
        queue.wake_step(queue.create_celery(settings), run_id, turn)


def _follow(catalogue: Catalogue, run_id: str) -> dict[str, Any]:
    """Says what the run does until it has ended. Ctrl-C only stops looking."""
    said = ""
    try:
        while True:
            with catalogue.read() as conn:
                run = runs.get(conn, run_id)
            line = _line(run)
            if line and line != said:
                click.echo(line, err=True)
                said = line
            if run["state"] not in runs.OPEN:
                return run
            time.sleep(POLL_S)
    except KeyboardInterrupt:
        click.echo(f"\nThe run goes on in the background; end it with: toolscout train --cancel {run_id}", err=True)
        return run


def _line(run: dict[str, Any]) -> str:
    step = next((step for step in run["steps"] if step["state"] == runs.RUNNING), None)
    if step is None:
        return ""
    of = f" {step['done']}" + (f" of {step['total']}" if step["total"] else "") if step["done"] is not None else ""
    return f"{step['name']}: {step['doing'] or 'at work'}{of}"
