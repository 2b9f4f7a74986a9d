"""`/api/v1/survey`: the answer to the one question that visitors are asked now and then."""

from __future__ import annotations

import time
from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import Field
from toolscout import events, logs
from toolscout.catalogue import missed

from services.gateway.api.feedback import own_search
from services.gateway.api.forms import Form
from services.gateway.state import gateway_of

router = APIRouter(prefix="/api/v1", tags=["feedback"])


class SurveyForm(Form):
    search_id: Annotated[str, Field(min_length=1, max_length=64)]
    score: Annotated[int, Field(ge=1, le=5)] | None = None


@router.post("/survey", status_code=204)
async def survey(form: SurveyForm, request: Request) -> Response:
    """How well a search found what was needed, from 1 to 5; null: closed without an answer. The last one wins."""
    gateway, session = gateway_of(request), request.state.session

    def store() -> None:
        with gateway.catalogue.write() as conn:
            own_search(conn, form.search_id, session, None)
            missed.answer_survey(conn, form.search_id, session, form.score, time.time())

    await gateway.in_thread(store)
    logs.emit(events.SurveyAnswered(search_id=form.search_id, score=form.score))
    return Response(status_code=204)
