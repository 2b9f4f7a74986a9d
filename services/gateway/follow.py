"""Keeps a gateway's index beside the catalogue: reads the change log a few times a second."""

from __future__ import annotations

import logging
import threading
import time

import sqlalchemy as sa
from toolscout import events, logs
from toolscout.catalogue import Catalogue, changes
from toolscout.index import Index

log = logging.getLogger(__name__)

# Chunks that are read and applied at one time.
STEP = 5000


class Follower:
    """A thread that applies what was committed; `ready` is set once the index has caught up for the first time."""

    def __init__(self, catalogue: Catalogue, poll_s: float) -> None:
        self.catalogue = catalogue
        self.poll_s = poll_s
        self.index = Index()
        self.ready = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="follow", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.ident:
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                while self.step():
                    pass
                self.ready.set()
            except sa.exc.SQLAlchemyError:
                log.warning("the change log can't be read", exc_info=True)
            except Exception:
                log.exception("changes could not be applied")
            self._stopping.wait(self.poll_s)

    def step(self) -> bool:
        """Applies the next changes; False when there are none."""
        start = time.perf_counter()
        with self.catalogue.read() as conn:
            found = changes.since(conn, self.index.version, STEP)
        if found.version == self.index.version:
            return False
        if found.version < self.index.version:
            # An older copy of the catalogue was put in place: everything is read anew.
            self.index = Index()
            return True
        self.index.apply(found.added, found.deleted, found.version)
        logs.emit(
            events.IndexUpdated(
                added=len(found.added),
                deleted=len(found.deleted),
                ntotal=self.index.ntotal,
                index_version=found.version,
                duration_ms=(time.perf_counter() - start) * 1000,
            )
        )
        return True
