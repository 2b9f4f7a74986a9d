"""Which adapter an arm is to serve: what its pointer in models/ names."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from toolscout.domain import CANDIDATE, STABLE

POINTERS = {STABLE: "stable_adapter", CANDIDATE: "finetuned_adapter"}
FILE = "adapter.gguf"


@dataclass(frozen=True, slots=True)
class Adapter:
    """A LoRA in GGUF, or a query adapter's weights.

    `stamp` (mtime in ns, bytes) changes with the file, and is (0, 0) while there is none.
    """

    id: str
    file: Path
    stamp: tuple[int, int]


def find(pointer: Path, name: str = FILE) -> Adapter | None:
    """What a symlink, a directory or a text file with a path names; None where there is no pointer.

    `name` is the file of the named directory that makes the adapter. Whatever is wrong with it comes out when it
    is loaded: one place for every broken adapter.
    """
    if not os.path.lexists(pointer):
        return None
    directory = Path(os.path.realpath(_named(pointer)))
    file = directory / name
    return Adapter(directory.name, file, _stamp(file))


def _named(pointer: Path) -> Path:
    if not pointer.is_file():
        return pointer
    name = pointer.read_text(encoding="utf-8", errors="replace").replace("\0", "").strip()
    return pointer.parent / name


def _stamp(file: Path) -> tuple[int, int]:
    try:
        found = file.stat()
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size
