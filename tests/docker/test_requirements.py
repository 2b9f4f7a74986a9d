"""What an image installs is what pyproject.toml says that its service needs."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("crawler", "gateway", "llm", "maintenance", "processor", "trainer")


def needed(*extras: str) -> list[str]:
    argv = [sys.executable, str(ROOT / "docker" / "requirements.py"), *extras]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split()


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_has_an_image_of_its_extra(name: str) -> None:
    found = needed(name)
    assert any(line.startswith("celery") for line in found)
    assert not any(line.startswith("toolscout") for line in found)
    assert (ROOT / "services" / name / "Dockerfile").exists()


def test_torch_is_in_the_trainer_alone() -> None:
    with_torch = [
        name for name in (*SERVICES, "training-data") if any(line.startswith("torch") for line in needed(name))
    ]
    assert with_torch == ["trainer"]


def test_what_is_imported_from_shared_modules_is_named() -> None:
    """The gaps that the first start of the containers showed."""
    assert any(line.startswith("tantivy") for line in needed("processor"))
    assert any(line.startswith("warcio") for line in needed("gateway"))
    assert any(line.startswith("packaging") for line in needed("crawler"))
