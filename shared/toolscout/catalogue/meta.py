"""Single values of a catalogue: its id, the secret that signs session cookies, the hash of the admin key."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import uuid

import sqlalchemy as sa

from toolscout.catalogue.engine import insert
from toolscout.catalogue.tables import counters, meta


def prepare(conn: sa.Connection) -> None:
    """The rows that every catalogue has; what is there stays."""
    _once(conn, "catalogue_id", uuid.uuid4().hex)
    _once(conn, "session_secret", secrets.token_urlsafe(32))
    conn.execute(insert(conn, counters).values(name="change", value=0).on_conflict_do_nothing())


def _once(conn: sa.Connection, key: str, value: str) -> None:
    conn.execute(insert(conn, meta).values(key=key, value=value).on_conflict_do_nothing())


def get(conn: sa.Connection, key: str) -> str | None:
    return conn.execute(sa.select(meta.c.value).where(meta.c.key == key)).scalar()


def put(conn: sa.Connection, key: str, value: str) -> None:
    stmt = insert(conn, meta).values(key=key, value=value)
    conn.execute(stmt.on_conflict_do_update(index_elements=["key"], set_={"value": value}))


def new_admin_key(conn: sa.Connection) -> str:
    """Makes a key, keeps its hash only, and returns the key: it is shown once."""
    key = secrets.token_urlsafe(24)
    set_admin_key(conn, key)
    return key


def set_admin_key(conn: sa.Connection, key: str) -> None:
    """Keeps the hash of a key that the operator chose."""
    put(conn, "admin_key_sha256", _sha(key))


def is_admin_key(conn: sa.Connection, key: str) -> bool:
    stored = get(conn, "admin_key_sha256")
    return bool(stored) and hmac.compare_digest(_sha(key), stored or "")


def _sha(key: str) -> str:
    # The key has 192 random bits, so a plain hash can't be searched.
    return hashlib.sha256(key.encode()).hexdigest()
