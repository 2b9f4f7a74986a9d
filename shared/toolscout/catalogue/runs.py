"""Runs of the pipeline: their steps one after the other, each held by a lease, resumable and cancellable."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from toolscout.catalogue.engine import lock, plain
from toolscout.catalogue.tables import feedback, run_steps, runs
from toolscout.errors import Conflict, LostLease, NotFound
from toolscout.settings import DAY, Settings

QUEUED, RUNNING, DONE, FAILED, CANCELLED, SKIPPED = "queued", "running", "done", "failed", "cancelled", "skipped"
OPEN = (QUEUED, RUNNING)
# Whoever killed its worker so often would go on doing so.
MOST_TRIES = 3
_S = run_steps.c


def create(
    conn: sa.Connection, kind: str, steps: Sequence[str], seed: int, options: dict[str, Any], asked_by: str, now: float
) -> str:
    """A new run; returns its id. Raises Conflict while another one is open: two would fight for the machine."""
    lock(conn, ["runs"])
    other = conn.execute(sa.select(runs.c.id).where(runs.c.state.in_(OPEN)).limit(1)).scalar()
    if other:
        remedy = f"Wait for its end, or cancel it: toolscout train --cancel {other}"
        raise Conflict(f"Run {other} has not ended yet.", reason="run_open", remedy=remedy)
    run_id = uuid.uuid4().hex[:12]
    values = {"id": run_id, "kind": kind, "state": QUEUED, "seed": seed, "options": options, "asked_by": asked_by}
    conn.execute(sa.insert(runs).values(created_at=now, **values))
    rows = [
        {"run_id": run_id, "name": name, "position": n, "state": QUEUED, "updated_at": now}
        for n, name in enumerate(steps)
    ]
    conn.execute(sa.insert(run_steps), rows)
    return run_id


def get(conn: sa.Connection, run_id: str) -> dict[str, Any]:
    """The run with its `steps` in order. Raises NotFound."""
    found = conn.execute(sa.select(runs).where(runs.c.id == run_id)).one_or_none()
    if found is None:
        raise NotFound(f"There is no run {run_id[:64]!r}.", remedy="GET /api/v1/pipeline/runs lists them.")
    return _with_steps(conn, [found])[0]


def recent(conn: sa.Connection, limit: int = 20, offset: int = 0) -> list[dict[str, Any]]:
    """Runs with their steps, newest first."""
    stmt = sa.select(runs).order_by(runs.c.created_at.desc(), runs.c.id).limit(limit).offset(offset)
    return _with_steps(conn, list(conn.execute(stmt)))


def count(conn: sa.Connection) -> int:
    return conn.execute(sa.select(sa.func.count()).select_from(runs)).scalar_one()


def _with_steps(conn: sa.Connection, found: Sequence[sa.Row]) -> list[dict[str, Any]]:
    out = {row.id: plain(row) | {"steps": []} for row in found}
    stmt = sa.select(run_steps).where(_S.run_id.in_(list(out))).order_by(_S.position)
    for row in conn.execute(stmt):
        step = plain(row)
        out[step.pop("run_id")]["steps"].append(step)
    return list(out.values())


def next_start(conn: sa.Connection, settings: Settings, now: float) -> dict[str, Any]:
    """When a training run starts by itself: {due, at, ratings, of}; `at` is None where no day is set or nothing rated.

    It is due when `ratings` new ones have reached `of`, or at `at`: some days after the last run or the first rating.
    """
    last = conn.execute(sa.select(sa.func.max(runs.c.created_at)).where(runs.c.kind.in_(("train", "full")))).scalar()
    stmt = sa.select(sa.func.count(), sa.func.min(feedback.c.created_at)).where(feedback.c.created_at > (last or 0.0))
    ratings, first = conn.execute(stmt).one()
    days, of = settings.pipeline_days, settings.pipeline_ratings
    at = (last or first) + days * DAY if days and ratings else None
    return {"due": bool(ratings) and (0 < of <= ratings or (at is not None and at <= now)), "at": at} | {
        "ratings": ratings,
        "of": of,
    }


def next_step(conn: sa.Connection, run_id: str) -> str | None:
    """The first step that has not ended; None when there is none left."""
    stmt = sa.select(_S.name).where(_S.run_id == run_id, _S.state.in_(OPEN)).order_by(_S.position).limit(1)
    return conn.execute(stmt).scalar()


def claim(conn: sa.Connection, run_id: str, name: str, owner: str, now: float, lease_s: float) -> dict[str, Any] | None:
    """Takes the step, if it is its turn and nobody works on it; its run's row with `step`.

    A step whose workers died MOST_TRIES times fails as poison.
    """
    lock(conn, [f"run {run_id}"])
    run = get(conn, run_id)
    step = next((step for step in run["steps"] if step["name"] == name), None)
    if step is None or next_step(conn, run_id) != name or run["cancel_at"]:
        return None
    if step["state"] == RUNNING and step["lease_until"] > now:
        return None
    if step["tries"] >= MOST_TRIES:
        _end(conn, run_id, name, {"state": FAILED, "reason": "poison", "detail": "its worker died each time"}, now)
        return None
    held = {"state": RUNNING, "lease_owner": owner, "lease_until": now + lease_s, "tries": step["tries"] + 1}
    started = {"started_at": step["started_at"] or now, "updated_at": now}
    conn.execute(_one(run_id, name).values(**held, **started))
    conn.execute(sa.update(runs).where(runs.c.id == run_id).values(state=RUNNING))
    return run | {"step": step | held}


def renew(conn: sa.Connection, run_id: str, name: str, owner: str, now: float, lease_s: float, **progress: Any) -> bool:
    """Keeps the lease, notes {doing, done, total}; whether somebody asked for the run's end. Raises LostLease."""
    stmt = _one(run_id, name).where(_S.lease_owner == owner, _S.state == RUNNING)
    if not conn.execute(stmt.values(lease_until=now + lease_s, updated_at=now, **progress)).rowcount:
        raise LostLease(f"Another worker has taken over {name} of run {run_id}.")
    return conn.execute(sa.select(runs.c.cancel_at).where(runs.c.id == run_id)).scalar() is not None


def finish(conn: sa.Connection, run_id: str, name: str, owner: str, values: dict[str, Any], now: float) -> None:
    """Writes a step's end, {state, reason, detail, figures, drops, artefacts}; what it leaves undone ends its run.

    Raises LostLease where another worker has taken over.
    """
    lock(conn, [f"run {run_id}"])
    held = conn.execute(sa.select(_S.lease_owner).where(_S.run_id == run_id, _S.name == name)).scalar()
    if held != owner:
        raise LostLease(f"Another worker has taken over {name} of run {run_id}.")
    _end(conn, run_id, name, values, now)


def release(conn: sa.Connection, run_id: str, name: str, owner: str, now: float) -> None:
    """Gives a step back unfinished, for whoever comes next."""
    stmt = _one(run_id, name).where(_S.lease_owner == owner)
    conn.execute(stmt.values(state=QUEUED, lease_owner=None, lease_until=None, updated_at=now))


def cancel(conn: sa.Connection, run_id: str, now: float) -> None:
    """Ends what has not begun at once; a step that runs stops at its next look. An ended run stays as it is."""
    lock(conn, [f"run {run_id}"])
    get(conn, run_id)
    conn.execute(sa.update(runs).where(runs.c.id == run_id, runs.c.state.in_(OPEN)).values(cancel_at=now))
    waiting = sa.update(run_steps).where(_S.run_id == run_id, _S.state == QUEUED)
    dead = sa.update(run_steps).where(_S.run_id == run_id, _S.state == RUNNING, _S.lease_until <= now)
    # Without an owner, so that a worker thought dead can write nothing when it comes back.
    over = {"lease_owner": None, "lease_until": None, "doing": None, "ended_at": now, "updated_at": now}
    for stmt in (waiting, dead):
        conn.execute(stmt.values(state=CANCELLED, reason="cancelled", **over))
    _settle(conn, run_id, now)


def standing_still(conn: sa.Connection, now: float, patience_s: float) -> list[str]:
    """Open runs of which no step is being worked on, though one could be."""
    busy = sa.select(_S.run_id).where(_S.state == RUNNING, _S.lease_until > now)
    young = sa.select(_S.run_id).where(_S.updated_at > now - patience_s)
    stmt = sa.select(runs.c.id).where(runs.c.state.in_(OPEN), runs.c.id.not_in(busy), runs.c.id.not_in(young))
    found = list(conn.execute(stmt.order_by(runs.c.created_at)).scalars())
    for run_id in [run["id"] for run in _with_steps(conn, _cancelled(conn, found))]:
        cancel(conn, run_id, now)
        found.remove(run_id)
    if found:
        conn.execute(sa.update(run_steps).where(_S.run_id.in_(found), _S.state.in_(OPEN)).values(updated_at=now))
    return found


def _cancelled(conn: sa.Connection, ids: Sequence[str]) -> list[sa.Row]:
    return list(conn.execute(sa.select(runs).where(runs.c.id.in_(ids), runs.c.cancel_at.is_not(None))))


def artefact(conn: sa.Connection, step: str, name: str, run_id: str = "") -> dict[str, Any] | None:
    """{name, path, rows, bytes, sha256, run_id} that a step has made: in this run, else in the newest one that has."""
    stmt = sa.select(_S.artefacts, _S.run_id, _S.ended_at).where(_S.name == step, _S.state == DONE)
    rows = conn.execute(stmt.order_by((_S.run_id == run_id).desc(), _S.ended_at.desc()))
    for row in rows:
        for one in row.artefacts or []:
            if one["name"] == name:
                return one | {"run_id": row.run_id}
    return None


def _one(run_id: str, name: str) -> sa.Update:
    return sa.update(run_steps).where(_S.run_id == run_id, _S.name == name)


def _end(conn: sa.Connection, run_id: str, name: str, values: dict[str, Any], now: float) -> None:
    over = {"lease_owner": None, "lease_until": None, "doing": None, "ended_at": now, "updated_at": now}
    conn.execute(_one(run_id, name).values(**over, **values))
    if values["state"] in (FAILED, CANCELLED):
        rest = sa.update(run_steps).where(_S.run_id == run_id, _S.state == QUEUED)
        state, reason = (CANCELLED, "cancelled") if values["state"] == CANCELLED else (SKIPPED, f"{name}_failed")
        conn.execute(rest.values(state=state, reason=reason, ended_at=now, updated_at=now))
    _settle(conn, run_id, now)


def _settle(conn: sa.Connection, run_id: str, now: float) -> None:
    """Ends the run when its last step has."""
    states = set(conn.execute(sa.select(_S.state).where(_S.run_id == run_id)).scalars())
    if states & set(OPEN):
        return
    state = next((state for state in (FAILED, CANCELLED) if state in states), DONE)
    conn.execute(sa.update(runs).where(runs.c.id == run_id, runs.c.state.in_(OPEN)).values(state=state, ended_at=now))
