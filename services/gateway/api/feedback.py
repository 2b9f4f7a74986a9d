"""Ratings and clicks: stored before the answer leaves."""

from __future__ import annotations

import time

import sqlalchemy as sa
from fastapi import APIRouter, Request
from fastapi.responses import Response
from toolscout import events, logs
from toolscout.catalogue import searches
from toolscout.errors import Forbidden, InvalidInput, NotFound
from toolscout.text import clean, scrub

from services.gateway.api.forms import ClickForm, FeedbackForm
from services.gateway.state import gateway_of

router = APIRouter(prefix="/api/v1", tags=["feedback"])


@router.post("/feedback", status_code=204)
async def feedback(form: FeedbackForm, request: Request) -> Response:
    """Rates an answer, or with `tool_id` one of its results. The last rating of a session wins."""
    gateway, session = gateway_of(request), request.state.session
    row = {
        "search_id": form.search_id,
        "session_id": session,
        "tool_id": form.tool_id or 0,
        "rating": form.rating,
        "score": form.score,
        "comment": scrub(clean(form.comment)).strip() if form.comment else None,
        "created_at": time.time(),
    }

    def store() -> None:
        with gateway.catalogue.write() as conn:
            own_search(conn, form.search_id, session, form.tool_id)
            searches.rate(conn, row)

    await gateway.in_thread(store)
    logs.emit(
        events.FeedbackReceived(search_id=form.search_id, rating=form.rating, score=form.score, tool_id=form.tool_id)
    )
    return Response(status_code=204)


@router.post("/click", status_code=204)
async def click(form: ClickForm, request: Request) -> Response:
    """Notes that a result was opened; `position` counts from 0."""
    gateway, session = gateway_of(request), request.state.session
    row = form.model_dump() | {"session_id": session, "created_at": time.time()}

    def store() -> None:
        with gateway.catalogue.write() as conn:
            own_search(conn, form.search_id, session, form.tool_id)
            searches.click(conn, row)

    await gateway.in_thread(store)
    logs.emit(events.ResultClicked(search_id=form.search_id, tool_id=form.tool_id, position=form.position))
    return Response(status_code=204)


def own_search(conn: sa.Connection, search_id: str, session: str, tool_id: int | None) -> None:
    """Only who searched may rate, and only what was shown."""
    row = searches.get(conn, search_id)
    if row is None:
        raise NotFound(f"There is no search {search_id!r}.", remedy="Use the search_id of a search's answer.")
    if row.session_id != session:
        raise Forbidden(
            "That search belongs to another session.",
            reason="foreign_session",
            remedy="Send the cookie toolscout_session, or the X-Session-ID, with which you searched.",
        )
    if tool_id is not None and tool_id not in {shown["tool_id"] for shown in row.results}:
        raise InvalidInput("That tool was not among the results.", reason="not_shown", remedy="Rate a result.")
