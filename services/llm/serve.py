"""The ASGI app: OpenAI's chat completions, the list of models, and how the server is."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from toolscout import events, logs
from toolscout.adapters import POINTERS
from toolscout.errors import TooLarge, ToolscoutError
from toolscout.settings import Settings, cores
from toolscout.tokens import context

from services.llm.line import Job, Line
from services.llm.model import Model, Models
from services.llm.wire import (
    DONE,
    ChatRequest,
    Gone,
    Invalid,
    ModelFailed,
    NotJson,
    Piece,
    Reply,
    TooLong,
    UnknownModel,
    error_body,
    parse,
    sse,
)

log = logging.getLogger(__name__)

LOOK_S = 1.0
BODY_LIMIT = 256_000
PURPOSE, DESCRIBE = "x-toolscout-purpose", "describe"
LOOPBACK = ["127.0.0.1", "localhost"]


def threads(servers: int) -> int:
    """One core is left to searches; the servers of a machine share the others."""
    return max(1, (cores() - 1) // servers)


class Llm:
    """What one server process holds: the models, and the line of those who want something of them."""

    def __init__(self, settings: Settings, arm: str, servers: int = 1) -> None:
        limit = context(settings, embedded=True)
        self.models = Models(settings.models_dir / POINTERS[arm], threads(servers), limit)
        self.line = Line(settings.llm_queue)
        self.loop = asyncio.get_running_loop()

    async def work(self) -> None:
        """Runs one job after the other, until the line is closed."""
        while job := await self.line.next():
            started = time.monotonic()
            await asyncio.to_thread(_write, self.models.current, job, self.loop)
            self.line.done(time.monotonic() - started)

    def end_soon(self) -> None:
        """Ends all requests; from any thread and from a signal's handler."""
        self.loop.call_soon_threadsafe(self.line.close)

    async def follow(self) -> None:
        """Looks each second whether the adapter has changed."""
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                await asyncio.to_thread(self.models.look)
            except Exception:
                log.exception("the adapter can't be looked at")

    async def admit(self, request: ChatRequest) -> None:
        """Raises UnknownModel and TooLong."""
        model = self.models.current
        if request.model not in (None, "", "default", model.id):
            raise UnknownModel(f"There is no model {request.model[:100]!r} here, only {model.id!r}.")
        if (tokens := await asyncio.to_thread(model.count, request)) > model.limit:
            raise TooLong(f"This model takes prompts of at most {model.limit} tokens; this one has {tokens}.")


def _write(model: Model, job: Job, loop: asyncio.AbstractEventLoop) -> None:
    """Has the model write, in a thread; what it writes goes to the event loop."""

    def heard(piece: Piece) -> bool:
        if not piece.empty and not job.stopped:
            loop.call_soon_threadsafe(job.said.put_nowait, piece)
        return job.stopped is not None

    end: ToolscoutError | None = None
    job.model = model.id
    try:
        model.write(job.request, job.background, heard)
    except ToolscoutError as error:
        end = error
    except Exception:
        log.exception("the model failed")
        end = ModelFailed()
    loop.call_soon_threadsafe(job.said.put_nowait, end)


async def chat(request: Request) -> Response:
    llm: Llm = request.app.state.llm
    wanted = parse(await _body(request))
    await llm.admit(wanted)
    job = Job(wanted, background=request.headers.get(PURPOSE, "").strip().lower() == DESCRIBE)
    llm.line.join(job)
    try:
        return await _unless_gone(request, _reply(request, job))
    except BaseException:
        llm.line.stop(job, Gone())
        raise


async def _body(request: Request) -> bytes:
    """Raises NotJson and TooLarge. A browser sends JSON elsewhere only with a permission that nobody gives here."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise NotJson()
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > BODY_LIMIT:
            raise TooLarge(f"A request has at most {BODY_LIMIT} bytes.")
    return bytes(body)


async def _unless_gone(request: Request, reply: Coroutine[Any, Any, Response]) -> Response:
    """The reply, unless the client leaves before it begins: then raises Gone."""
    work = asyncio.ensure_future(reply)
    gone = asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            raise Gone()
        return work.result()
    finally:
        work.cancel()
        gone.cancel()


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _reply(request: Request, job: Job) -> Response:
    """Nothing is sent before the first piece, so that until then an error has its own status."""
    first = await _piece(job)
    reply = Reply(job.model)
    if job.request.stream:
        return StreamingResponse(_stream(request, job, reply, first), media_type="text/event-stream")
    piece = first
    while piece:
        reply.add(piece)
        piece = await _piece(job)
    return _json(reply.whole())


async def _piece(job: Job) -> Piece | None:
    """The next piece; None at the end. Raises why it ended early."""
    said = await job.said.get()
    if isinstance(said, ToolscoutError):
        raise said
    return said


async def _stream(request: Request, job: Job, reply: Reply, first: Piece | None) -> AsyncIterator[bytes]:
    piece = first
    try:
        while piece:
            if not piece.usage or job.request.wants_usage:
                yield reply.chunk(piece, first=piece is first)
            piece = await _piece(job)
        yield DONE
    except ToolscoutError as error:
        request.state.reason = error.reason
        yield sse(error_body(error))
    except BaseException:
        # The client has left: Starlette ends this generator.
        request.app.state.llm.line.stop(job, Gone())
        request.state.reason = Gone.reason
        raise


async def models(request: Request) -> Response:
    model: Model = request.app.state.llm.models.current
    listed = {"id": model.id, "object": "model", "created": model.created, "owned_by": "toolscout"}
    return _json({"object": "list", "data": [listed]})


async def health(request: Request) -> Response:
    llm: Llm = request.app.state.llm
    model, error = llm.models.current, llm.models.error
    status = "stopping" if llm.line.closed else "degraded" if error else "ok"
    found: dict[str, Any] = {"status": status, "model": model.id, "adapter": model.adapter and model.adapter.id}
    found |= {"waiting": len(llm.line.waiting), "running": int(llm.line.running is not None)}
    return _json(found | ({"error": error} if error else {}))


def _json(document: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(orjson.dumps(document), status, headers, "application/json")


def _refuse(request: Request, error: Exception) -> Response:
    if not isinstance(error, ToolscoutError):
        error = _as_ours(error)
    request.state.reason = error.reason
    headers = {"Retry-After": str(error.extra["retry_after"])} if "retry_after" in error.extra else None
    return _json(error_body(error), error.status, headers)


def _as_ours(error: Exception) -> ToolscoutError:
    if not isinstance(error, HTTPException):
        return ModelFailed()
    found = Invalid(str(error.detail), reason="http_error")
    found.status = error.status_code
    return found


class _Visits:
    """One event for each request that wants something done, when it has ended."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        started, status = time.monotonic(), 500
        state = scope.setdefault("state", {})

        async def sending(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self.app(scope, receive, sending)
        finally:
            logs.emit(
                events.RequestServed(
                    method="POST",
                    route=scope["path"][:200],
                    status=status,
                    reason=state.get("reason"),
                    outcome="failure" if status >= 500 else "success",
                    duration_ms=(time.monotonic() - started) * 1000,
                )
            )


@contextmanager
def announced(file: Path, address: str) -> Iterator[None]:
    """Notes the address for the other processes of this machine while the server serves."""
    file.parent.mkdir(parents=True, exist_ok=True)
    new = file.with_name(f"{file.name}.{os.getpid()}")
    new.write_text(address, encoding="utf-8")
    new.replace(file)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            # A successor may have written its own meanwhile.
            if file.read_text(encoding="utf-8") == address:
                file.unlink()


def create_app(settings: Settings, arm: str, address: str, servers: int = 1, hosts: list[str] = LOOPBACK) -> Starlette:
    """`hosts`: names under which it may be asked, so that no web page reaches it by a name of its own."""

    @asynccontextmanager
    async def life(app: Starlette) -> AsyncIterator[None]:
        llm = app.state.llm = Llm(settings, arm, servers)
        work, follow = asyncio.create_task(llm.work()), asyncio.create_task(llm.follow())
        with announced(settings.llm_file(arm), address):
            logs.emit(events.ServiceStarted())
            yield
        llm.line.close()
        follow.cancel()
        await work
        logs.emit(events.ServiceStopped())

    return Starlette(
        routes=[
            Route("/v1/chat/completions", chat, methods=["POST"]),
            Route("/v1/models", models),
            Route("/health", health),
        ],
        middleware=[Middleware(_Visits), Middleware(TrustedHostMiddleware, allowed_hosts=hosts)],
        exception_handlers={ToolscoutError: _refuse, HTTPException: _refuse, Exception: _refuse},
        lifespan=life,
    )
