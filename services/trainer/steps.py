"""The steps of a run in their order, and how a run goes from one to the next."""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import click
from toolscout import logs
from toolscout.catalogue import Catalogue, migrate, runs
from toolscout.errors import ToolscoutError
from toolscout.queue import RUN_KINDS, steps_of
from toolscout.settings import Settings

from services.trainer.job import Job, run_step

# Each is a module of this package with `run(job)`, and a script.
STEPS = RUN_KINDS["full"]
SOURCES = ("catalogue", "elasticsearch")


def work_of(name: str) -> Callable[[Job], None]:
    return importlib.import_module(f"services.trainer.{name}").run


def create(
    catalogue: Catalogue, names: Sequence[str], asked_by: str, seed: int = 0, kind: str = "train", **options: Any
) -> str:
    """A new run of these steps, or of all of its kind; returns its id. Raises Conflict, InvalidInput."""
    with catalogue.write() as conn:
        return runs.create(conn, kind, steps_of(kind, names), seed, options, asked_by, time.time())


def do_next(settings: Settings, catalogue: Catalogue, run_id: str, name: str = "") -> str | None:
    """Does the run's next step (or `name`, if it is its turn); the name of the one after it, None where all is over."""
    with catalogue.read() as conn:
        turn = runs.next_step(conn, run_id)
    if turn is None or (name and name != turn):
        return None
    if run_step(settings, catalogue, run_id, turn, work_of(turn)) is None:
        return None
    with catalogue.read() as conn:
        return runs.next_step(conn, run_id)


def run_here(settings: Settings, catalogue: Catalogue, run_id: str, say: Callable[[str], None]) -> dict[str, Any]:
    """Does a run to its end in this process; returns it. Ctrl-C cancels it."""
    turn: str | None = ""
    while turn is not None:
        with catalogue.read() as conn:
            turn = runs.next_step(conn, run_id)
        if turn is None:
            break
        say(f"{turn} …")
        turn = do_next(settings, catalogue, run_id)
    with catalogue.read() as conn:
        return runs.get(conn, run_id)


def script(module: str) -> None:
    """`python -m services.trainer.NAME`: one step as a run of its own, in this process."""
    name = (sys.modules[module].__spec__ or sys.exit("run it by python -m")).name.rpartition(".")[2]

    @click.command(help=sys.modules[module].__doc__)
    @click.option("--seed", default=0, show_default=True, help="What chance is drawn from.")
    @click.option("--source", type=click.Choice(SOURCES), default=SOURCES[0], show_default=True, help="Of the ratings.")
    def main(seed: int, source: str) -> None:
        settings = Settings()
        logs.configure(settings.model_copy(update={"log_stdout": False}), "trainer")
        catalogue = Catalogue(settings.db_url)
        try:
            migrate.upgrade(catalogue)
            run_id = create(catalogue, [name], "script", seed, "full", source=source)
            run = run_here(settings, catalogue, run_id, lambda line: click.echo(line, err=True))
        except ToolscoutError as error:
            raise click.ClickException(f"{error.detail}\n{error.remedy}") from error
        finally:
            catalogue.close()
            logs.shutdown()
        click.echo("\n".join(report(run)))
        if run["state"] != runs.DONE:
            sys.exit(1)

    main()


def report(run: dict[str, Any]) -> list[str]:
    """A run in lines: its steps, their figures, what was left out and why, the files."""
    lines = [f"run {run['id']}: {run['state']}"]
    for step in run["steps"]:
        why = f" ({step['reason']})" if step["reason"] else ""
        lines.append(f"  {step['name']}: {step['state']}{why}")
        if step["detail"]:
            lines.append(f"    {step['detail']}")
        lines += [f"    {name}: {_short(value)}" for name, value in (step["figures"] or {}).items()]
        lines += [f"    left out, {reason}: {n}" for reason, n in (step["drops"] or {}).items()]
        for one in step["artefacts"] or []:
            rows = f"{one['rows']} rows, " if one["rows"] is not None else ""
            lines.append(f"    models/{one['path']}: {rows}{one['bytes']} bytes")
    return lines


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_short(one)}" for name, one in value.items())
    return str(value)
