"""`/api/v1/pipeline`: runs of the training steps, started, followed, cancelled; and the files that they made."""

from __future__ import annotations

import hashlib
import pathlib
import time
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import FileResponse, Response
from pydantic import Field, StringConstraints
from toolscout import queue
from toolscout.catalogue import runs
from toolscout.errors import NotFound
from toolscout.queue import RUN_KINDS, RUN_STEPS, steps_of

from services.gateway.admin import need_admin
from services.gateway.api.forms import Form
from services.gateway.api.reply import reply
from services.gateway.state import Gateway, gateway_of

router = APIRouter(prefix="/api/v1/pipeline", tags=["pipeline"], dependencies=[Depends(need_admin)])

# What others may know of a step; the lease is its worker's own.
STEP = ("name", "state", "reason", "detail", "doing", "done", "total", "tries", "started_at", "ended_at")
REMAKE = "Run the step that makes it again, or the whole: POST /api/v1/pipeline/runs"

Name = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Names = Annotated[tuple[Name, ...], Field(max_length=50)]
# PostgreSQL does not even compare with what holds a NUL.
RunId = Annotated[str, Path(pattern=r"^[\w-]{1,64}$")]


class RunForm(Form):
    """Without `steps`, or with an empty list, all of them."""

    kind: Literal["crawl", "process", "train", "full"]
    steps: Names = ()
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    source: Literal["catalogue", "elasticsearch"] = "catalogue"


@router.get("")
async def pipeline(request: Request) -> Response:
    """Steps in their order, kinds of runs, whether there is a queue to wake a trainer by, and the next start."""
    gateway = gateway_of(request)

    def read() -> dict[str, Any]:
        with gateway.catalogue.read() as conn:
            following = runs.next_start(conn, gateway.settings, time.time())
        return {"steps": RUN_STEPS, "kinds": RUN_KINDS, "queue": gateway.celery is not None, "next": following}

    return reply(await gateway.in_thread(read))


@router.post("/runs", status_code=202)
async def start_run(form: RunForm, request: Request) -> Response:
    """Starts a run; 409 while another one is open. Without a queue it waits for the command that `waits_for` names."""
    gateway, names = gateway_of(request), steps_of(form.kind, form.steps)

    def start() -> dict[str, Any]:
        with gateway.catalogue.write() as conn:
            options = {"source": form.source}
            run_id = runs.create(conn, form.kind, names, form.seed, options, "operator", time.time())
        if gateway.celery:
            queue.wake_step(gateway.celery, run_id, names[0])
        return {"run_id": run_id, **_run(gateway, run_id)}

    return reply(await gateway.in_thread(start), 202)


@router.get("/runs")
async def list_runs(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    offset: Annotated[int, Query(ge=0, le=100_000)] = 0,
) -> Response:
    """Runs with their steps, newest first."""
    gateway = gateway_of(request)

    def read() -> dict[str, Any]:
        with gateway.catalogue.read() as conn:
            found, total = runs.recent(conn, limit, offset), runs.count(conn)
        return {"total": total, "items": [_shown(gateway, run) for run in found]}

    return reply(await gateway.in_thread(read))


@router.get("/runs/{run_id}")
async def one_run(run_id: RunId, request: Request) -> Response:
    """How far a run is: each step's state, progress, figures, what it left out and why, and its files."""
    gateway = gateway_of(request)
    return reply(await gateway.in_thread(_run, gateway, run_id))


@router.post("/runs/{run_id}/cancel")
async def cancel_run(run_id: RunId, request: Request) -> Response:
    """Ends what has not begun; a step at work stops at its next look. A run that has ended stays as it is."""
    gateway = gateway_of(request)

    def stop() -> dict[str, Any]:
        with gateway.catalogue.write() as conn:
            runs.cancel(conn, run_id, time.time())
        return _run(gateway, run_id)

    return reply(await gateway.in_thread(stop))


@router.get("/runs/{run_id}/artefacts/{step}/{name}")
async def artefact(run_id: RunId, step: str, name: str, request: Request) -> Response:
    """A file that a step made, as it made it; its sha256 is the ETag."""
    gateway = gateway_of(request)
    path, sha256 = await gateway.in_thread(_file, gateway, run_id, step, name)
    headers = {"ETag": f'"{sha256}"', "Cache-Control": "no-cache"}
    if headers["ETag"] in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return FileResponse(path, headers=headers, filename=name, media_type="application/octet-stream")


def _run(gateway: Gateway, run_id: str) -> dict[str, Any]:
    with gateway.catalogue.read() as conn:
        run = runs.get(conn, run_id)
    return _shown(gateway, run)


def _shown(gateway: Gateway, run: dict[str, Any]) -> dict[str, Any]:
    waits = run["state"] == runs.QUEUED and not gateway.celery
    return run | {
        "waits_for": f"toolscout train --resume {run['id']}" if waits else None,
        "steps": [_step(gateway, step) for step in run["steps"]],
    }


def _step(gateway: Gateway, step: dict[str, Any]) -> dict[str, Any]:
    found = {name: step[name] for name in STEP}
    found |= {"figures": step["figures"] or {}, "drops": step["drops"] or {}}
    made = step["artefacts"] or []
    return found | {"artefacts": [one | {"there": _below(gateway, one["path"]) is not None} for one in made]}


def _file(gateway: Gateway, run_id: str, step: str, name: str) -> tuple[pathlib.Path, str]:
    """Where an artefact lies, and its sha256. What the request says only picks a row; the path is the row's."""
    with gateway.catalogue.read() as conn:
        run = runs.get(conn, run_id)
    made = [one for found in run["steps"] if found["name"] == step for one in found["artefacts"] or []]
    one = next((one for one in made if one["name"] == name), None)
    if one is None:
        remedy = f"GET /api/v1/pipeline/runs/{run_id} lists them."
        raise NotFound(f"Step {step[:64]!r} of run {run_id} made no file {name[:64]!r}.", remedy=remedy)
    path = _below(gateway, one["path"])
    if path is None:
        raise NotFound(f"models/{one['path']} is gone.", reason="artefact_gone", remedy=REMAKE)
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != one["sha256"]:
            detail = f"models/{one['path']} has been changed since run {run_id} made it."
            raise NotFound(detail, reason="artefact_changed", remedy=REMAKE)
    return path, one["sha256"]


def _below(gateway: Gateway, path: str) -> pathlib.Path | None:
    """The file of a path from models/; None where there is none, or where it leads out of there."""
    models = gateway.settings.models_dir.resolve()
    found = (models / path).resolve()
    return found if found.is_relative_to(models) and found.is_file() else None
