"""Errors as RFC 9457 problem+json, each with a reason code and a remedy."""

from __future__ import annotations

import math
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from toolscout import context, events, logs
from toolscout.errors import InvalidInput, NotFound, ToolscoutError

MEDIA_TYPE = "application/problem+json"


def problem(error: ToolscoutError) -> Response:
    """The response that an error becomes."""
    body: dict[str, Any] = {
        "type": f"urn:toolscout:problem:{error.reason}",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "reason": error.reason,
        "remedy": error.remedy,
        "trace_id": context.current().trace_id,
        **error.extra,
    }
    headers = {}
    if "retry_after" in error.extra:
        headers["Retry-After"] = str(math.ceil(float(str(error.extra["retry_after"]))))
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    content = orjson.dumps(body, default=str)
    return Response(content, error.status, headers, MEDIA_TYPE)


def refuse(error: ToolscoutError) -> Response:
    """Logs a refusal and makes its response."""
    outcome = "failure" if error.status >= 500 else "success"
    logs.emit(events.InputRefused(reason=error.reason, status=error.status, error=error.detail[:500], outcome=outcome))
    return problem(error)


async def _ours(_: Request, error: Exception) -> Response:
    assert isinstance(error, ToolscoutError)
    return refuse(error)


async def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    # Only where and what: the input itself may be large or private.
    errors = [{"at": ".".join(str(part) for part in e["loc"]), "message": e["msg"]} for e in error.errors()[:20]]
    detail = "; ".join(f"{e['at']}: {e['message']}" for e in errors)[:1000]
    return refuse(InvalidInput(detail, errors=errors))


async def _http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        return refuse(NotFound("There is no such page.", remedy="See /docs for what there is."))
    refused = InvalidInput(str(error.detail), reason="http_error", remedy="See /docs for the form of this request.")
    refused.status = error.status_code
    response = refuse(refused)
    response.headers.update(error.headers or {})
    return response


def install(app: FastAPI) -> None:
    app.add_exception_handler(ToolscoutError, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
