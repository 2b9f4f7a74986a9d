"""Which arm a session meets: one gateway's view of the current experiment, as cheap as a look into a dictionary."""

from __future__ import annotations

import re
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import Any

import crawleruseragents
import sqlalchemy as sa
from itsdangerous import BadSignature, URLSafeTimedSerializer
from toolscout import context, events, logs
from toolscout.catalogue import Catalogue, experiments, meta
from toolscout.errors import Conflict
from toolscout.experiments import CANDIDATE, PAUSED, PROMOTED, STABLE, Experiment, group_of
from toolscout.settings import Settings

# Within a second every gateway serves by a new share.
FRESH_S = 0.5
KEPT_SESSIONS = 50_000
LINK_SECONDS = 30 * 86_400
API_PREFIX = "api:"
MAX_USER_AGENT = 500


@dataclass(frozen=True, slots=True)
class Exposure:
    """`group` labels what a session does, `served_by` is the arm that answers it.

    `counted` is False for whoever is shown apart; `rule` says who was sent to the arm by name (listed, link).
    """

    group: str
    served_by: str
    experiment: str | None
    counted: bool
    rule: str | None


class Arms:
    """Opens the experiment that the settings describe, and tells of each session which arm it meets."""

    def __init__(
        self,
        catalogue: Catalogue,
        settings: Settings,
        describe_arms: Callable[[Settings], dict[str, dict[str, Any]] | None],
    ) -> None:
        self._catalogue = catalogue
        self._settings = settings
        self._describe = describe_arms
        self._reading = threading.Lock()
        self._lock = threading.Lock()
        self._seen: OrderedDict[str, Exposure] = OrderedDict()
        with catalogue.read() as conn:
            secret = meta.get(conn, "session_secret") or ""
        self._serializer = URLSafeTimedSerializer(secret, salt="toolscout_tester")
        self._described = describe_arms(settings)
        self._now = self._synced()
        self._mine = self._now.id if self._now else None
        self._read_at = time.monotonic()

    def _synced(self) -> Experiment | None:
        """The experiment of the arms as they are described, opened if it is new."""
        now = time.time()
        with self._catalogue.write() as conn:
            # Again, now that nobody moves pointers: between two of them the arms were described half.
            experiments.hold(conn)
            self._described = self._describe(self._settings)
            found = experiments.sync(conn, self._described, self._settings.candidate_share, now)
        if found and found.created_at == now:
            logs.emit(events.ExperimentChanged(experiment=found.id, change="opened", share=found.share))
        return found

    def expose(self, session: str, *, bot: bool, keyed: bool) -> Exposure:
        """The decision point, a search: from the first one on the session has its arm. Blocks."""
        experiment = self.current()
        counted = not bot and (keyed or not session.startswith(API_PREFIX))
        if experiment is None or experiment.ended:
            return Exposure(STABLE, _everybodys(experiment), None, counted, None)
        if experiment.state == PAUSED:
            return _unenrolled(experiment)
        if bot and not self._named(experiment, session):
            return _unenrolled(experiment)
        seen = self._seen_before(session) or self._enrol(experiment, session, counted)
        return seen if counted or not seen.counted else _uncounted(seen)

    def peek(self, session: str, *, bot: bool = False) -> Exposure:
        """What a search would meet, without storing anything: for the labels of other requests. Blocks."""
        experiment = self.current()
        if experiment is None or experiment.ended or experiment.state == PAUSED or bot:
            return self._for_all(experiment)
        seen = self._seen_before(session)
        if seen:
            return seen
        with self._catalogue.read() as conn:
            row = experiments.assigned(conn, experiment, session)
            tester = None if row else experiments.named(conn, experiment, session)
        if row:
            return self._remember(experiment, row)
        group = tester.arm if tester else group_of(experiment, session)
        return Exposure(group, group, experiment.id, False, tester.rule if tester else None)

    def known(self, session: str) -> Exposure | None:
        """What peek() says, where that takes no look into the catalogue; else None. Never blocks for long."""
        if time.monotonic() - self._read_at > FRESH_S:
            return None
        experiment = self._now
        if experiment is None or experiment.ended or experiment.state == PAUSED:
            return self._for_all(experiment)
        return self._seen_before(session)

    def current(self) -> Experiment | None:
        """The experiment of this gateway's arms, read at most FRESH_S ago; None once another one has taken over."""
        if time.monotonic() - self._read_at > FRESH_S:
            self._read()
        return self._now

    def _read(self) -> None:
        with self._reading:
            if time.monotonic() - self._read_at <= FRESH_S:
                return
            started = time.monotonic()
            described = self._describe(self._settings)
            if described != self._described:  # an adapter was deployed, promoted or rolled back
                self._described = described
                found = self._synced()
                self._mine = found.id if found else None
            else:
                with self._catalogue.read() as conn:
                    found = experiments.current(conn)
                found = found if found and found.id == self._mine else None
            with self._lock:
                if found is None or self._now is None or found.changed_at != self._now.changed_at:
                    self._seen.clear()
                self._now, self._read_at = found, started

    def forget(self) -> None:
        """Has the next look see what was changed just now."""
        self._read_at = float("-inf")

    def _for_all(self, experiment: Experiment | None) -> Exposure:
        name = experiment.id if experiment and not experiment.ended else None
        return Exposure(STABLE, _everybodys(experiment), name, name is None, None)

    def _named(self, experiment: Experiment, session: str) -> bool:
        """Whether an operator sends this session to an arm, whatever its User-Agent looks like."""
        with self._catalogue.read() as conn:
            return experiments.named(conn, experiment, session) is not None

    def _enrol(self, experiment: Experiment, session: str, counted: bool) -> Exposure:
        with self._catalogue.read() as conn:  # most are stored already, and a write keeps other writers waiting
            row, first = experiments.assigned(conn, experiment, session), False
        if row is None:
            with self._catalogue.write() as conn:
                row, first = experiments.assign(conn, experiment, session, counted, time.time())
        if first:
            exposed = events.ArmExposed(
                experiment=experiment.id, share=row.share, stage=row.stage, rule=row.rule, counted=row.counted
            )
            with context.bound(replace(context.current(), ab_group=row.ab_group)):
                logs.emit(exposed)
        return self._remember(experiment, row)

    def _seen_before(self, session: str) -> Exposure | None:
        with self._lock:
            found = self._seen.get(session)
            if found:
                self._seen.move_to_end(session)
            return found

    def _remember(self, experiment: Experiment, row: sa.Row) -> Exposure:
        seen = Exposure(row.ab_group, row.ab_group, experiment.id, row.counted, row.rule)
        with self._lock:
            # Unless it changed while we read: what we hold may be of before.
            if self._now and self._now.changed_at == experiment.changed_at:
                self._seen[row.session_id] = seen
                if len(self._seen) > KEPT_SESSIONS:
                    self._seen.popitem(last=False)
        return seen

    # Testers.

    def link(self, experiment: str, arm: str, note: str | None) -> tuple[str, str]:
        """(path to open, name under which the link is listed) of a link whose visitors meet `arm`, for 30 days."""
        name = f"{experiments.LINK_PREFIX}{secrets.token_hex(4)}"
        with self._catalogue.write() as conn:
            experiments.name_tester(conn, experiment, name, arm, experiments.LINK, note, time.time())
        self.forget()
        return f"/?tester={self._serializer.dumps([experiment, name])}", name

    def accept(self, token: str, session: str) -> bool:
        """Makes who opened a link a tester; False where it is forged, too old, taken back or of another experiment."""
        try:
            experiment, name = self._serializer.loads(token, max_age=LINK_SECONDS)
        except (BadSignature, ValueError, TypeError):
            return False
        with self._catalogue.write() as conn:
            found = experiments.link_note(conn, experiment, name)
            if found is None:
                return False
            arm, note = found
            try:
                experiments.name_tester(conn, experiment, session, arm, experiments.LINK, note, time.time())
            except Conflict:
                return False
        self.forget()
        return True


def _everybodys(experiment: Experiment | None) -> str:
    return CANDIDATE if experiment and experiment.state == PROMOTED else STABLE


def _unenrolled(experiment: Experiment) -> Exposure:
    return Exposure(STABLE, STABLE, experiment.id, False, None)


def _uncounted(seen: Exposure) -> Exposure:
    return Exposure(seen.group, seen.served_by, seen.experiment, False, seen.rule)


def is_bot(headers: Mapping[str, str]) -> bool:
    """Whether the User-Agent is one of a known crawler, monitor or automated browser.

    An HTTP library is none, nor is who names nothing: so come API clients, which may hold a session like anybody.
    """
    return _is_crawler(headers.get("user-agent", "")[:MAX_USER_AGENT])


@lru_cache(4096)
def _is_crawler(user_agent: str) -> bool:
    return any(pattern.search(user_agent) for pattern in _crawlers())


@cache
def _crawlers() -> list[re.Pattern[str]]:
    known = [e["pattern"] for e in crawleruseragents.CRAWLER_USER_AGENTS_DATA if "http-library" not in e["tags"]]
    size = crawleruseragents.CHUNK_SIZE  # short alternations are faster than one long
    return [re.compile("|".join(known[n : n + size])) for n in range(0, len(known), size)]
