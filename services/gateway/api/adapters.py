"""`/api/v1/adapters` and `/api/v1/questions`: what was trained, where it serves, and two of it side by side."""

from __future__ import annotations

import time
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import Response
from pydantic import Field, field_validator, model_validator
from toolscout import query_adapter, queue
from toolscout.catalogue import questions, runs
from toolscout.errors import Conflict
from toolscout.query_adapter import QueryAdapter
from toolscout.queue import RUN_KINDS
from toolscout.text import clean, scrub

from services.gateway.adapters import KINDS, QUERY, Registry
from services.gateway.admin import need_admin
from services.gateway.api.forms import Form
from services.gateway.api.reply import reply
from services.gateway.retrieve import Found, Retriever
from services.gateway.state import Gateway, gateway_of

router = APIRouter(prefix="/api/v1", tags=["models"], dependencies=[Depends(need_admin)])

MAX_QUESTION = 400
COMPARE = "compare"
# Tools of a ranking that are shown, and how deep a tool of the other ranking is looked for.
SHOWN, DEPTH = 5, 20

KindName = Literal["lora", "query"]
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^/\\\x00]+$")]
QuestionId = Annotated[int, Path(ge=1, lt=2**63)]


class QuestionForm(Form):
    text: Annotated[str, Field(max_length=MAX_QUESTION)]

    @field_validator("text")
    @classmethod
    def _says_something(cls, text: str) -> str:
        text = " ".join(scrub(clean(text)).split())
        if not text:
            raise ValueError("the question is empty")
        return text


class CompareForm(Form):
    """`a` and `b` are ids; null is the search, or the model, without an adapter."""

    kind: KindName
    a: Name | None
    b: Name | None

    @model_validator(mode="after")
    def _are_two(self) -> CompareForm:
        if self.a == self.b:
            raise ValueError("a and b are the same")
        return self


@router.get("/adapters")
async def list_adapters(request: Request) -> Response:
    """Adapters of the language model (`lora`) and of the search (`query`), the newest of each first."""
    gateway = gateway_of(request)

    def read() -> dict[str, Any]:
        return {"items": [one for kind in KINDS for one in _registry(gateway).items(kind)]}

    return reply(await gateway.in_thread(read))


@router.get("/adapters/{kind}/{name}")
async def one_adapter(kind: KindName, name: str, request: Request) -> Response:
    """The same of one, with its whole card, provenance and report."""
    gateway = gateway_of(request)
    return reply(await gateway.in_thread(_registry(gateway).one, kind, name))


@router.post("/adapters/compare")
async def compare(form: CompareForm, request: Request) -> Response:
    """Two adapters on the questions that are kept.

    The search's are compared at once: 200. The language model's take a run (202 `{run_id}`), which leaves compare.json.
    """
    gateway = gateway_of(request)
    if form.kind == QUERY:
        return reply(await gateway.in_thread(_rankings, gateway, form))
    return reply({"run_id": await gateway.in_thread(_start, gateway, form)}, 202)


@router.get("/questions")
async def list_questions(request: Request) -> Response:
    """The questions that are kept, the oldest first."""
    gateway = gateway_of(request)
    kept = await gateway.in_thread(_kept, gateway)
    return reply({"most": questions.MOST, "items": kept})


@router.post("/questions", status_code=201)
async def keep_question(form: QuestionForm, request: Request) -> Response:
    """Keeps a question; 200 where it is kept already, 409 where there are too many."""
    gateway = gateway_of(request)

    def keep() -> tuple[dict[str, Any], bool]:
        with gateway.catalogue.write() as conn:
            return questions.add(conn, form.text, time.time())

    kept, is_new = await gateway.in_thread(keep)
    return reply(kept, 201 if is_new else 200)


@router.delete("/questions/{question_id}", status_code=204)
async def drop_question(question_id: QuestionId, request: Request) -> Response:
    gateway = gateway_of(request)

    def drop() -> None:
        with gateway.catalogue.write() as conn:
            questions.remove(conn, question_id)

    await gateway.in_thread(drop)
    return Response(status_code=204)


def _registry(gateway: Gateway) -> Registry:
    return Registry(gateway.settings.models_dir, gateway.encoder.sha)


def _kept(gateway: Gateway) -> list[dict[str, Any]]:
    with gateway.catalogue.read() as conn:
        return questions.every(conn)


def _needed(gateway: Gateway) -> list[dict[str, Any]]:
    if kept := _kept(gateway):
        return kept
    raise Conflict("There is no question to compare on.", reason="no_questions", remedy="Keep some first.")


def _start(gateway: Gateway, form: CompareForm) -> str:
    """Starts the run; returns its id. Raises NotFound, Conflict."""
    _needed(gateway)
    for name in (form.a, form.b):
        if name is not None:
            _registry(gateway).whole(form.kind, name)
    steps = RUN_KINDS[COMPARE]
    with gateway.catalogue.write() as conn:
        run_id = runs.create(conn, COMPARE, steps, 0, {"a": form.a, "b": form.b}, "operator", time.time())
    if gateway.celery:
        queue.wake_step(gateway.celery, run_id, steps[0])
    return run_id


# Rankings.


def _rankings(gateway: Gateway, form: CompareForm) -> dict[str, Any]:
    asked = _needed(gateway)
    sides = {side: _retriever(gateway, name) for side, name in (("a", form.a), ("b", form.b))}
    index = gateway.index
    rows = []
    for question in asked:
        found = {side: one.find(index, question["text"], DEPTH) for side, one in sides.items()}
        rows.append(_side_by_side(question["text"], found["a"], found["b"]))
    changed = sum(row["changed"] for row in rows)
    return {"kind": form.kind, "a": form.a, "b": form.b, "changed": changed, "questions": rows}


def _retriever(gateway: Gateway, name: str | None) -> Retriever:
    return Retriever(gateway.catalogue, gateway.encoder, gateway.settings.no_match_score, _adapter(gateway, name))


def _adapter(gateway: Gateway, name: str | None) -> QueryAdapter | None:
    if name is None:
        return None
    return query_adapter.load(_registry(gateway).whole(QUERY, name), gateway.encoder.sha)


def _side_by_side(question: str, a: Found, b: Found) -> dict[str, Any]:
    """The first tools of both; `other` is a tool's place in the other ranking, null where it is not near its top."""
    places = {side: {one.tool.id: n for n, one in enumerate(found.results, 1)} for side, found in (("a", a), ("b", b))}
    sides = {"a": _shown(a, places["b"]), "b": _shown(b, places["a"])}
    ids = {side: [one["tool_id"] for one in shown] for side, shown in sides.items()}
    return {"question": question, "no_match": a.no_match, "changed": ids["a"] != ids["b"]} | sides


def _shown(found: Found, other: dict[int, int]) -> list[dict[str, Any]]:
    return [
        {"tool_id": one.tool.id, "name": one.tool.name, "url": one.tool.url, "score": round(one.score, 4)}
        | {"place": n, "other": other.get(one.tool.id)}
        for n, one in enumerate(found.results[:SHOWN], 1)
    ]
