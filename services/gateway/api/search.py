"""`/api/v1/search`: results with highlights, and an answer with citations."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import aclosing
from typing import Annotated, Any, TypeVar

import orjson
from fastapi import APIRouter, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response, StreamingResponse
from pydantic import ValidationError
from toolscout import context

from services.gateway.admin import is_admin
from services.gateway.api.forms import MAX_OFFSET, MAX_QUERY, LinkFilters, SearchForm
from services.gateway.api.reply import reply
from services.gateway.arms import is_bot
from services.gateway.door import network_of
from services.gateway.state import gateway_of
from services.gateway.turn import Turn

T = TypeVar("T")
# How often a request that waits is looked after: whoever left costs a model no further work.
LOOK_S = 0.25
HEARTBEAT_S = 5.0

router = APIRouter(prefix="/api/v1", tags=["search"])


@router.post("/search")
async def search(form: SearchForm, request: Request) -> Response:
    """Tools that fit a query, best first, each with the passages that say so, and an answer that cites them.

    With `stream` the same comes as server-sent events: `results` at once, `token` as a model writes, `answer` (which
    stands for the tokens), `done`.
    """
    return await _serve(form, request)


@router.get("/search")
async def search_by_link(
    request: Request,
    filters: LinkFilters,
    q: Annotated[str, Query(max_length=MAX_QUERY)],
    limit: Annotated[int, Query(ge=1, le=50)] = 10,
    offset: Annotated[int, Query(ge=0, le=MAX_OFFSET)] = 0,
    answer: bool = True,
    stream: bool = False,
) -> Response:
    """The same by a link: `?q=`."""
    form = {"query": q, "limit": limit, "offset": offset, "filters": filters, "answer": answer, "stream": stream}
    return await _serve(checked(form), request)


def checked(form: dict[str, Any]) -> SearchForm:
    """Validates what came in a link like a body. Raises FastAPI's RequestValidationError."""
    try:
        return SearchForm.model_validate(form)
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from error


async def _serve(form: SearchForm, request: Request) -> Response:
    gateway, session = gateway_of(request), request.state.session
    bot, keyed = is_bot(request.headers), await is_admin(request)
    exposure = await gateway.in_thread(gateway.arms.expose, session, bot=bot, keyed=keyed)
    context.join(exposure.group)
    network = network_of(request.client.host, gateway.secret) if request.client else None
    turn = Turn(gateway, form, session, exposure, network)
    if not form.stream:
        return reply(await _unless_gone(request, turn.body()))
    gateway.index  # noqa: B018 - not ready is an error while there can still be one
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_events(turn), media_type="text/event-stream", headers=headers)


async def _events(turn: Turn) -> AsyncGenerator[bytes, None]:
    """The turn as server-sent events; while a model is silent, a line that shows that somebody is there."""
    async with aclosing(turn.run()) as said:
        waited = asyncio.ensure_future(anext(said, None))
        try:
            while True:
                if not (await asyncio.wait([waited], timeout=HEARTBEAT_S))[0]:
                    yield b": writing\n\n"
                    continue
                if (event := waited.result()) is None:
                    return
                yield b"event: %s\ndata: %s\n\n" % (event[0].encode(), orjson.dumps(event[1]))
                waited = asyncio.ensure_future(anext(said, None))
        finally:
            # A generator that still runs can't be closed.
            waited.cancel()
            await asyncio.gather(waited, return_exceptions=True)


async def _unless_gone(request: Request, work: Coroutine[Any, Any, T]) -> T | None:
    """Ends the work, and with it the model's, when nobody waits for it any more; then returns None."""
    task = asyncio.ensure_future(work)
    try:
        while not (await asyncio.wait([task], timeout=LOOK_S))[0]:
            if await request.is_disconnected():
                return None
        return task.result()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
