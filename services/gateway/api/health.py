"""Whether the gateway lives, and whether it can do its work."""

from __future__ import annotations

from typing import Any

import redis.exceptions
from fastapi import APIRouter, Request
from fastapi.responses import Response
from toolscout import queue
from toolscout.catalogue import pages, tools

from services.gateway.api.reply import reply
from services.gateway.state import Gateway, gateway_of

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def alive() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@router.get("/readyz")
async def ready(request: Request) -> Response:
    """200 once the index has caught up and the catalogue answers; without the queue searches still work."""
    gateway = gateway_of(request)
    body = await gateway.in_thread(_state, gateway)
    return reply(body, 200 if body["ready"] else 503)


def _state(gateway: Gateway) -> dict[str, Any]:
    with gateway.catalogue.read() as conn:
        states = pages.counts(conn)
        rows = tools.counts(conn)
    follower = gateway.follower
    return {
        "ready": follower.ready.is_set(),
        "index": {"version": follower.index.version, "chunks": follower.index.ntotal},
        "pages": states,
        "tools": rows["tools"],
        "queue": _queue(gateway),
    }


def _queue(gateway: Gateway) -> dict[str, int] | str:
    if not gateway.celery:
        return "none"
    try:
        return queue.lengths(gateway.settings)
    except (redis.exceptions.RedisError, OSError):
        return "away"
