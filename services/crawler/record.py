"""What a fetch ends in: one short transaction for a handful of pages, checked against the lease."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from toolscout import events, logs, queue
from toolscout.addresses import host_key
from toolscout.catalogue import Catalogue, hosts, pages
from toolscout.domain import State
from toolscout.errors import FetchError
from toolscout.pages import PageStore
from toolscout.settings import Settings
from toolscout.sites import site_of

from services.crawler.fetch import Fetched

MAX_TRIES = 3
# Who asks for more patience than this gets no second try in the same job.
MAX_PATIENCE_S = 120.0
FIRST_BACKOFF_S = 3.0


@dataclass(slots=True)
class Outcome:
    """How asking for one page went: an answer, an error, or `due`, the time at which to ask again."""

    row: sa.Row
    fetched: Fetched | None = None
    error: FetchError | None = None
    due: float = 0.0


@dataclass(slots=True)
class Recorded:
    """What follows from a transaction: whom to wake, what to log, which bodies nobody needs any more."""

    to_process: list[int]
    again: dict[int, float]
    events: list[events.PageFetched]
    unneeded: list[str]


class Recorder:
    """Writes outcomes. Bodies are stored and forced to the disk before any row names them."""

    def __init__(self, catalogue: Catalogue, store: PageStore, owner: str) -> None:
        self._catalogue = catalogue
        self._store = store
        self._owner = owner

    def record(self, outcomes: Sequence[Outcome]) -> Recorded:
        """Stores bodies, writes states; what lost its lease meanwhile is left to the new holder."""
        digests = {o.row.id: self._put(o) for o in outcomes if o.fetched and not o.fetched.not_modified}
        self._store.sync()
        done = Recorded([], {}, [], [])
        now = time.time()
        with self._catalogue.write() as conn:
            held = pages.held(conn, [o.row.id for o in outcomes], self._owner, now)
            for outcome in outcomes:
                if outcome.row.id in held:
                    self._write(conn, outcome, digests.get(outcome.row.id, ""), now, done)
        self._store.drop(done.unneeded)
        for event in done.events:
            logs.emit(event)
        return done

    def _put(self, outcome: Outcome) -> str:
        assert outcome.fetched
        return self._store.put(
            outcome.fetched.final_url,
            outcome.fetched.body,
            outcome.fetched.headers,
            time.time(),
            outcome.fetched.status,
        )

    def _write(self, conn: sa.Connection, outcome: Outcome, digest: str, now: float, done: Recorded) -> None:
        if outcome.error:
            self._failed(conn, outcome, outcome.error, now, done)
        elif outcome.fetched:
            self._arrived(conn, outcome, outcome.fetched, digest or outcome.row.digest, now, done)
        else:
            pages.hand_back(conn, pages.FETCH, outcome.row.id, self._owner, now, outcome.due)
            done.again[outcome.row.id] = outcome.due

    def _arrived(
        self, conn: sa.Connection, outcome: Outcome, fetched: Fetched, digest: str, now: float, done: Recorded
    ) -> None:
        row = outcome.row
        learnt: dict[str, object] = {"fetched_at": now, "http_status": fetched.status, "digest": digest}
        if not fetched.not_modified:
            learnt |= {
                "final_url": fetched.final_url,
                "site": site_of(fetched.final_url),
                "content_type": fetched.headers.get("content-type", ""),
                "etag": fetched.headers.get("etag"),
                "last_modified": fetched.headers.get("last-modified"),
            }
            done.unneeded += pages.keep_version(conn, row.id, digest, now)
        if row.indexed_at is not None and digest == row.digest and learnt.get("site", row.site) == row.site:
            reason = "not_modified" if fetched.not_modified else "same_content"
            pages.close(conn, [row.id], State.UNCHANGED, reason, now, detail=None, **learnt)
            done.events.append(_event(outcome, State.UNCHANGED, reason))
        else:
            pages.advance(conn, row.id, State.FETCHED, now, **learnt)
            done.to_process.append(row.id)
            done.events.append(_event(outcome, State.FETCHED))

    def _failed(self, conn: sa.Connection, outcome: Outcome, error: FetchError, now: float, done: Recorded) -> None:
        row = outcome.row
        wait = error.retry_after if error.retry_after is not None else FIRST_BACKOFF_S * 2.0**row.tries
        if error.retry_after:
            hosts.postpone(conn, host_key(row.url), now + error.retry_after)
        if error.permanent or row.tries + 1 >= MAX_TRIES or wait > MAX_PATIENCE_S:
            status = {"http_status": error.http_status}
            pages.close(conn, [row.id], State.FAILED, error.reason, now, detail=error.detail[:500], **status)
            done.events.append(_event(outcome, State.FAILED, error.reason))
            return
        pages.hand_back(
            conn, pages.FETCH, row.id, self._owner, now, now + wait, tries=row.tries + 1, detail=error.detail[:500]
        )
        done.again[row.id] = now + wait
        done.events.append(_event(outcome, State.QUEUED, error.reason))


def wake_next(app: queue.Celery, done: Recorded, settings: Settings) -> None:
    """Wakes the processor for what arrived, and the crawler for what was put off a little."""
    wait = max(0.0, min(done.again.values(), default=0.0) - time.time())
    queue.wake_pages(app, settings, to_fetch=list(done.again), to_process=done.to_process, fetch_in_s=wait)


def _event(outcome: Outcome, state: State, reason: str | None = None) -> events.PageFetched:
    fetched, error, row = outcome.fetched, outcome.error, outcome.row
    return events.PageFetched(
        url=row.url,
        host=row.host,
        page_id=row.id,
        state=state,
        reason=reason,
        outcome="failure" if error else "success",
        error=error.detail[:500] if error else None,
        status=fetched.status if fetched else error.http_status if error else None,
        bytes=len(fetched.body) if fetched else None,
        redirects=len(fetched.redirects) if fetched else 0,
        duration_ms=fetched.duration_s * 1000 if fetched else None,
    )
