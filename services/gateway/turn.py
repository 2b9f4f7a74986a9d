"""One search from question to answer: results at once, then the answer, each committed before its visitor sees it."""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import asdict
from typing import Any

from toolscout import events, logs, query_adapter
from toolscout.catalogue import missed, searches
from toolscout.text import scrub

from services.gateway import answer as answers
from services.gateway.answer import Answer
from services.gateway.api.forms import SearchForm
from services.gateway.arms import Exposure
from services.gateway.ask import Outcome
from services.gateway.retrieve import Found, Result, Retriever
from services.gateway.state import Gateway

Said = tuple[str, Any]
QUOTED: dict[str, Any] = {"model": None, "prompt": None, "adapter": None, "fallback": None, "passages": []}


class Turn:
    """The state of one search. `run` yields (event, data): results, token…, answer, done."""

    def __init__(
        self, gateway: Gateway, form: SearchForm, session: str, exposure: Exposure, network: str | None = None
    ) -> None:
        self.gateway = gateway
        self.form = form
        self.session = session
        self.exposure = exposure
        self.network = network
        self.id = uuid.uuid4().hex
        self.query = scrub(form.query)
        self.start = time.perf_counter()
        self.timings: dict[str, float] = {}
        self.found = Found()
        self.answer: Answer | None = None
        self.arm = QUOTED | {"served_by": exposure.served_by}
        self.survey = False
        self.ended = False

    async def run(self) -> AsyncGenerator[Said, None]:
        """A visitor who leaves closes this, and with it the model's stream; what was done till then is logged."""
        try:
            why_not = await self.gateway.asker.why_not(self.form.query, self.exposure.served_by)
            asked = self.form.answer and why_not is None
            await self.gateway.in_thread(self.find, asked, why_not)
            asked = asked and self.answer is None
            yield "results", self.results()
            if asked:
                async with aclosing(self._ask()) as pieces:
                    async for piece in pieces:
                        yield "token", {"text": piece}
            if self.answer:
                yield "answer", asdict(self.answer)
            self.ended = True
            yield "done", {"search_id": self.id, "timings_ms": self._rounded(), "survey": self.survey}
        finally:
            self.tell()

    async def body(self) -> dict[str, Any]:
        """The same as one answer."""
        body: dict[str, Any] = {"answer": None}
        async with aclosing(self.run()) as said:
            async for event, data in said:
                if event == "answer":
                    body["answer"] = data
                elif event != "token":
                    body |= data
        return body

    def find(self, asked: bool, why_not: str | None) -> None:
        """Searches; commits the row, with the answer where no model is asked: feedback must find it."""
        gateway, form = self.gateway, self.form
        settings = gateway.settings
        adapter = query_adapter.serving(settings.models_dir, self.exposure.served_by, gateway.encoder.sha)
        retriever = Retriever(gateway.catalogue, gateway.encoder, settings.no_match_score, adapter)
        self.found = retriever.find(gateway.index, form.query, form.limit, form.offset, form.filters.model_dump())
        self.timings |= self.found.timings
        fits = self.found.results and not self.found.no_match
        if form.answer and not (asked and fits):
            start = time.perf_counter()
            self.answer = answers.extract(form.query, self.found.results) if fits else answers.nothing_fits(form.query)
            self.answer.reason = self.answer.reason or why_not
            self.timings["answer"] = (time.perf_counter() - start) * 1000
        with gateway.catalogue.write() as conn:
            searches.add(conn, self._row())
            self.survey = self._survey_due(conn) if self.answer or not form.answer else False
        self._took("total")

    async def _ask(self) -> AsyncGenerator[str, None]:
        start = time.perf_counter()
        stream = self.gateway.asker.answer(self.form.query, self.found.results, self.exposure.served_by)
        async with aclosing(stream) as pieces:
            async for piece in pieces:
                if isinstance(piece, Outcome):
                    self.answer, self.arm = piece.answer, piece.arm
                    if piece.first_token_ms is not None:
                        self.timings["first_token"] = piece.first_token_ms
                else:
                    yield piece
        self.timings["answer"] = (time.perf_counter() - start) * 1000
        self._took("total")
        await self.gateway.in_thread(self._finish)

    def _finish(self) -> None:
        assert self.answer is not None
        with self.gateway.catalogue.write() as conn:
            arm = self._arm()
            searches.finish(conn, self.id, asdict(self.answer), arm, self._rounded())
            self.survey = self._survey_due(conn)

    def _survey_due(self, conn: Any) -> bool:
        return self.exposure.counted and missed.survey_due(conn, self.session, time.time())

    def _took(self, name: str) -> None:
        self.timings[name] = (time.perf_counter() - self.start) * 1000

    def _rounded(self) -> dict[str, float]:
        return {name: round(ms, 2) for name, ms in self.timings.items()}

    def results(self) -> dict[str, Any]:
        """What is shown at once."""
        return {
            "search_id": self.id,
            "group": self.exposure.group,
            "experiment": self.exposure.experiment,
            "results": [_result(result) for result in self.found.results],
            "no_match": self.found.no_match,
            "timings_ms": self._rounded(),
        }

    def _row(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "session_id": self.session,
            "created_at": time.time(),
            "ab_group": self.exposure.group,
            "experiment": self.exposure.experiment,
            "counted": self.exposure.counted,
            "arm": self._arm(),
            "query": self.query,
            "filters": {name: values for name, values in self.form.filters.model_dump().items() if values},
            "results": self._shown(),
            "no_match": self.found.no_match,
            "answer": asdict(self.answer) if self.answer else None,
            "index_version": self.found.index_version,
            "encoder": self.gateway.encoder.sha,
            "timings": self._rounded(),
            "network": self.network,
        }

    def _arm(self) -> dict[str, Any]:
        """What answered, and what ranked."""
        return self.arm | {"query_adapter": self.found.adapter}

    def _shown(self) -> list[dict[str, Any]]:
        """What the visitor sees, by number, so that it can be shown again."""
        return [
            {"tool_id": r.tool.id, "score": round(r.score, 4), "chunks": [p.id for p in r.passages]}
            for r in self.found.results
        ]

    def tell(self) -> None:
        """Logs the search, however far it came."""
        found, answer, timings = self.found, self.answer, self.timings
        if not found.timings:
            return
        self._took("total")
        logs.emit(
            events.SearchServed(
                outcome="success" if self.ended else "unknown",
                reason=None if self.ended else "visitor_left",
                search_id=self.id,
                query=self.query,
                results=len(found.results),
                no_match=found.no_match,
                top_score=found.top_score,
                answer_source=answer.source if answer else None,
                grounded=answer.grounded if answer else None,
                citations=len(answer.citations) if answer else 0,
                index_version=found.index_version,
                ntotal=found.ntotal,
                latency_ms=timings["total"],
                embed_ms=found.timings["embed"],
                retrieve_ms=found.timings["search"] + found.timings["hydrate"],
                answer_ms=timings.get("answer"),
                experiment=self.exposure.experiment,
                counted=self.exposure.counted,
                served_by=self.arm["served_by"],
                model=self.arm["model"],
                prompt=self.arm["prompt"],
                query_adapter=self.found.adapter,
                fallback=self.arm["fallback"] or (answer.reason if answer else None),
                support=answer.support if answer else None,
                sentences_dropped=answer.dropped if answer else None,
                first_token_ms=timings.get("first_token"),
                shown=[f"{s['tool_id']}:{s['score']}:{','.join(map(str, s['chunks']))}" for s in self._shown()],
                answer=answer.text if answer else None,
                cited=[f"{c.n}:{c.chunk_id}:{c.tool_id}" for c in answer.citations] if answer else None,
                passages=self.arm["passages"] or None,
                network=self.network,
                duration_ms=timings["total"],
            )
        )


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
