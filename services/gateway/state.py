"""What one gateway process holds: the catalogue, the encoder, an index that follows the change log."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from celery import Celery
from fastapi import Request
from itsdangerous import Signer
from toolscout import context, queue
from toolscout.addresses import AddressGuard
from toolscout.catalogue import Catalogue, meta, migrate
from toolscout.encoder import Encoder
from toolscout.errors import NotReady
from toolscout.index import Index
from toolscout.pages import PageStore
from toolscout.settings import Settings, cores

from services.gateway.admin import Admin
from services.gateway.arms import Arms
from services.gateway.ask import Asker
from services.gateway.describe_arms import describe_arms
from services.gateway.follow import Follower
from services.gateway.likeness import Likeness
from services.gateway.live import Live

P = ParamSpec("P")
T = TypeVar("T")


class Gateway:
    """Opened when the server starts, closed when it stops."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.catalogue = Catalogue(settings.db_url)
        migrate.upgrade(self.catalogue)
        with self.catalogue.read() as conn:
            self.secret = meta.get(conn, "session_secret") or ""
        self.signer = Signer(self.secret, salt="toolscout_session")
        self.store = PageStore(settings.raw_dir)
        self.guard = AddressGuard(settings.allow_hosts)
        self.encoder = Encoder(settings.encoder_dir)
        self.celery: Celery | None = queue.create_celery(settings) if settings.broker_url else None
        self.follower = Follower(self.catalogue, settings.index_poll_seconds)
        self.admin = Admin(self.catalogue)
        self.live = Live(self.catalogue)
        self.likeness = Likeness(self.encoder)
        self.arms = Arms(self.catalogue, settings, describe_arms)
        self.asker = Asker(settings)
        self.threads = ThreadPoolExecutor(cores() + 2, thread_name_prefix="work")

    def open(self) -> None:
        self.encoder.encode_query("warm up")
        self.follower.start()

    def close(self) -> None:
        self.follower.stop()
        self.threads.shutdown(wait=True, cancel_futures=True)
        self.catalogue.close()

    @property
    def index(self) -> Index:
        """The index, once it has caught up with the catalogue. Raises NotReady before."""
        if not self.follower.ready.is_set():
            raise NotReady("The index is still being read from the catalogue.")
        return self.follower.index

    async def in_thread(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs blocking work beside the event loop, in the caller's context."""
        return await context.run_in(self.threads, function, *args, **kwargs)


def gateway_of(request: Request) -> Gateway:
    return request.app.state.gateway
