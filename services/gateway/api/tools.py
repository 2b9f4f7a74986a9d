"""`/api/v1/tools`: the catalogue, with facets, and one tool with where each field was read."""

from __future__ import annotations

from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Query, Request
from fastapi import Path as PathParam
from fastapi.responses import Response
from toolscout.catalogue import tools
from toolscout.catalogue.engine import plain
from toolscout.errors import NotFound

from services.gateway.api.forms import LinkFilters
from services.gateway.api.reply import reply
from services.gateway.state import gateway_of

router = APIRouter(prefix="/api/v1", tags=["tools"])

FIELDS = ("name", "url", "summary", "summary_en", "category", "pricing", "platforms", "languages")
LISTS = ("features", "use_cases")


@router.get("/tools")
async def list_tools(
    request: Request,
    filters: LinkFilters,
    q: Annotated[str, Query(max_length=200)] = "",
    offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> Response:
    """Tools by name, how many match, and how they spread over categories and prices."""
    gateway = gateway_of(request)

    def read() -> dict[str, Any]:
        with gateway.catalogue.read() as conn:
            total, rows, facets = tools.page(conn, filters, q.strip(), offset, limit)
        return {"total": total, "offset": offset, "items": [_short(row) for row in rows], "facets": facets}

    return reply(await gateway.in_thread(read))


@router.get("/tools/{tool_id}")
async def one_tool(tool_id: Annotated[int, PathParam(ge=1, lt=2**63)], request: Request) -> Response:
    """One tool: its fields, the source of each, and its pages."""
    gateway = gateway_of(request)

    def read() -> dict[str, Any]:
        with gateway.catalogue.read() as conn:
            row = tools.get(conn, tool_id)
            if row is None:
                raise NotFound(f"There is no tool {tool_id}.", remedy="GET /api/v1/tools lists them.")
            pages = tools.pages_of(conn, tool_id)
        found = [plain(page) for page in pages]
        return _short(row) | {"site": row.site, "sources": row.sources, "pages": found}

    return reply(await gateway.in_thread(read))


def _short(row: sa.Row) -> dict[str, Any]:
    fields = {name: getattr(row, name) for name in FIELDS} | {name: getattr(row, name) or [] for name in LISTS}
    return {"tool_id": row.id} | fields
