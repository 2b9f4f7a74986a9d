"""The gateway: HTTP API and web pages."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from toolscout import __version__, events, logs
from toolscout.settings import Settings

from services.gateway import problems
from services.gateway.api import (
    adapters,
    admin,
    experiments,
    feedback,
    health,
    missed,
    pipeline,
    process,
    search,
    survey,
    tools,
)
from services.gateway.arms import is_bot
from services.gateway.door import Door
from services.gateway.state import Gateway, gateway_of

WEB = Path(__file__).parent / "web"
# The page loads nothing from elsewhere and runs nothing inline.
PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'",
    "Cache-Control": "no-cache",
}


class _Static(StaticFiles):
    """Asked again each time (by ETag), so that no browser runs the scripts of an older version."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "no-cache"
        return response


async def _tester(request: Request, token: str) -> Response:
    """Opening a tester's link sends the visitor's session to its arm; a link that is worth nothing changes nothing."""
    gateway = gateway_of(request)
    # Who makes a preview of a link is no tester.
    if not is_bot(request.headers):
        await gateway.in_thread(gateway.arms.accept, token, request.state.session)
    return RedirectResponse("/", status_code=303, headers={"Cache-Control": "no-store"})


def create_app(settings: Settings) -> FastAPI:
    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        gateway = app.state.gateway = Gateway(settings)
        gateway.open()
        logs.emit(events.ServiceStarted())
        try:
            yield
        finally:
            await gateway.asker.close()
            gateway.close()
            logs.emit(events.ServiceStopped())

    app = FastAPI(title="Toolscout", version=__version__, lifespan=life, redoc_url=None)
    problems.install(app)
    app.add_middleware(Door, settings=settings)
    for part in (search, process, feedback, survey, tools, health, admin, experiments, missed, pipeline, adapters):
        app.include_router(part.router)

    @app.get("/", include_in_schema=False)
    async def page(request: Request, tester: str = "") -> Response:
        if tester:
            return await _tester(request, tester)
        return FileResponse(WEB / "index.html", headers=PAGE_HEADERS)

    @app.get("/admin", include_in_schema=False)
    @app.get("/admin/missed", include_in_schema=False)
    @app.get("/admin/pipeline", include_in_schema=False)
    @app.get("/admin/models", include_in_schema=False)
    async def operator() -> Response:
        return FileResponse(WEB / "admin.html", headers=PAGE_HEADERS)

    app.mount("/static", _Static(directory=WEB / "static"), name="static")
    return app
