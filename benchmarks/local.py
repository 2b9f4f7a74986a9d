"""A catalogue with real passages, and the gateway's parts over it, in this process."""

from __future__ import annotations

import itertools
import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import sqlalchemy as sa
from toolscout.catalogue import Catalogue, changes, migrate
from toolscout.catalogue.tables import chunks, pages, tools
from toolscout.domain import State
from toolscout.encoder import Encoder, pack
from toolscout.settings import Settings

from benchmarks.system import SHARED
from benchmarks.vectors import vectors_of
from services.gateway.api.forms import SearchForm
from services.gateway.state import Gateway
from services.gateway.turn import Turn

SETS = SHARED / "data" / "retrieval"


@dataclass
class Local:
    settings: Settings
    gateway: Gateway
    queries: list[str]

    def search(self, query: str, answer: bool = True) -> dict:
        """The whole search, as the gateway does it where no model is asked; returns what is shown."""
        exposure = self.gateway.arms.expose("bench", bot=False, keyed=True)
        turn = Turn(self.gateway, SearchForm(query=query, answer=answer), "bench", exposure)
        turn.find(asked=False, why_not="llm_off")
        turn.ended = True
        turn.tell()
        return turn.results() | {"answer": turn.answer}


def passages(count: int) -> list[tuple[str, str]]:
    """`count` pairs (title, text) of the retrieval sets' tools; with a number added once they run out."""
    if not SETS.exists():
        raise SystemExit("../shared/data/retrieval is not there: this benchmark needs real passages")
    found = []
    for corpus in sorted(SETS.glob("*/corpus.jsonl")):
        for line in corpus.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            found.append((str(row.get("title", ""))[:200], str(row["text"])[:900]))
    again = ((f"{title} {n}", text) for n in itertools.count(2) for title, text in found)
    return [*found[:count], *itertools.islice(again, max(0, count - len(found)))]


def queries(count: int) -> list[str]:
    found: list[str] = []
    for file in sorted(SETS.glob("*/queries.jsonl")):
        lines = file.read_text(encoding="utf-8").splitlines()[: count // 4]
        found += [str(json.loads(line)["text"])[:400] for line in lines]
    return [found[i] for i in np.random.default_rng(1).permutation(len(found))[:count]]


def fill(settings: Settings, count: int) -> None:
    """Writes a catalogue of `count` passages, three a tool."""
    catalogue = Catalogue(settings.db_url)
    migrate.upgrade(catalogue)
    encoder = Encoder(settings.encoder_dir, threads=2)
    texts = passages(count)
    vectors = pack(vectors_of(encoder, [f"{title}. {text}" for title, text in texts]))
    now = time.time()
    with catalogue.write() as conn:
        for start in range(0, count, 3):
            some = range(start, min(start + 3, count))
            url = f"https://tool{start}.example/"
            tool = {"site": f"tool{start}.example", "url": url, "name": texts[start][0] or "tool", "created_at": now}
            tool |= {
                "updated_at": now,
                "platforms": [],
                "languages": [],
                "sources": {},
                "summary": texts[start][1][:200],
            }
            tool_id = conn.execute(sa.insert(tools).values(**tool).returning(tools.c.id)).scalar_one()
            page = {"url": url, "host": tool["site"], "site": tool["site"], "state": State.INDEXED, "tool_id": tool_id}
            page |= {"created_at": now, "updated_at": now, "indexed_at": now}
            page_id = conn.execute(sa.insert(pages).values(**page).returning(pages.c.id)).scalar_one()
            version = changes.draw(conn)
            rows = [
                {
                    "page_id": page_id,
                    "tool_id": tool_id,
                    "ordinal": n,
                    "title": texts[i][0],
                    "text": texts[i][1],
                    "digest": str(i),
                    "vector": vectors[i],
                    "encoder": encoder.sha,
                    "version": version,
                }
                for n, i in enumerate(some)
            ]
            conn.execute(sa.insert(chunks), rows)
    catalogue.close()


@contextmanager
def local(count: int) -> Iterator[Local]:
    with tempfile.TemporaryDirectory(prefix="toolscout-") as directory:
        settings = Settings(_env_file=None, data_dir=Path(directory), log_stdout=False, llm="off")
        fill(settings, count)
        gateway = Gateway(settings)
        gateway.open()
        gateway.follower.ready.wait()
        try:
            yield Local(settings, gateway, queries(400))
        finally:
            gateway.close()
