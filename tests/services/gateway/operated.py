"""The operator's routes, survey and feedback on a real gateway's parts, without its searches."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fastapi import FastAPI
from starlette.testclient import TestClient
from toolscout.catalogue import Catalogue, meta, searches
from toolscout.settings import Settings

from services.gateway import problems
from services.gateway.api import adapters, admin, experiments, feedback, missed, pipeline, survey
from services.gateway.arms import Arms
from services.gateway.door import Door
from services.gateway.state import Gateway

STABLE = {"endpoint": "http://127.0.0.1:1/v1", "model": "a", "prompt": "v1", "adapter": None}
ARMS = {"stable": STABLE, "candidate": STABLE | {"model": "b"}}
SEARCH = {"filters": {}, "results": [], "no_match": False, "answer": None, "index_version": 1, "encoder": "e"}
SEARCH |= {"ab_group": "stable", "timings": {}, "session_id": "me", "created_at": 1.0, "query": "q"}


class Operated:
    """A running app, its parts, and clients that are, or are not, the operator."""

    def __init__(self, settings: Settings, arms: dict[str, Any] | None = ARMS) -> None:
        gateway = self.gateway = Gateway(settings)
        gateway.arms = Arms(gateway.catalogue, settings, lambda _: arms)
        self.app = FastAPI()
        self.app.state.gateway = gateway
        problems.install(self.app)
        self.app.add_middleware(Door, settings=settings)
        for part in (admin, experiments, missed, pipeline, adapters, survey, feedback):
            self.app.include_router(part.router)
        with gateway.catalogue.write() as conn:
            self.key = meta.new_admin_key(conn)
        self.operator = self.client(headers={"Authorization": f"Bearer {self.key}"})

    @property
    def catalogue(self) -> Catalogue:
        return self.gateway.catalogue

    def client(self, host: str = "127.0.0.1", **options: Any) -> TestClient:
        return TestClient(self.app, base_url="http://127.0.0.1", client=(host, 50_000), **options)

    def search(self, name: str, **values: Any) -> None:
        """Puts a search into the log."""
        with self.catalogue.write() as conn:
            searches.add(conn, SEARCH | {"id": name} | values)

    def rate(self, search_id: str, session: str = "me", **values: Any) -> None:
        row = {"search_id": search_id, "session_id": session, "tool_id": 0, "rating": None, "score": None}
        with self.catalogue.write() as conn:
            searches.rate(conn, row | {"comment": None, "created_at": 2.0} | values)


@contextmanager
def operated(settings: Settings, **options: Any) -> Iterator[Operated]:
    found = Operated(settings, **options)
    try:
        yield found
    finally:
        found.gateway.threads.shutdown(wait=True)
        found.catalogue.close()
