"""What moves when a candidate is deployed, promoted or rolled back: the pointers in models/, each in one step.

A pointer is a symlink beside what it names. Promoting keeps where stable's pointed in `NAME.previous`, an empty file
where it did not point anywhere.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from toolscout import adapters, query_adapter
from toolscout.domain import CANDIDATE, STABLE

KINDS: tuple[Mapping[str, str], ...] = (adapters.POINTERS, query_adapter.POINTERS)


def point(pointer: Path, target: Path) -> None:
    """Has the pointer name the target, a folder below the same models/."""
    point_all({pointer: target})


def point_all(targets: Mapping[Path, Path]) -> None:
    """Has each pointer name its target. None moves unless all can be made: a full disk is found out before."""
    made = {pointer: _linked(pointer, target) for pointer, target in targets.items()}
    for pointer, new in made.items():
        new.replace(pointer)


def _linked(pointer: Path, target: Path) -> Path:
    new = pointer.with_name(f".{pointer.name}.new")
    new.unlink(missing_ok=True)
    new.symlink_to(os.path.relpath(target, pointer.parent))
    return new


def promote(models_dir: Path) -> list[str]:
    """Stable serves what the candidate did; returns the names of the pointers that moved."""
    moved = []
    for stable, candidate in _pairs(models_dir):
        if os.path.lexists(candidate):
            previous = _previous(stable)
            if os.path.lexists(stable):
                stable.replace(previous)
            else:
                previous.unlink(missing_ok=True)
                previous.touch()
            candidate.replace(stable)
            moved.append(stable.name)
    return moved


def roll_back(models_dir: Path, promoted: bool) -> list[str]:
    """Takes the candidate away or, once it was promoted, gives stable back what it served before."""
    moved = []
    for stable, candidate in _pairs(models_dir):
        previous = _previous(stable)
        if not promoted and os.path.lexists(candidate):
            candidate.unlink()
            moved.append(candidate.name)
        elif promoted and os.path.lexists(previous):
            stable.unlink(missing_ok=True)
            if previous.is_symlink() or previous.read_bytes():
                previous.replace(stable)
            else:
                previous.unlink()
            moved.append(stable.name)
    return moved


def _pairs(models_dir: Path) -> Iterator[tuple[Path, Path]]:
    for kind in KINDS:
        yield models_dir / kind[STABLE], models_dir / kind[CANDIDATE]


def _previous(pointer: Path) -> Path:
    return pointer.with_name(f"{pointer.name}.previous")
