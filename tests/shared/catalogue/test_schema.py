from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from toolscout.catalogue import Catalogue, meta, migrate
from toolscout.catalogue.tables import metadata


def test_the_migrations_make_the_tables_as_the_code_has_them(catalogue):
    with catalogue.read() as conn:
        assert compare_metadata(MigrationContext.configure(conn), metadata) == []


def test_upgrading_again_keeps_the_catalogues_id_and_secrets(catalogue):
    with catalogue.read() as conn:
        before = meta.get(conn, "catalogue_id"), meta.get(conn, "session_secret")
    migrate.upgrade(catalogue)
    with catalogue.read() as conn:
        assert (meta.get(conn, "catalogue_id"), meta.get(conn, "session_secret")) == before
    assert all(before)


def test_several_processes_may_upgrade_at_the_same_time(database_url, together):
    def upgrade() -> str:
        mine = Catalogue(database_url)
        migrate.upgrade(mine)
        with mine.read() as conn:
            found = meta.get(conn, "catalogue_id")
        mine.close()
        return found

    assert len(set(together(*[upgrade] * 4))) == 1


def test_an_admin_key_is_known_by_its_hash_only(catalogue):
    with catalogue.write() as conn:
        key = meta.new_admin_key(conn)
        assert meta.is_admin_key(conn, key)
        assert not meta.is_admin_key(conn, key + "x")
        assert key not in meta.get(conn, "admin_key_sha256")
        meta.new_admin_key(conn)
        assert not meta.is_admin_key(conn, key)
