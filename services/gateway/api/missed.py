"""`/api/v1/missed`: questions that were answered badly, like ones together, and what they should have found."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import Field, model_validator
from toolscout import events, logs
from toolscout.catalogue import missed, tools
from toolscout.errors import InvalidInput, NotFound
from toolscout.submit import wanted
from toolscout.text import clean

from services.gateway.admin import need_admin
from services.gateway.api.forms import MAX_COMMENT, Form
from services.gateway.api.reply import reply
from services.gateway.state import Gateway, gateway_of

router = APIRouter(prefix="/api/v1/missed", tags=["missed"], dependencies=[Depends(need_admin)])

MAX_SEARCHES, MAX_RESULTS = 20, 5
Group = list[sa.Row]


class MarkForm(Form):
    verdict: Literal["should_find", "no_such_tool", "wrong_answer"]
    tool_id: Annotated[int, Field(ge=1, lt=2**63)] | None = None
    url: Annotated[str, Field(min_length=1, max_length=4096)] | None = None
    note: Annotated[str, Field(max_length=MAX_COMMENT)] | None = None

    @model_validator(mode="after")
    def _names_what(self) -> MarkForm:
        named = self.tool_id is not None or self.url is not None
        if self.verdict == "should_find" and not named:
            raise ValueError("should_find needs tool_id or url")
        if self.verdict == "no_such_tool" and named:
            raise ValueError("no_such_tool goes without tool_id and url")
        return self


@router.get("")
async def list_missed(
    request: Request,
    state: Literal["open", "marked"] = "open",
    offset: Annotated[int, Query(ge=0, le=10_000)] = 0,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> Response:
    """Groups of like questions, the most frequent first, with what each visitor saw."""
    gateway = gateway_of(request)

    def read() -> dict[str, Any]:
        groups = _open(gateway) if state == "open" else _marked(gateway)
        page = dict(list(groups.items())[offset : offset + limit])
        return {"total": len(groups), "groups": _shown(gateway, page)}

    return reply(await gateway.in_thread(read))


@router.put("/{group}")
async def mark(group: str, form: MarkForm, request: Request) -> Response:
    """Says of every question of a group what it should have found; returns the group."""
    gateway = gateway_of(request)
    url = wanted(form.url, gateway.guard, strict=True).url if form.url is not None else None
    note = (clean(form.note).strip() or None) if form.note else None
    values = {"verdict": form.verdict, "tool_id": form.tool_id, "url": url, "note": note}

    def store() -> dict[str, Any]:
        rows = _marked(gateway, group).get(group) or _open(gateway).get(group)
        if not rows:
            raise _no_such_group(group)
        with gateway.catalogue.write() as conn:
            if form.tool_id is not None and tools.get(conn, form.tool_id) is None:
                remedy = "GET /api/v1/tools lists them; or give the url of its page."
                raise InvalidInput(f"There is no tool {form.tool_id}.", reason="unknown_tool", remedy=remedy)
            missed.mark(conn, group, [row.id for row in rows], values, time.time())
        ids = [row.id for row in rows]
        logs.emit(events.QuestionMarked(search_id=group, verdict=form.verdict, tool_id=form.tool_id, search_ids=ids))
        return _shown(gateway, {group: rows})[0]

    return reply(await gateway.in_thread(store))


@router.delete("/{group}", status_code=204)
async def unmark(group: str, request: Request) -> Response:
    """Takes back what was said: the questions are open again."""
    gateway = gateway_of(request)

    def take_back() -> None:
        with gateway.catalogue.write() as conn:
            if not missed.unmark(conn, group):
                raise _no_such_group(group)
        logs.emit(events.QuestionMarked(search_id=group, verdict="taken_back"))

    await gateway.in_thread(take_back)
    return Response(status_code=204)


def _no_such_group(group: str) -> NotFound:
    return NotFound(f"There is no group {group[:64]!r}.", remedy="GET /api/v1/missed lists them as they are now.")


def _open(gateway: Gateway) -> dict[str, Group]:
    """Missed searches without a mark by the id of their group's leader, the oldest of it."""
    with gateway.catalogue.read() as conn:
        rows = missed.open_searches(conn)[::-1]
    leaders = gateway.likeness.leaders([row.query for row in rows])
    groups: dict[str, Group] = {}
    for row, leader in zip(rows, leaders, strict=True):
        groups.setdefault(rows[leader].id, []).append(row)
    newest_first = dict(reversed([(name, group[::-1]) for name, group in groups.items()]))
    return dict(sorted(newest_first.items(), key=lambda item: -len(item[1])))


def _marked(gateway: Gateway, group: str | None = None) -> dict[str, Group]:
    """Marked searches by group, the last marked first."""
    with gateway.catalogue.read() as conn:
        rows = missed.marked_searches(conn, group)
    groups: dict[str, Group] = {}
    for row in rows:
        groups.setdefault(row.group_id, []).append(row)
    return groups


def _shown(gateway: Gateway, groups: dict[str, Group]) -> list[dict[str, Any]]:
    ids = [row.id for group in groups.values() for row in group[:MAX_SEARCHES]]
    with gateway.catalogue.read() as conn:
        details, comments = missed.shown(conn, ids), missed.comments(conn, ids)
        marks = missed.marks_of(conn, list(groups))
        named = tools.many(conn, {tool for row in details.values() for tool in _tool_ids(row)})
    searches = {
        row.id: _search(row, details[row.id], comments.get(row.id), named)
        for group in groups.values()
        for row in group[:MAX_SEARCHES]
    }
    return [
        {
            "id": name,
            "question": next((row.query for row in group if row.id == name), group[-1].query),
            "count": len(group),
            "reasons": _counted(group),
            "searches": [searches[row.id] for row in group[:MAX_SEARCHES]],
            "mark": marks.get(name),
        }
        for name, group in groups.items()
    ]


def _search(row: sa.Row, seen: sa.Row, comment: str | None, named: dict[int, sa.Row]) -> dict[str, Any]:
    found = [named[tool] for tool in _tool_ids(seen) if tool in named]
    return {
        "search_id": row.id,
        "query": row.query,
        "at": seen.created_at,
        "group": seen.ab_group,
        "reasons": _reasons(row),
        "answer": (seen.answer or {}).get("text"),
        "comment": comment,
        "results": [{"tool_id": tool.id, "name": tool.name, "url": tool.url} for tool in found],
    }


def _tool_ids(seen: sa.Row) -> list[int]:
    return [shown["tool_id"] for shown in seen.results[:MAX_RESULTS]]


def _reasons(row: sa.Row) -> list[str]:
    return [reason for reason in missed.REASONS if getattr(row, reason)]


def _counted(group: Sequence[sa.Row]) -> dict[str, int]:
    counts = Counter(reason for row in group for reason in _reasons(row))
    return {reason: counts[reason] for reason in missed.REASONS}
