"""Migrations and tables say the same, and any number of processes may start at the same time."""

import warnings
from concurrent.futures import ThreadPoolExecutor

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from toolscout.catalogue import Catalogue, meta, migrate
from toolscout.catalogue.tables import metadata


def test_the_migrations_make_exactly_the_tables(catalogue: Catalogue) -> None:
    with catalogue.read() as conn, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # SQLite can't reflect everything, and writes defaults its own way
        defaults = conn.dialect.name == "postgresql"
        context = MigrationContext.configure(conn, opts={"compare_type": True, "compare_server_default": defaults})
        assert compare_metadata(context, metadata) == []


def test_a_second_upgrade_changes_nothing(catalogue: Catalogue) -> None:
    with catalogue.read() as conn:
        before = meta.get(conn, "catalogue_id"), meta.get(conn, "session_secret")
    migrate.upgrade(catalogue)
    with catalogue.read() as conn:
        assert (meta.get(conn, "catalogue_id"), meta.get(conn, "session_secret")) == before
        assert all(before)


def test_processes_may_upgrade_an_empty_database_at_the_same_time(database_url: str) -> None:
    def upgrade(_: int) -> str | None:
        catalogue = Catalogue(database_url)
        try:
            migrate.upgrade(catalogue)
            with catalogue.read() as conn:
                return meta.get(conn, "catalogue_id")
        finally:
            catalogue.close()

    with ThreadPoolExecutor(4) as pool:
        ids = set(pool.map(upgrade, range(4)))
    assert len(ids) == 1
    assert None not in ids
