"""Checkpoints of a training that may be killed at any line: sealed when whole, and of one training only."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import orjson

from services.trainer.job import sha256_of

log = logging.getLogger(__name__)
SEAL = "whole.json"


class Checkpoints:
    """The folders checkpoint-STEP below `folder`, of the training with this `fingerprint`."""

    def __init__(self, folder: Path, fingerprint: str) -> None:
        self.folder = folder
        self.fingerprint = fingerprint

    def seal(self, step: int) -> None:
        """Says that the checkpoint of this step is whole, with the sums of its files."""
        where = self.folder / f"checkpoint-{step}"
        seal = {"fingerprint": self.fingerprint, "files": _sums(where)}
        new = where / f".{SEAL}.new"
        new.write_bytes(orjson.dumps(seal))
        new.replace(where / SEAL)

    def newest(self) -> Path | None:
        """The newest that can be gone on from. What is broken, or of another training, is removed."""
        found = sorted(self.folder.glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]))
        for path in list(found):
            if not self._whole(path):
                log.warning("%s is not whole, or of another training: removed", path.name)
                shutil.rmtree(path)
                found.remove(path)
        return found[-1] if found else None

    def _whole(self, path: Path) -> bool:
        try:
            seal = orjson.loads((path / SEAL).read_bytes())
            return seal == {"fingerprint": self.fingerprint, "files": _sums(path)}
        except (OSError, orjson.JSONDecodeError):
            return False


def _sums(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != SEAL)
    return {str(path.relative_to(folder)): sha256_of(path) for path in files}
