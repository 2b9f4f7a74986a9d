"""Has a language model fill in what the pages of a tool do not state outright; the tool is searchable meanwhile."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from toolscout import events, logs
from toolscout.catalogue import Catalogue, descriptions, tools
from toolscout.catalogue.descriptions import Claimed
from toolscout.catalogue.engine import lock
from toolscout.domain import STABLE
from toolscout.errors import LlmError
from toolscout.form import Verdict, form, judge_entries
from toolscout.llm import Call, Client, endpoint
from toolscout.prompts.describe import build
from toolscout.settings import Settings
from toolscout.untrusted import without_instructions

from services.processor.describe import describe

log = logging.getLogger(__name__)

MAX_TOKENS = 300
LEASE_S = 300.0
# A model that is away or busy is asked again after this; one that answers nonsense at most MAX_TRIES times.
AWAY_S, NONSENSE_S, MAX_TRIES = 30.0, 60.0, 3
PASSING = frozenset({"unreachable", "timeout", "busy", "breaker_open", "cut_off"})


@dataclass(slots=True)
class Described:
    """What came of one tool: a verdict, or why there is none."""

    row: Claimed
    verdict: Verdict | None
    model: str = ""
    passing: bool = False


class Describer:
    """Describes tools in batches, `llm_concurrency` at the same time."""

    def __init__(self, settings: Settings, catalogue: Catalogue) -> None:
        self._settings = settings
        self._catalogue = catalogue

    def describe(self, ids: Sequence[int]) -> int:
        """Claims and describes those of `ids` that are due; returns how many. Twice is harmless."""
        if endpoint(self._settings, STABLE) is None:
            return 0
        with self._catalogue.write() as conn:
            rows = descriptions.claim(conn, ids, time.time(), LEASE_S)
        for one in asyncio.run(self.ask_about(rows)) if rows else []:
            self._write(one)
        return len(rows)

    async def ask_about(self, rows: Sequence[Claimed]) -> list[Described]:
        """What the stable arm's model says of each; writes nothing."""
        wanted = endpoint(self._settings, STABLE)
        if wanted is None:
            return [Described(row, None, passing=True) for row in rows]
        client = Client(wanted, self._settings)
        free = asyncio.Semaphore(self._settings.llm_concurrency)

        async def ask(row: Claimed) -> Described:
            async with free:
                return await self._ask(client, row)

        try:
            return await asyncio.gather(*(ask(row) for row in rows))
        finally:
            await client.close()

    async def _ask(self, client: Client, row: Claimed) -> Described:
        text = without_instructions(row.text)
        wanted = missing(row, embedded=client.endpoint.embedded)
        if not wanted or not text:
            return Described(row, Verdict())
        call = Call()
        try:
            filled = await client.structured(
                build(row.name, text, wanted, client.endpoint.embedded, self._settings),
                form(wanted),
                purpose="describe",
                max_tokens=MAX_TOKENS,
                call=call,
            )
        except LlmError as error:
            return Described(row, None, passing=error.reason in PASSING)
        return Described(row, judge_entries(filled, f"{row.name}\n{text}", call.model), call.model)

    def _write(self, one: Described) -> None:
        now, row = time.time(), one.row
        with self._catalogue.write() as conn:
            lock(conn, [row.site])
            if one.verdict is None:
                tries = row.tries + (not one.passing)
                again = now + (AWAY_S if one.passing else NONSENSE_S)
                descriptions.later(conn, row.id, tries, again if tries < MAX_TRIES else None)
                return
            facts = {name: asdict(fact) for name, fact in one.verdict.facts.items()}
            leading = tools.leading_pages(conn, row.site)
            if not leading:
                return
            values = describe(row.site, leading, facts)
            due = None if leading[0].text_digest == row.digest else now
            done = {"llm_facts": facts, "described_digest": row.digest, "describe_at": due}
            tools.upsert(conn, row.site, values | done | {"describe_lease_until": None, "describe_tries": 0}, now)
        logs.emit(
            events.ToolDescribed(
                tool_id=row.id, model=one.model, fields_filled=len(facts), fields_refused=one.verdict.refused
            )
        )


def missing(row: Claimed, embedded: bool) -> list[str]:
    """Fields that the pages leave open. The embedded model is asked for no translation: it can't."""
    sources = {name: found["source"] for name, found in (row.sources or {}).items()}
    stated = {name for name, source in sources.items() if not source.startswith("llm:")}
    names = ["summary", "category", "pricing", "platforms", "features", "use_cases"]
    return [name for name in [*names, *([] if embedded else ["summary_en"])] if name not in stated]
