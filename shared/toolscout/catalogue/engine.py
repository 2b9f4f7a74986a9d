"""Opens SQLite or PostgreSQL so that both behave alike: short transactions, writers that queue up and do not fail."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

BUSY_TIMEOUT_MS = 5000


class Catalogue:
    """One process's door to the database; open it after a fork, never before.

    `read()` and `write()` are transactions; do no network or disk I/O inside them.
    """

    def __init__(self, url: str) -> None:
        self.engine = _open(url)

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        with self.engine.connect() as conn, conn.begin():
            yield conn

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        with self.engine.connect() as conn:
            conn = conn.execution_options(toolscout_write=True)
            with conn.begin():
                yield conn

    def close(self) -> None:
        self.engine.dispose()


def _open(url: str) -> sa.Engine:
    parsed = sa.make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return sa.create_engine(parsed.set(drivername="postgresql+psycopg"), pool_pre_ping=True, hide_parameters=True)
    if parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(parsed, hide_parameters=True)
    sa.event.listen(engine, "connect", _prepare_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(dbapi: Any, _record: object) -> None:
    dbapi.isolation_level = None  # we say BEGIN ourselves
    for pragma in (
        f"busy_timeout={BUSY_TIMEOUT_MS}",
        "synchronous=NORMAL",
        "foreign_keys=ON",
        "cache_size=-16000",
    ):
        dbapi.execute(f"PRAGMA {pragma}")
    _to_wal(dbapi)


def _to_wal(dbapi: Any) -> None:
    """Where several open a new file at once, SQLite refuses the change to WAL without waiting."""
    until = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            dbapi.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(0.01)


def _begin_sqlite(conn: sa.Connection) -> None:
    # A write that starts as a read can fail with "database is locked" at once, whatever the timeout; IMMEDIATE waits.
    write = conn.get_execution_options().get("toolscout_write")
    conn.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def lock(conn: sa.Connection, names: Iterable[str]) -> None:
    """Keeps others from the same names until commit. SQLite has one writer anyway; PostgreSQL has advisory locks."""
    if conn.dialect.name == "postgresql":
        # In one order everywhere, so that two never wait for each other.
        for key in sorted({int.from_bytes(sha256(name.encode()).digest()[:8], signed=True) for name in names}):
            conn.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})


def plain(row: sa.Row) -> dict[str, Any]:
    """A row as a dict whose keys are true strings: SQLAlchemy's own are a subclass that JSON writers refuse."""
    return {str(name): value for name, value in row._mapping.items()}


def insert(conn: sa.Connection, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that knows ON CONFLICT on either database."""
    return postgresql.insert(table) if conn.dialect.name == "postgresql" else sqlite.insert(table)
