"""Brings a database to the current schema; safe to run from several processes at the same time."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from toolscout.catalogue import meta
from toolscout.catalogue.engine import Catalogue

HERE = Path(__file__).parent
LOCK = 7_061_616


def config() -> Config:
    cfg = Config()
    cfg.set_main_option("script_location", str(HERE / "migrations"))
    cfg.set_main_option("path_separator", "os")
    return cfg


def upgrade(catalogue: Catalogue) -> None:
    """To the newest revision, and the rows that every catalogue has (its id, its counters, its secrets)."""
    cfg = config()
    with catalogue.write() as conn:
        if conn.dialect.name == "postgresql":
            conn.execute(sa.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        cfg.attributes["connection"] = conn
        command.upgrade(cfg, "head")
        meta.prepare(conn)
