"""`/api/v1/experiments`: the arms side by side, steered by the operator."""

from __future__ import annotations

import time
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import Field, StringConstraints, model_validator
from toolscout import events, logs, pointers
from toolscout.catalogue import experiments
from toolscout.experiments import PROMOTED, Experiment
from toolscout.text import clean

from services.gateway.admin import need_admin
from services.gateway.api.forms import Form
from services.gateway.api.reply import reply
from services.gateway.state import Gateway, gateway_of

router = APIRouter(prefix="/api/v1/experiments", tags=["experiments"], dependencies=[Depends(need_admin)])

Note = Annotated[str, Field(max_length=500)]


class ExperimentForm(Form):
    share: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] | None = None
    action: Literal["pause", "resume", "promote", "rollback"] | None = None
    note: Note | None = None

    @model_validator(mode="after")
    def _says_something(self) -> ExperimentForm:
        if self.share is None and self.action is None:
            raise ValueError("give share, action or both")
        return self


class TesterForm(Form):
    """With `session`, that one; without, a link for whoever opens it."""

    arm: Literal["stable", "candidate"]
    session: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:-]{1,80}$")] | None = None
    note: Note | None = None


@router.get("")
async def list_experiments(request: Request) -> Response:
    """The newest experiments, newest first, with live figures, history and testers."""
    gateway = gateway_of(request)

    def read() -> dict[str, Any]:
        with gateway.catalogue.read() as conn:
            found, current = experiments.items(conn), experiments.current(conn)
        return {"items": [_item(gateway, one, current) for one in found]}

    return reply(await gateway.in_thread(read))


@router.put("/{name}")
async def change_experiment(name: str, form: ExperimentForm, request: Request) -> Response:
    """Sets the share of new sessions, or takes an action; every gateway follows within a second."""
    gateway, note = gateway_of(request), _cleaned(form.note)

    def change() -> dict[str, Any]:
        with gateway.catalogue.write() as conn:
            before = experiments.state_of(conn, name)
            found, changes = experiments.change(conn, name, form.share, form.action, note, time.time())
        if not gateway.settings.llm_api_base_new_model:
            _move_pointers(gateway, changes, before)
        gateway.arms.forget()
        for what in changes:
            logs.emit(events.ExperimentChanged(experiment=name, change=what, share=found.share, note=note))
        return _item(gateway, found, found)

    return reply(await gateway.in_thread(change))


@router.post("/{name}/testers", status_code=201)
async def add_tester(name: str, form: TesterForm, request: Request) -> Response:
    """Sends a session to an arm, or makes a link (`url`) that does; both are left out of the figures."""
    gateway, note = gateway_of(request), _cleaned(form.note)

    def add() -> dict[str, Any]:
        if form.session is None:
            url, link = gateway.arms.link(name, form.arm, note)
            return {"url": url, "session": link}
        with gateway.catalogue.write() as conn:
            experiments.name_tester(conn, name, form.session, form.arm, experiments.LISTED, note, time.time())
        gateway.arms.forget()
        return {"url": None, "session": form.session}

    return reply(await gateway.in_thread(add), 201)


@router.delete("/{name}/testers/{session}", status_code=204)
async def remove_tester(name: str, session: str, request: Request) -> Response:
    """Ends it for a session, or for a link that nobody shall open any more."""
    gateway = gateway_of(request)

    def remove() -> None:
        with gateway.catalogue.write() as conn:
            experiments.forget_tester(conn, name, session, time.time())
        gateway.arms.forget()

    await gateway.in_thread(remove)
    return Response(status_code=204)


def _move_pointers(gateway: Gateway, changes: list[str], before: str | None) -> None:
    """What the adapters' pointers name from here on. A candidate at an address of its own has none."""
    models = gateway.settings.models_dir
    if "promote" in changes:
        pointers.promote(models)
    elif "rollback" in changes:
        pointers.roll_back(models, promoted=before == PROMOTED)


def _cleaned(note: str | None) -> str | None:
    return (clean(note).strip() or None) if note else None


def _item(gateway: Gateway, found: Experiment, current: Experiment | None) -> dict[str, Any]:
    is_current = current is not None and current.id == found.id
    with gateway.catalogue.read() as conn:
        history, testers = experiments.history(conn, found.id), experiments.testers_of(conn, found.id)
    return {
        "id": found.id,
        "share": found.share,
        "state": found.state,
        "stage": found.stage,
        "created_at": found.created_at,
        "changed_at": found.changed_at,
        "current": is_current,
        "arms": found.arms,
        "live": gateway.live.figures(found.id, current=is_current),
        "history": history,
        "testers": testers,
    }
