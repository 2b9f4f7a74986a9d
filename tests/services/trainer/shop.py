"""A catalogue of invented tools and what invented visitors said of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from toolscout.catalogue import Catalogue, changes, searches
from toolscout.catalogue.tables import chunks, clicks, marks, pages, surveys, tools
from toolscout.domain import State
from toolscout.encoder import Encoder, pack

AT = 1_700_000_000.0
TOOLS = {
    "Snipper": "Snipper removes the background of a photo in one click. It keeps hair and fine edges sharp.",
    "Murmur": "Murmur turns speech into text in ninety languages. It marks who speaks when in a meeting.",
    "Ledgerly": "Ledgerly reads invoices and receipts. It books them into your accounts without typing.",
    "Fretboard": "Fretboard writes guitar tablature from a recording. It slows a solo down without changing its pitch.",
    "글벗": "글벗은 한국어 문장을 다듬어 줍니다. 맞춤법과 띄어쓰기를 고쳐 줍니다.",
}


class Shop:
    """`tool[name]` is a tool's id, `chunk[name]` its passage's."""

    def __init__(self, catalogue: Catalogue, encoder: Encoder, described: dict[str, str] | None = None) -> None:
        self.catalogue = catalogue
        self.tool: dict[str, int] = {}
        self.chunk: dict[str, int] = {}
        self.searches = 0
        described = TOOLS if described is None else described
        vectors = pack(encoder.encode([f"{name}. {text}" for name, text in described.items()])) if described else []
        with catalogue.write() as conn:
            version = changes.draw(conn)
            for n, ((name, text), vector) in enumerate(zip(described.items(), vectors, strict=True)):
                self.tool[name] = self._tool(conn, n, name, text)
                page = {"url": f"https://t{n}.example/", "host": f"t{n}.example", "site": f"t{n}.example"}
                page |= {"state": State.INDEXED, "tool_id": self.tool[name], "indexed_at": AT}
                page |= {"created_at": AT, "updated_at": AT}
                page_id = conn.execute(sa.insert(pages).values(**page).returning(pages.c.id)).scalar_one()
                row = {"page_id": page_id, "tool_id": self.tool[name], "ordinal": 0, "title": name, "text": text}
                row |= {"digest": str(n), "vector": vector, "encoder": encoder.sha, "version": version}
                self.chunk[name] = conn.execute(sa.insert(chunks).values(**row).returning(chunks.c.id)).scalar_one()

    def _tool(self, conn: sa.Connection, n: int, name: str, text: str) -> int:
        row = {"site": f"t{n}.example", "url": f"https://t{n}.example/", "name": name, "summary": text}
        row |= {"platforms": [], "languages": [], "sources": {}, "created_at": AT, "updated_at": AT}
        return conn.execute(sa.insert(tools).values(**row).returning(tools.c.id)).scalar_one()

    def search(
        self,
        query: str,
        shown: Sequence[str],
        answer: str = "",
        cited: Sequence[str] = (),
        session: str = "s1",
        source: str = "extractive",
        **more: Any,
    ) -> str:
        """A search that showed these tools; `answer` cites the passages of `cited`, numbered from 1."""
        self.searches += 1
        found = [{"tool_id": self.tool[n], "score": 0.7, "chunks": [self.chunk[n]]} for n in shown]
        said = [{"n": n, "chunk_id": self.chunk[name], "tool_id": self.tool[name]} for n, name in enumerate(cited, 1)]
        row = {
            "id": f"{self.searches:06}",
            "session_id": session,
            "created_at": AT + self.searches,
            "ab_group": "stable",
            "counted": True,
            "arm": {"served_by": "stable", "passages": [self.chunk[n] for n in shown] if source == "llm" else []},
            "query": query,
            "filters": {},
            "results": found,
            "no_match": False,
            "answer": {"text": answer, "citations": said, "source": source, "grounded": True} if answer else None,
            "index_version": 1,
            "encoder": "e",
            "timings": {},
            "network": None,
        } | more
        with self.catalogue.write() as conn:
            searches.add(conn, row)
        return row["id"]

    def rate(self, search: str, rating: str, tool: str = "", session: str = "s1") -> None:
        row = {"search_id": search, "session_id": session, "tool_id": self.tool[tool] if tool else 0}
        row |= {"rating": rating, "score": None, "comment": None, "created_at": AT}
        with self.catalogue.write() as conn:
            searches.rate(conn, row)

    def survey(self, search: str, score: int) -> None:
        with self.catalogue.write() as conn:
            conn.execute(sa.insert(surveys).values(search_id=search, session_id="s1", score=score, created_at=AT))

    def click(self, search: str, tool: str) -> None:
        with self.catalogue.write() as conn:
            row = {"search_id": search, "session_id": "s1", "tool_id": self.tool[tool], "position": 0}
            conn.execute(sa.insert(clicks).values(created_at=AT, **row))

    def mark(self, search: str, verdict: str, tool: str = "") -> None:
        with self.catalogue.write() as conn:
            row = {"search_id": search, "group_id": search, "verdict": verdict, "created_at": AT}
            conn.execute(sa.insert(marks).values(tool_id=self.tool[tool] if tool else None, **row))

    def change_page(self, name: str) -> None:
        """The tool's page says something else now: its passage has another number."""
        with self.catalogue.write() as conn:
            row = conn.execute(sa.select(chunks).where(chunks.c.id == self.chunk[name])).one()._asdict()
            conn.execute(sa.delete(chunks).where(chunks.c.id == row.pop("id")))
            conn.execute(sa.insert(chunks).values(**row))
