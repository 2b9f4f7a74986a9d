"""Experiments as rows: which one is current, who was assigned to which arm, who changed what, and how the arms do."""

from __future__ import annotations

import secrets
import time
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa

from toolscout.catalogue import meta
from toolscout.catalogue.engine import insert, lock, plain
from toolscout.catalogue.tables import (
    assignments,
    experiment_changes,
    experiments,
    feedback,
    searches,
    surveys,
    testers,
)
from toolscout.catalogue.tables import meta as meta_table
from toolscout.errors import Conflict, NotFound
from toolscout.experiments import ARMS, RUNNING, Experiment, group_of, state_after

CURRENT = "experiment_current"
LISTED, LINK = "listed", "link"
# A row whose session begins so is a link that waits for testers.
LINK_PREFIX = "link:"
MOST_ITEMS, MOST_CHANGES, MOST_TESTERS = 20, 200, 500
# Newest searches of an arm that its figures rest on, and how far anything is counted.
MOST_SEARCHES, MOST_COUNTED = 20_000, 1_000_000

Arms = dict[str, dict[str, Any]]


def sync(conn: sa.Connection, arms: Arms | None, share: float, now: float) -> Experiment | None:
    """Makes the experiment with these arms the current one and returns it; opens it if it is new.

    Without arms (there is no candidate) none is current, but for one that has ended: it can still be rolled back.
    """
    lock(conn, ["experiments"])
    if arms is None:
        ended = current(conn)
        if ended and ended.ended:
            return ended
        meta.put(conn, CURRENT, "")
        return None
    arms = {name: arm | {"endpoint": _shown(arm.get("endpoint") or "")} for name, arm in arms.items()}
    found = current(conn)
    if found and found.arms == arms:
        return found
    day = time.strftime("%Y%m%d", time.gmtime(now))
    new = Experiment(f"exp-{day}-{secrets.token_hex(3)}", secrets.token_hex(8), share, 1, RUNNING, arms, now, now)
    conn.execute(sa.insert(experiments), {column.name: getattr(new, column.name) for column in experiments.c})
    _note(conn, new.id, "opened", share, None, now)
    meta.put(conn, CURRENT, new.id)
    return new


def _shown(endpoint: str) -> str:
    """Without user name and password, which no row and no page needs."""
    parts = urlsplit(endpoint)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def hold(conn: sa.Connection) -> Experiment | None:
    """The current experiment. Until this transaction ends, nobody opens another, nor changes this one."""
    lock(conn, ["experiments"])
    row = conn.execute(_CURRENT.with_for_update(of=experiments)).one_or_none()
    return _experiment(row) if row else None


_CURRENT = sa.select(experiments).join(
    meta_table, sa.and_(meta_table.c.key == CURRENT, meta_table.c.value == experiments.c.id)
)


def state_of(conn: sa.Connection, name: str) -> str | None:
    return conn.execute(sa.select(experiments.c.state).where(experiments.c.id == name)).scalar()


def current(conn: sa.Connection) -> Experiment | None:
    row = conn.execute(_CURRENT).one_or_none()
    return _experiment(row) if row else None


def _experiment(row: sa.Row) -> Experiment:
    return Experiment(**plain(row))


def _note(conn: sa.Connection, name: str, change: str, share: float, note: str | None, now: float) -> None:
    row = {"experiment": name, "change": change, "share": share, "note": note, "created_at": now}
    conn.execute(sa.insert(experiment_changes), row)


# Who is in which arm.

_ASSIGNED = sa.select(assignments).where(
    assignments.c.experiment == sa.bindparam("experiment"), assignments.c.session_id == sa.bindparam("session")
)
_NAMED = sa.select(testers.c.arm, testers.c.rule).where(
    testers.c.experiment == sa.bindparam("experiment"), testers.c.session_id == sa.bindparam("session")
)


def assigned(conn: sa.Connection, experiment: Experiment, session: str) -> sa.Row | None:
    return conn.execute(_ASSIGNED, {"experiment": experiment.id, "session": session}).one_or_none()


def named(conn: sa.Connection, experiment: Experiment, session: str) -> sa.Row | None:
    """(arm, rule) of a session that an operator sends to an arm."""
    return conn.execute(_NAMED, {"experiment": experiment.id, "session": session}).one_or_none()


def assign(conn: sa.Connection, experiment: Experiment, session: str, counted: bool, now: float) -> tuple[sa.Row, bool]:
    """(the session's assignment, whether it is new). Once stored it stays, whatever the share becomes."""
    known = assigned(conn, experiment, session)
    if known:
        return known, False
    tester = named(conn, experiment, session)
    row = {
        "experiment": experiment.id,
        "session_id": session,
        "ab_group": tester.arm if tester else group_of(experiment, session),
        "share": experiment.share,
        "stage": experiment.stage,
        "rule": tester.rule if tester else None,
        "counted": counted and tester is None,
        "created_at": now,
    }
    stmt = insert(conn, assignments).values(**row).on_conflict_do_nothing()
    first = conn.execute(stmt.returning(assignments.c.session_id)).first() is not None
    stored = assigned(conn, experiment, session)
    assert stored is not None
    return stored, first


def name_tester(
    conn: sa.Connection, name: str, session: str, arm: str, rule: str, note: str | None, now: float
) -> None:
    """Sends a session to an arm, also one that the hash had sent elsewhere. Raises NotFound, Conflict."""
    _changeable(conn, name)
    values = {"arm": arm, "rule": rule, "note": note, "created_at": now}
    stmt = insert(conn, testers).values(experiment=name, session_id=session, **values)
    conn.execute(stmt.on_conflict_do_update(index_elements=["experiment", "session_id"], set_=values))
    _reassign(conn, name, session, ab_group=arm, rule=rule, counted=False)
    _touch(conn, name, now)


def forget_tester(conn: sa.Connection, name: str, session: str, now: float) -> None:
    """The hash decides again; the session stays left out, for it has seen what it was shown. Raises NotFound."""
    experiment = _experiment(_locked(conn, name))
    gone = conn.execute(sa.delete(testers).where(testers.c.experiment == name, testers.c.session_id == session))
    if not gone.rowcount:
        raise NotFound(f"{session!r} is no tester of {name}.", remedy="GET /api/v1/experiments lists them.")
    _reassign(conn, name, session, ab_group=group_of(experiment, session))
    _touch(conn, name, now)


def link_note(conn: sa.Connection, name: str, link: str) -> tuple[str, str | None] | None:
    """(arm, note) of a link that an operator made and did not take back."""
    stmt = sa.select(testers.c.arm, testers.c.note)
    row = conn.execute(stmt.where(testers.c.experiment == name, testers.c.session_id == link)).one_or_none()
    return (row.arm, row.note) if row else None


def _reassign(conn: sa.Connection, name: str, session: str, **values: Any) -> None:
    where = (assignments.c.experiment == name, assignments.c.session_id == session)
    conn.execute(sa.update(assignments).where(*where).values(**values))


def _touch(conn: sa.Connection, name: str, now: float) -> None:
    """Gateways forget the assignments that they hold when they see another time."""
    conn.execute(sa.update(experiments).where(experiments.c.id == name).values(changed_at=now))


# Changing one.


def change(
    conn: sa.Connection, name: str, share: float | None, action: str | None, note: str | None, now: float
) -> tuple[Experiment, list[str]]:
    """Sets the share of new sessions, or takes an action, or both. Raises NotFound, Conflict.

    Returns the experiment as it is now, and what of it is a change: each is a row of history.
    """
    found = _changeable(conn, name)
    values: dict[str, Any] = {}
    changes = []
    if share is not None and share != found.share:
        if found.ended:
            remedy = "Set another candidate to open a new one."
            raise Conflict(f"The experiment is {found.state}.", reason="experiment_state", remedy=remedy)
        values |= {"share": share, "stage": found.stage + 1}
        changes.append("share")
    if action is not None:
        values["state"] = state_after(found.state, action)
        changes.append(action)
    for what in changes:
        _note(conn, name, what, values.get("share", found.share), note, now)
    if changes:
        conn.execute(sa.update(experiments).where(experiments.c.id == name).values(changed_at=now, **values))
    return replace(found, changed_at=now, **values) if changes else found, changes


def _changeable(conn: sa.Connection, name: str) -> Experiment:
    row = _locked(conn, name)
    now = meta.get(conn, CURRENT)
    if now != name:
        remedy = f"The current experiment is {now}." if now else "Set a candidate to open one."
        raise Conflict(f"{name} is no longer the current experiment.", reason="experiment_over", remedy=remedy)
    return _experiment(row)


def _locked(conn: sa.Connection, name: str) -> sa.Row:
    row = conn.execute(sa.select(experiments).where(experiments.c.id == name).with_for_update()).one_or_none()
    if row is None:
        raise NotFound(f"There is no experiment {name[:64]!r}.", remedy="GET /api/v1/experiments lists them.")
    return row


# What an operator sees.


def items(conn: sa.Connection) -> list[Experiment]:
    """The newest experiments, newest first."""
    stmt = sa.select(experiments).order_by(experiments.c.created_at.desc(), experiments.c.id)
    return [_experiment(row) for row in conn.execute(stmt.limit(MOST_ITEMS))]


def history(conn: sa.Connection, name: str) -> list[dict[str, Any]]:
    """[{at, change, share, note}], newest first."""
    e = experiment_changes.c
    stmt = sa.select(e.created_at.label("at"), e.change, e.share, e.note).where(e.experiment == name)
    return [plain(row) for row in conn.execute(stmt.order_by(e.id.desc()).limit(MOST_CHANGES))]


def testers_of(conn: sa.Connection, name: str) -> list[dict[str, Any]]:
    """[{session, arm, rule, note, at}], newest first; a link that waits has a session like link:…"""
    t = testers.c
    columns = (t.session_id.label("session"), t.arm, t.rule, t.note, t.created_at.label("at"))
    stmt = sa.select(*columns).where(t.experiment == name).order_by(t.created_at.desc(), t.session_id)
    return [plain(row) for row in conn.execute(stmt.limit(MOST_TESTERS))]


# How the arms do: the counted searches of an experiment, as far back as MOST_SEARCHES of an arm.


def exposures(conn: sa.Connection, name: str) -> dict[str, int]:
    """How many counted sessions each arm has."""
    a = assignments.c
    some = sa.select(a.ab_group).where(a.experiment == name, a.counted.is_(True)).limit(MOST_COUNTED).subquery()
    rows = conn.execute(sa.select(some.c.ab_group, sa.func.count()).group_by(some.c.ab_group))
    return {row[0]: row[1] for row in rows}


def count_searches(conn: sa.Connection, name: str, groups: tuple[str, ...] = ARMS, counted: bool = True) -> int:
    s = searches.c
    where = (s.experiment == name, s.ab_group.in_(groups), s.counted.is_(counted))
    some = sa.select(sa.literal(1).label("one")).select_from(searches).where(*where).limit(MOST_COUNTED).subquery()
    return conn.execute(sa.select(sa.func.count()).select_from(some)).scalar_one()


def outcomes(conn: sa.Connection, name: str, group: str) -> list[sa.Row]:
    """(no_match, fallback, source, reason, total, first_token) of each search; the last two in ms."""
    s = searches.c
    columns = (
        s.no_match,
        s.arm["fallback"].as_string().label("fallback"),
        s.answer["source"].as_string().label("source"),
        s.answer["reason"].as_string().label("reason"),
        s.timings["total"].as_float().label("total"),
        s.timings["first_token"].as_float().label("first_token"),
    )
    return list(conn.execute(_newest(name, group, *columns)))


def satisfaction(conn: sa.Connection, name: str, group: str) -> tuple[int, float | None]:
    """(sessions that rated, mean over them of each session's share of good ratings: up, or four stars and more)."""
    recent = _newest(name, group, searches.c.id).subquery()
    good = sa.case(
        (feedback.c.rating == "up", 1.0),
        (sa.and_(feedback.c.rating.is_(None), feedback.c.score >= 4), 1.0),
        else_=0.0,
    )
    each = sa.select(sa.func.avg(good).label("share")).join_from(recent, feedback, feedback.c.search_id == recent.c.id)
    sessions = each.group_by(feedback.c.session_id).subquery()
    n, share = conn.execute(sa.select(sa.func.count(), sa.func.avg(sessions.c.share)).select_from(sessions)).one()
    return n, None if share is None else float(share)


def survey(conn: sa.Connection, name: str, group: str) -> tuple[int, float | None]:
    """(answers, their mean of 1 to 5)."""
    recent = _newest(name, group, searches.c.id).subquery()
    stmt = sa.select(sa.func.count(surveys.c.score), sa.func.avg(surveys.c.score))
    n, mean = conn.execute(stmt.join_from(recent, surveys, surveys.c.search_id == recent.c.id)).one()
    return n, None if mean is None else float(mean)


def _newest(name: str, group: str, *columns: sa.ColumnElement[Any]) -> sa.Select[Any]:
    s = searches.c
    where = (s.experiment == name, s.ab_group == group, s.counted.is_(True))
    return sa.select(*columns).where(*where).order_by(s.created_at.desc()).limit(MOST_SEARCHES)
