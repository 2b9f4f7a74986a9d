"""One step of a run at work: how far it is, what it left out and why, and the files that it makes."""

from __future__ import annotations

import errno
import hashlib
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import orjson
import sqlalchemy as sa
from toolscout import events, logs
from toolscout.catalogue import Catalogue, runs
from toolscout.errors import LostLease, ToolscoutError
from toolscout.settings import Settings
from toolscout.work import new_owner

log = logging.getLogger(__name__)

# How often progress is written down, and a wish to cancel seen.
LOOK_S = 1.0


class Cancelled(ToolscoutError):
    status, reason, title = 409, "cancelled", "Somebody cancelled this run"


class Skip(ToolscoutError):
    """There is nothing for this step to do; the run goes on."""

    status, reason, title = 409, "skipped", "There was nothing to do"


class Job:
    """What a step is given. `progress` and `drop` may be called for each row: they cost next to nothing."""

    def __init__(self, settings: Settings, catalogue: Catalogue, run: dict[str, Any]) -> None:
        self.settings = settings
        self.catalogue = catalogue
        self.run_id: str = run["id"]
        self.name: str = run["step"]["name"]
        self.seed: int = run["seed"]
        self.options: dict[str, Any] = run["options"]
        self.created_at: float = run["created_at"]
        self.figures: dict[str, Any] = {}
        self.drops: Counter[str] = Counter()
        self.artefacts: list[dict[str, Any]] = []
        self.at: dict[str, Any] = {"doing": None, "done": None, "total": None}
        self.stop: ToolscoutError | None = None

    @property
    def directory(self) -> Path:
        """Of the whole run: models/runs/<run>."""
        found = self.settings.models_dir / "runs" / self.run_id
        found.mkdir(parents=True, exist_ok=True)
        return found

    def progress(self, doing: str, done: int | None = None, total: int | None = None) -> None:
        """Says how far it is. Raises Cancelled, or LostLease, where it is to stop."""
        self.at = {"doing": doing, "done": done, "total": total}
        if self.stop:
            raise self.stop

    def drop(self, reason: str, n: int = 1) -> None:
        """Counts rows that are left out."""
        self.drops[reason] += n

    def write_rows(self, name: str, rows: Iterable[dict[str, Any]]) -> int:
        """JSON lines into an artefact; returns how many. The file is there whole or not at all."""
        with self.rows_into(name) as put:
            for row in rows:
                put[name](row)
        return self.artefacts[-1]["rows"]

    @contextmanager
    def rows_into(self, *names: str) -> Iterator[dict[str, Callable[[dict[str, Any]], None]]]:
        """Several artefacts at once: {name: function that adds a row}."""
        counts = Counter(dict.fromkeys(names, 0))
        with ExitStack() as stack:
            paths = [stack.enter_context(self.writing(name)) for name in names]
            with ExitStack() as files:
                put = {
                    name: _adder(files.enter_context(path.open("wb")), counts, name)
                    for name, path in zip(names, paths, strict=True)
                }
                yield put
        for one in self.artefacts:
            if one["name"] in counts:
                one["rows"] = counts[one["name"]]

    def write_text(self, name: str, text: str) -> None:
        with self.writing(name) as path:
            path.write_text(text, encoding="utf-8")

    @contextmanager
    def writing(self, name: str) -> Iterator[Path]:
        """A path to write an artefact to; what is there after it is renamed, hashed and noted."""
        path = self.directory / name
        new = path.with_name(f".{name}.new")
        try:
            yield new
            new.replace(path)
        finally:
            new.unlink(missing_ok=True)
        self.note(path)

    def note(self, path: Path) -> None:
        """Lists a file below models/ among what the step has made."""
        name, where = path.name, str(path.relative_to(self.settings.models_dir))
        found = {"name": name, "path": where, "rows": None, "bytes": path.stat().st_size, "sha256": sha256_of(path)}
        self.artefacts = [*(one for one in self.artefacts if one["name"] != name), found]

    def find(self, step: str, name: str) -> dict[str, Any] | None:
        """What a step made: {name, path, rows, bytes, sha256, run_id}, of this run, else of the newest that has it."""
        with self.catalogue.read() as conn:
            return runs.artefact(conn, step, name, self.run_id)

    def read_rows(self, found: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """The rows of an artefact of JSON lines. Raises ToolscoutError where its file is gone or has changed."""
        path = self.settings.models_dir / found["path"]
        if not path.exists() or sha256_of(path) != found["sha256"]:
            raise ToolscoutError(
                f"{found['path']} is gone or has been changed since run {found['run_id']} made it.",
                reason="artefact_changed",
                remedy="Run the step that makes it again, or the whole: toolscout train",
            )
        with path.open("rb") as file:
            yield from map(orjson.loads, file)


def _adder(file: BinaryIO, counts: Counter[str], name: str) -> Callable[[dict[str, Any]], None]:
    def add(row: dict[str, Any]) -> None:
        file.write(orjson.dumps(row, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE))
        counts[name] += 1

    return add


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def run_step(
    settings: Settings, catalogue: Catalogue, run_id: str, name: str, work: Callable[[Job], None]
) -> str | None:
    """Does one step of a run and writes how it ended; its state, or None where it was not its turn.

    A database that is away is nobody's failure: the error goes up, and the sweeper wakes the step again.
    """
    owner, start = new_owner(), time.perf_counter()
    with catalogue.write() as conn:
        run = runs.claim(conn, run_id, name, owner, time.time(), settings.lease_seconds)
    if run is None:
        return None
    job = Job(settings, catalogue, run)
    with _renewing(job, owner):
        values = _ended(job, work)
    if values is None:
        return None
    values |= {"drops": dict(sorted(job.drops.items())), "figures": job.figures, "artefacts": job.artefacts}
    with catalogue.write() as conn:
        runs.finish(conn, run_id, name, owner, values, time.time())
    _tell(job, values, (time.perf_counter() - start) * 1000)
    return values["state"]


def _ended(job: Job, work: Callable[[Job], None]) -> dict[str, Any] | None:
    """How the work ended; None where another worker has taken it over."""
    try:
        work(job)
        return {"state": runs.DONE, "reason": None, "detail": None}
    except LostLease:
        log.warning("%s of run %s was taken over", job.name, job.run_id)
        return None
    except (Cancelled, KeyboardInterrupt):
        return {"state": runs.CANCELLED, "reason": "cancelled", "detail": None}
    except Skip as error:
        return {"state": runs.SKIPPED, "reason": error.reason, "detail": f"{error.detail} {error.remedy}".strip()}
    except ToolscoutError as error:
        return {"state": runs.FAILED, "reason": error.reason, "detail": f"{error.detail} {error.remedy}".strip()}
    except sa.exc.OperationalError:
        raise
    except MemoryError:
        return {"state": runs.FAILED, "reason": "out_of_memory", "detail": "There was not enough memory."}
    except OSError as error:
        log.exception("%s of run %s failed", job.name, job.run_id)
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        return {"state": runs.FAILED, "reason": "disk_full" if full else "io_error", "detail": str(error)}
    except Exception as error:
        log.exception("%s of run %s failed", job.name, job.run_id)
        return {"state": runs.FAILED, "reason": "error", "detail": f"{type(error).__name__}: {error}"[:500]}


@contextmanager
def _renewing(job: Job, owner: str) -> Iterator[None]:
    """Keeps the lease and writes progress down from a thread; tells the step when it is to stop."""
    over = threading.Event()
    lease_s = job.settings.lease_seconds

    def beat() -> None:
        while not over.wait(min(LOOK_S, lease_s / 3)):
            try:
                with job.catalogue.write() as conn:
                    cancelled = runs.renew(conn, job.run_id, job.name, owner, time.time(), lease_s, **job.at)
                job.stop = Cancelled() if cancelled else None
            except LostLease as error:
                job.stop = error
                return
            except sa.exc.SQLAlchemyError:
                log.warning("could not renew the lease of %s", job.name, exc_info=True)

    thread = threading.Thread(target=beat, name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _tell(job: Job, values: dict[str, Any], took_ms: float) -> None:
    state = values["state"]
    logs.emit(
        events.StepEnded(
            run_id=job.run_id,
            step=job.name,
            state=state,
            reason=values["reason"],
            error=values["detail"] if state == runs.FAILED else None,
            outcome={runs.DONE: "success", runs.FAILED: "failure"}.get(state, "unknown"),
            rows=sum(one["rows"] or 0 for one in job.artefacts),
            dropped=sum(job.drops.values()),
            duration_ms=took_ms,
        )
    )
