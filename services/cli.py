"""The command `toolscout`."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click
import httpx
import redis.exceptions
import sqlalchemy as sa
from toolscout import queue
from toolscout.addresses import AddressGuard
from toolscout.catalogue import Catalogue, jobs, meta, migrate, pages, tools
from toolscout.catalogue.engine import plain
from toolscout.catalogue.tables import pages as page_table
from toolscout.domain import FINAL, State
from toolscout.endpoints import CANDIDATE, STABLE, endpoint, has_own_model
from toolscout.errors import ToolscoutError
from toolscout.settings import Settings
from toolscout.submit import wanted

from services.trainer.command import train

POLL_S = 0.3
BATCH = 1000


class _Group(click.Group):
    """Shows our errors as what they are: a sentence and a remedy."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ToolscoutError as error:
            raise click.ClickException(f"{error.detail}\n{error.remedy}") from error
        except sa.exc.OperationalError as error:
            raise click.ClickException(f"The database does not answer: {error.orig}") from error


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="toolscout")
def main() -> None:
    """A search engine for AI tools that sharpens itself."""


main.add_command(train)


@main.command()
def up() -> None:
    """Start the whole system on this machine; Ctrl-C stops it."""
    from services.up import up as run

    run(Settings())


@main.command()
@click.argument("urls", nargs=-1)
@click.option("--file", "-f", type=click.File("r"), help="File with one URL a line; - reads standard input.")
@click.option(
    "--max-age", type=float, default=86_400, show_default=True, help="Seconds for which a stored copy is used."
)
@click.option("--no-wait", is_flag=True, help="Only queue them, and print the job's id.")
def crawl(urls: tuple[str, ...], file: Iterable[str] | None, max_age: float, no_wait: bool) -> None:
    """Fetch, read and index pages."""
    every = [*urls, *(line.strip() for line in file or [] if line.strip() and not line.startswith("#"))]
    if not every:
        raise click.UsageError("Give URLs, or a file with --file.")
    settings = Settings()
    catalogue = _catalogue(settings)
    guard = AddressGuard(settings.allow_hosts)
    ids = []
    for start in range(0, len(every), BATCH):
        rows = [wanted(url, guard) for url in every[start : start + BATCH]]
        for row in rows:
            if row.refused:
                click.echo(f"refused: {row.submitted[:200]}: {row.detail}", err=True)
        with catalogue.write() as conn:
            job = jobs.submit(conn, rows, time.time(), max_age, None)
        ids.append(job.id)
        _wake(settings, to_fetch=job.to_fetch, to_process=job.to_process)
    if no_wait:
        click.echo("\n".join(ids))
        return
    _follow(lambda: _job_urls(catalogue, ids), len(every))


def _job_urls(catalogue: Catalogue, ids: Sequence[str]) -> list[dict[str, Any]]:
    with catalogue.read() as conn:
        found = [jobs.status(conn, job_id) for job_id in ids]
    return [url for status in found if status for url in status["urls"]]


@main.command()
@click.argument("urls", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every page whose body is stored.")
def process(urls: tuple[str, ...], everything: bool) -> None:
    """Read and index stored pages again, without fetching them."""
    if bool(urls) == everything:
        raise click.UsageError("Give URLs, or --all.")
    settings = Settings()
    catalogue = _catalogue(settings)
    guard = AddressGuard(settings.allow_hosts)
    stored = sa.select(page_table.c.id).where(page_table.c.digest.is_not(None), page_table.c.state.in_(FINAL))
    if urls:
        stored = stored.where(page_table.c.url.in_([wanted(url, guard, strict=True).url for url in urls]))
    with catalogue.write() as conn:
        ids = list(conn.execute(stored).scalars())
        for start in range(0, len(ids), BATCH):
            pages.requeue(conn, ids[start : start + BATCH], State.FETCHED, time.time())
    if not ids:
        raise click.ClickException("No page of that kind is stored. Fetch it first: toolscout crawl URL")
    _wake(settings, to_process=ids)
    _follow(lambda: _states(catalogue, ids), len(ids))


def _states(catalogue: Catalogue, ids: Sequence[int]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    columns = (page_table.c.url, page_table.c.state, page_table.c.reason, page_table.c.detail)
    with catalogue.read() as conn:
        for start in range(0, len(ids), BATCH):
            stmt = sa.select(*columns).where(page_table.c.id.in_(ids[start : start + BATCH]))
            rows += [plain(row) for row in conn.execute(stmt)]
    return rows


def _follow(read: Callable[[], list[dict[str, Any]]], total: int) -> None:
    """A progress bar until every URL has ended; then how they ended. Ctrl-C only stops looking."""
    rows = read()
    try:
        with click.progressbar(length=total, label="pages", show_pos=True, file=sys.stderr) as bar:
            done = 0
            while True:
                ended = sum(row["state"] in FINAL for row in rows)
                bar.update(ended - done)
                done = ended
                if done >= len(rows):
                    break
                time.sleep(POLL_S)
                rows = read()
    except KeyboardInterrupt:
        click.echo("\nThe work goes on in the background; `toolscout status` shows it.", err=True)
    for (state, reason), n in Counter((row["state"], row["reason"]) for row in rows).most_common():
        click.echo(f"{n:6}  {state}{f' ({reason})' if reason else ''}")
    for row in [row for row in rows if row["state"] == State.FAILED][:10]:
        click.echo(
            f"failed: {row['url'][:200]}: {row['reason']}{': ' + row['detail'] if row['detail'] else ''}", err=True
        )


@main.command()
@click.argument("query")
@click.option("--limit", default=10, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="The API's answer as it is.")
def search(query: str, limit: int, as_json: bool) -> None:
    """Search through the running gateway."""
    body = _get(Settings(), f"/api/v1/search?q={quote(query)}&limit={limit}")
    if as_json:
        click.echo(json.dumps(body, ensure_ascii=False))
        return
    if body["answer"]:
        click.echo(body["answer"]["text"] + "\n")
    for n, result in enumerate(body["results"], start=1):
        click.echo(f"{n:2}. {click.style(result['name'], bold=True)}  {result['url']}  {result['score']:.2f}")
        if result["summary"]:
            click.echo(f"    {result['summary'][:200]}")


def _get(settings: Settings, path: str) -> Any:
    from services.up import address

    try:
        response = httpx.get(address(settings) + path, timeout=30, headers={"X-Session-ID": "cli"})
    except httpx.HTTPError as error:
        raise click.ClickException(f"No gateway at {address(settings)}. Start it with `toolscout up`.") from error
    body = response.json()
    if response.status_code >= 400 and "remedy" in body:
        raise click.ClickException(f"{body['detail']}\n{body['remedy']}")
    return body


@main.command()
def status() -> None:
    """How many pages stand where, what waits in the queue, and how the language models are."""
    settings = Settings()
    catalogue = _catalogue(settings)
    with catalogue.read() as conn:
        states, rows = pages.counts(conn), tools.counts(conn)
    for state in State:
        if states.get(state):
            click.echo(f"{states[state]:8}  pages {state}")
    for name, n in rows.items():
        click.echo(f"{n:8}  {name}")
    try:
        if not settings.broker_url:
            raise OSError("not running")
        for name, n in queue.lengths(settings).items():
            click.echo(f"{n:8}  tasks waiting for {name}")
    except (redis.exceptions.RedisError, OSError):
        click.echo("The task queue is away: `toolscout up` is not running here.", err=True)
    for arm, wrong in asyncio.run(_probe(settings)).items():
        click.echo(f"   model  {arm}: {wrong or 'ready'}", err=bool(wrong))


async def _probe(settings: Settings) -> dict[str, str]:
    """What is wrong with each arm's language model, "" where nothing is."""
    from toolscout.llm import Client

    if settings.llm_mode == "off":
        return {STABLE: "off (TOOLSCOUT_LLM=off): answers quote the pages"}
    found = {}
    for arm in (STABLE, *([CANDIDATE] if has_own_model(settings) else [])):
        if wanted := endpoint(settings, arm):
            client = Client(wanted, settings)
            found[arm] = await client.probe()
            await client.close()
        elif arm == STABLE:
            found[arm] = "the embedded model is not running: `toolscout up` starts it"
    return found


@main.command()
@click.argument("name")
@click.argument("args", nargs=-1)
def submit(name: str, args: tuple[str, ...]) -> None:
    """Send a Celery task: its name, and its arguments as JSON, e.g. crawler.fetch_pages '[1, 2]'."""
    if name.split(".")[0] not in queue.QUEUES:
        raise click.UsageError(f"A task's name starts with one of {', '.join(queue.QUEUES)}.")
    try:
        values = [json.loads(arg) for arg in args]
    except ValueError as error:
        raise click.UsageError(f"Arguments are JSON: {error}") from error
    settings = Settings()
    try:
        click.echo(queue.send(queue.create_celery(settings), name, *values))
    except queue.AWAY as error:
        raise click.ClickException(f"The task queue does not answer: {error}. Is `toolscout up` running?") from error


@main.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--visitors", default=100, show_default=True, help="Sessions, each with a cookie of its own.")
@click.option("--searches", default=5, show_default=True, help="Searches of each.")
@click.option("--taste", type=click.Choice(["known", "random", "poisoned"]), default="known", show_default=True)
@click.option("--honest", default=0.9, show_default=True, help="Share of the ratings that are meant so.")
@click.option("--seed", default=0, show_default=True)
@click.option("--admin-key", "key", envvar="TOOLSCOUT_ADMIN_KEY", help="Needed to put the set's tools in.")
@click.option("--measure", is_flag=True, help="Only measure the questions that nobody asked.")
@click.option("--base", default="", help="The gateway's address; this machine's by default.")
def simulate(
    folder: Path,
    visitors: int,
    searches: int,
    taste: str,
    honest: float,
    seed: int,
    key: str | None,
    measure: bool,
    base: str,
) -> None:
    """Have simulated visitors search and rate: FOLDER holds a retrieval set in BEIR form."""
    from services import simulate as simulation
    from services.up import address

    if not key:
        raise click.UsageError("Give the admin key: --admin-key, or TOOLSCOUT_ADMIN_KEY.")
    base = base or address(Settings())
    world = simulation.read(folder)
    try:
        simulation.load(base, key, world, lambda line: click.echo(line, err=True))
        if not measure:
            done = simulation.visit(base, world, taste, visitors, searches, honest, seed)  # type: ignore[arg-type]
            click.echo(json.dumps(done))
        click.echo(json.dumps(simulation.measure(base, world)))
    except httpx.HTTPError as error:
        raise click.ClickException(f"The gateway at {base} does not answer: {error}") from error


@main.command("admin-key")
@click.option("--reset", is_flag=True, help="Make a new key; the old one ends at once.")
def admin_key(reset: bool) -> None:
    """Say whether there is an admin key, or make a new one."""
    catalogue = _catalogue(Settings())
    with catalogue.write() as conn:
        if reset or meta.get(conn, "admin_key_sha256") is None:
            click.echo(meta.new_admin_key(conn))
            return
    click.echo("There is a key; only its hash is kept. --reset makes a new one.", err=True)


def _catalogue(settings: Settings) -> Catalogue:
    catalogue = Catalogue(settings.db_url)
    migrate.upgrade(catalogue)
    return catalogue


def _wake(settings: Settings, to_fetch: Sequence[int] = (), to_process: Sequence[int] = ()) -> None:
    if not settings.broker_url:
        click.echo("`toolscout up` is not running here: the pages wait until it does.", err=True)
    else:
        queue.wake_pages(queue.create_celery(settings), settings, to_fetch=to_fetch, to_process=to_process)


if __name__ == "__main__":
    main()
