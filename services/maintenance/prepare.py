"""`python -m services.maintenance.prepare`: what a stack of containers needs before its services start; harmless twice.

Passwords are made once and lie in a volume, a file each; models that come with the code are put beside those that
training makes; the database is brought to its current schema.
"""

from __future__ import annotations

import os
import secrets
import shutil
import sys
import time
from pathlib import Path

import sqlalchemy as sa
from toolscout.catalogue import Catalogue, migrate
from toolscout.settings import Settings

SHIPPED = Path("/shipped")
PASSWORDS = ("postgres_password", "redis_password", "elastic_password", "kibana_password", "logstash_password")
DATABASE = "postgresql://toolscout:{}@postgres:5432/toolscout"
REDIS = "redis://:{}@redis:6379/0"
PATIENCE_S = 90.0


def main() -> None:
    match sys.argv[1:]:
        case ["secrets", folder]:
            make_secrets(Path(folder))
        case ["database"]:
            settings = Settings()
            put_models(SHIPPED, settings.models_dir)
            upgrade(settings)
        case _:
            sys.exit("usage: python -m services.maintenance.prepare secrets FOLDER | database")


def make_secrets(folder: Path) -> None:
    """Passwords that are not there yet, and the two addresses that hold one."""
    made = {name: _kept(folder / name, secrets.token_urlsafe(24)) for name in PASSWORDS}
    _kept(folder / "kibana_encryption_key", secrets.token_hex(32))
    _kept(folder / "toolscout_database_url", DATABASE.format(made["postgres_password"]))
    _kept(folder / "toolscout_redis_url", REDIS.format(made["redis_password"]))


def _kept(path: Path, content: str) -> str:
    """What the file holds, or now does; whole or not at all."""
    if not path.exists():
        new = path.with_name(f".{path.name}.new")
        new.write_text(content, encoding="utf-8")
        # Only containers of the stack mount the volume; some run as other users.
        new.chmod(0o444)
        new.replace(path)
    return path.read_text(encoding="utf-8")


def put_models(shipped: Path, models: Path) -> None:
    """What comes with the code, each folder swapped in whole where it differs."""
    for source in (shipped / "encoder", shipped / "query_adapters" / "first"):
        target = models / source.relative_to(shipped)
        if not source.exists() or _same(source, target):
            continue
        new = target.with_name(f".{target.name}.new")
        shutil.rmtree(new, ignore_errors=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source, new)
        shutil.rmtree(target, ignore_errors=True)
        os.rename(new, target)  # noqa: PTH104 - the name says that nothing may be in the way


def _same(source: Path, target: Path) -> bool:
    files = [path.relative_to(source) for path in source.rglob("*") if path.is_file()]
    return all((target / f).is_file() and (target / f).read_bytes() == (source / f).read_bytes() for f in files)


def upgrade(settings: Settings) -> None:
    """To the newest schema, as soon as the database answers."""
    until = time.monotonic() + PATIENCE_S
    while True:
        catalogue = Catalogue(settings.db_url)
        try:
            migrate.upgrade(catalogue)
            return
        except sa.exc.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(1)
        finally:
            catalogue.close()


if __name__ == "__main__":
    main()
