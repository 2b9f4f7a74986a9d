"""How a worker works through ids: claim, keep the lease alive, do them together, and alone what failed together."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

import sqlalchemy as sa

from toolscout.catalogue import Catalogue, pages
from toolscout.catalogue.pages import Stage

log = logging.getLogger(__name__)

Work = Callable[[Sequence[sa.Row], str], None]


def new_owner() -> str:
    """A name for one run of one task: a redelivered task is another owner."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:12]}"


@contextmanager
def renewing(catalogue: Catalogue, owner: str, lease_s: float) -> Iterator[None]:
    """Renews the owner's leases from a thread, three times per lease."""
    stop = threading.Event()

    def beat() -> None:
        while not stop.wait(lease_s / 3):
            try:
                with catalogue.write() as conn:
                    pages.renew(conn, owner, time.time(), lease_s)
            except sa.exc.SQLAlchemyError:
                log.warning("could not renew leases", exc_info=True)

    thread = threading.Thread(target=beat, name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def work_through(catalogue: Catalogue, stage: Stage, ids: Iterable[int], lease_s: float, work: Work) -> int:
    """Claims and does `ids`; returns how many pages were taken. `work(rows, owner)` writes its results itself.

    If the batch raises, or if an earlier worker died over a page, the pages are done one by one, at most three times
    each. A database that is away counts for nobody: the error goes up, and the sweeper brings the pages back.
    """
    owner = new_owner()
    with renewing(catalogue, owner, lease_s):
        with catalogue.write() as conn:
            claim = pages.claim(conn, stage, ids, owner, time.time(), lease_s)
        alone = list(claim.shaky)
        if claim.fresh and not _tried(catalogue, stage, claim.fresh, owner, work):
            alone += [row.id for row in claim.fresh]
        for page_id in alone:
            _do_alone(catalogue, stage, page_id, owner, lease_s, work)
    return len(claim.fresh) + len(claim.shaky)


def _tried(catalogue: Catalogue, stage: Stage, rows: Sequence[sa.Row], owner: str, work: Work) -> bool:
    """Runs the work; on failure hands back what it did not finish."""
    try:
        work(rows, owner)
    except sa.exc.OperationalError:
        raise
    except Exception:
        log.exception("work on pages %s failed", [row.id for row in rows])
        with catalogue.write() as conn:
            pages.release(conn, stage, owner, time.time())
        return False
    return True


def _do_alone(catalogue: Catalogue, stage: Stage, page_id: int, owner: str, lease_s: float, work: Work) -> None:
    while True:
        with catalogue.write() as conn:
            row = pages.claim_one(conn, stage, page_id, owner, time.time(), lease_s)
        if row is None or _tried(catalogue, stage, [row], owner, work):
            return
