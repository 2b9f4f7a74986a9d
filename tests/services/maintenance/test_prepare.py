"""What a stack of containers needs before its services start: made once, kept afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest
from toolscout.catalogue import Catalogue, meta
from toolscout.settings import Settings

from services.maintenance import prepare


def test_passwords_are_made_once_and_settings_read_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare.make_secrets(tmp_path)
    first = {path.name: path.read_text() for path in tmp_path.iterdir()}
    prepare.make_secrets(tmp_path)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == first
    assert len({first[name] for name in prepare.PASSWORDS}) == len(prepare.PASSWORDS)
    monkeypatch.setenv("TOOLSCOUT_SECRETS_DIR", str(tmp_path))
    found = Settings(_env_file=None)
    assert found.database_url == prepare.DATABASE.format(first["postgres_password"])
    assert found.redis_url == prepare.REDIS.format(first["redis_password"])
    monkeypatch.setenv("TOOLSCOUT_REDIS_URL", "redis://elsewhere")
    assert Settings(_env_file=None).redis_url == "redis://elsewhere"


def test_shipped_models_are_put_beside_those_of_training(tmp_path: Path) -> None:
    shipped, models = tmp_path / "shipped", tmp_path / "models"
    (shipped / "encoder").mkdir(parents=True)
    (shipped / "encoder" / "model.onnx").write_text("new")
    (models / "encoder").mkdir(parents=True)
    (models / "encoder" / "model.onnx").write_text("old")
    (models / "adapters" / "a").mkdir(parents=True)
    prepare.put_models(shipped, models)
    assert (models / "encoder" / "model.onnx").read_text() == "new"
    assert (models / "adapters" / "a").is_dir()
    before = (models / "encoder").stat().st_ino
    prepare.put_models(shipped, models)
    assert (models / "encoder").stat().st_ino == before


def test_the_database_is_brought_to_its_schema(settings: Settings) -> None:
    prepare.upgrade(settings)
    catalogue = Catalogue(settings.db_url)
    with catalogue.read() as conn:
        assert meta.get(conn, "catalogue_id")
    catalogue.close()
