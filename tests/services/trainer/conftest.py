"""A shop of invented tools, and steps run on it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from toolscout.catalogue import Catalogue, runs
from toolscout.encoder import Encoder
from toolscout.settings import Settings

from services.trainer import steps
from tests.services.trainer.shop import Shop


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Adapters and runs go to a directory of the test's own; the encoder stays where it is."""
    models = tmp_path / "models"
    models.mkdir()
    (models / "encoder").symlink_to(Settings(_env_file=None).encoder_dir)
    return Settings(_env_file=None, data_dir=tmp_path / "data", models_dir=models, log_stdout=False)


@pytest.fixture
def shop(sqlite_catalogue: Catalogue, settings: Settings) -> Shop:
    return Shop(sqlite_catalogue, Encoder(settings.encoder_dir))


class Trainer:
    """Runs steps; `rows(name)` reads what the last run made."""

    def __init__(self, settings: Settings, catalogue: Catalogue) -> None:
        self.settings = settings
        self.catalogue = catalogue
        self.run: dict[str, Any] = {}

    def __call__(self, *names: str, seed: int = 0, **options: Any) -> dict[str, Any]:
        """The last step as it ended."""
        run_id = steps.create(self.catalogue, names, "test", seed, **options)
        self.run = steps.run_here(self.settings, self.catalogue, run_id, lambda _: None)
        return self.run["steps"][-1]

    def path(self, name: str) -> Path:
        return self.settings.models_dir / "runs" / self.run["id"] / name

    def rows(self, name: str) -> list[dict[str, Any]]:
        return [orjson.loads(line) for line in self.path(name).read_bytes().splitlines()]

    def again(self, run_id: str) -> dict[str, Any]:
        self.run = steps.run_here(self.settings, self.catalogue, run_id, lambda _: None)
        return self.run

    def get(self, run_id: str) -> dict[str, Any]:
        with self.catalogue.read() as conn:
            return runs.get(conn, run_id)


@pytest.fixture
def train(settings: Settings, sqlite_catalogue: Catalogue) -> Trainer:
    return Trainer(settings, sqlite_catalogue)


@pytest.fixture
def evaluation(settings: Settings) -> Callable[..., None]:
    """Plants queries in the frozen sets."""

    def plant(*queries: str) -> None:
        settings.evaluation_dir.mkdir(parents=True, exist_ok=True)
        lines = [orjson.dumps({"query": query}) for query in queries]
        (settings.evaluation_dir / "planted.jsonl").write_bytes(b"\n".join(lines) + b"\n")

    return plant
