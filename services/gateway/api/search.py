"""`/api/v1/search`: results with highlights, and an answer with citations."""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response, StreamingResponse
from pydantic import ValidationError
from toolscout import context, events, logs
from toolscout.catalogue import searches
from toolscout.text import scrub

from services.gateway import answer as answers
from services.gateway.api.forms import MAX_OFFSET, MAX_QUERY, LinkFilters, SearchForm
from services.gateway.api.reply import reply
from services.gateway.retrieve import Found, Result, Retriever
from services.gateway.state import Gateway, gateway_of

router = APIRouter(prefix="/api/v1", tags=["search"])


@router.post("/search")
async def search(form: SearchForm, request: Request) -> Response:
    """Tools that fit a query, best first, each with the passages that say so, and an answer that cites them.

    With `stream` the same comes as server-sent events: `results`, `answer`, `done`.
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
    gateway = gateway_of(request)
    body = await gateway.in_thread(serve, gateway, form, request.state.session)
    if not form.stream:
        return reply(body)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_events(body), media_type="text/event-stream", headers=headers)


async def _events(body: dict[str, Any]) -> AsyncIterator[bytes]:
    yield _event("results", {key: value for key, value in body.items() if key != "answer"})
    if body["answer"] is not None:
        yield _event("answer", body["answer"])
    yield _event("done", {"search_id": body["search_id"], "timings_ms": body["timings_ms"]})


def _event(name: str, data: Any) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (name.encode(), orjson.dumps(data))


def serve(gateway: Gateway, form: SearchForm, session: str) -> dict[str, Any]:
    """Searches, answers, and commits the search before anybody sees it: feedback must find it. Returns the body."""
    start = time.perf_counter()
    index = gateway.index
    retriever = Retriever(gateway.catalogue, gateway.encoder, gateway.settings.no_match_score)
    found = retriever.find(index, form.query, form.limit, form.offset, form.filters.model_dump())
    answered = time.perf_counter()
    answer = _answer(form, found) if form.answer else None
    found.timings["answer"] = (time.perf_counter() - answered) * 1000
    search_id = uuid.uuid4().hex
    body = _body(search_id, found, answer)
    scrubbed = scrub(form.query)
    _store(gateway, form, scrubbed, session, found, body)
    body["timings_ms"]["total"] = round((time.perf_counter() - start) * 1000, 2)
    _tell(scrubbed, found, body)
    return body


def _answer(form: SearchForm, found: Found) -> dict[str, Any]:
    fits = found.results and not found.no_match
    answer = answers.extract(form.query, found.results) if fits else answers.nothing_fits(form.query)
    return asdict(answer)


def _body(search_id: str, found: Found, answer: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "search_id": search_id,
        "group": context.current().ab_group,
        "experiment": None,
        "results": [_result(result) for result in found.results],
        "no_match": found.no_match,
        "answer": answer,
        "timings_ms": {name: round(ms, 2) for name, ms in found.timings.items()},
    }


def _result(result: Result) -> dict[str, Any]:
    tool = result.tool
    return {
        "tool_id": tool.id,
        "name": tool.name,
        "url": tool.url,
        "summary": tool.summary,
        "category": tool.category,
        "pricing": tool.pricing,
        "score": round(result.score, 4),
        "highlights": [{"chunk_id": p.id, "url": p.url, "title": p.title, "text": p.text} for p in result.passages],
    }


def _store(gateway: Gateway, form: SearchForm, query: str, session: str, found: Found, body: dict[str, Any]) -> None:
    shown = [
        {"tool_id": r["tool_id"], "score": r["score"], "chunks": [h["chunk_id"] for h in r["highlights"]]}
        for r in body["results"]
    ]
    row = {
        "id": body["search_id"],
        "session_id": session,
        "created_at": time.time(),
        "ab_group": body["group"],
        "experiment": None,
        "query": query,
        "filters": {name: values for name, values in form.filters.model_dump().items() if values},
        "results": shown,
        "no_match": found.no_match,
        "answer": body["answer"],
        "index_version": found.index_version,
        "encoder": gateway.encoder.sha,
        "timings": body["timings_ms"],
    }
    with gateway.catalogue.write() as conn:
        searches.add(conn, row)


def _tell(query: str, found: Found, body: dict[str, Any]) -> None:
    answer = body["answer"] or {}
    logs.emit(
        events.SearchServed(
            search_id=body["search_id"],
            query=query,
            results=len(body["results"]),
            no_match=found.no_match,
            top_score=found.top_score,
            answer_source=answer.get("source"),
            grounded=answer.get("grounded"),
            citations=len(answer.get("citations", [])),
            index_version=found.index_version,
            ntotal=found.ntotal,
            latency_ms=body["timings_ms"]["total"],
            embed_ms=found.timings["embed"],
            retrieve_ms=found.timings["search"] + found.timings["hydrate"],
            answer_ms=found.timings["answer"],
            duration_ms=body["timings_ms"]["total"],
        )
    )
