"""Any number of processes may start on an empty database at the same time."""

import warnings

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from toolscout.catalogue import Catalogue, meta, migrate
from toolscout.catalogue.tables import metadata


def test_an_empty_database_is_made_once_by_many(empty_database_url, together) -> None:
    def upgrade() -> str | None:
        mine = Catalogue(empty_database_url)
        try:
            migrate.upgrade(mine)
            with mine.read() as conn:
                return meta.get(conn, "catalogue_id")
        finally:
            mine.close()

    ids = set(together(*[upgrade] * 4))
    assert len(ids) == 1
    assert None not in ids


def test_columns_have_the_types_and_defaults_that_the_code_says(catalogue: Catalogue) -> None:
    with catalogue.read() as conn, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # SQLite can't reflect everything, and writes defaults its own way
        defaults = conn.dialect.name == "postgresql"
        context = MigrationContext.configure(conn, opts={"compare_type": True, "compare_server_default": defaults})
        assert compare_metadata(context, metadata) == []
