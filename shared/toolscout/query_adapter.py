"""A linear map of query vectors that training has made; passages, and so the index, stay as they are.

An adapter is a folder of `models/query_adapters`: `weights.npz` (W and b in float16), `provenance.json` (what it was
made from, and whether its gate passed) and `card.md`. What an arm serves is named by its pointer in `models/`, as for
the language model's adapters; a pointer to the word `none` means no adapter. Without a pointer, the one that comes
with the code serves if its gate passed.
"""

from __future__ import annotations

import hashlib
import io
import json
import threading
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from toolscout import adapters, events, logs
from toolscout.domain import CANDIDATE, STABLE
from toolscout.encoder import DIM
from toolscout.errors import ConfigError

POINTERS = {STABLE: "stable_query_adapter", CANDIDATE: "candidate_query_adapter"}
FOLDER = "query_adapters"
SHIPPED = "first"
NONE = "none"
WEIGHTS, PROVENANCE, CARD = "weights.npz", "provenance.json", "card.md"
# W and b in float16 take 296 kB.
MAX_BYTES = 2_000_000
# Pointers are looked at so often at most: following one takes longer than a search may wait.
LOOK_S = 0.5
REMEDY = "Train another one, or write the word none into the pointer to search without."


@dataclass(frozen=True, slots=True, eq=False)
class QueryAdapter:
    """`weight` float32 (384, 384) and `bias` float32 (384,)."""

    id: str
    weight: np.ndarray
    bias: np.ndarray

    def apply(self, vectors: np.ndarray) -> np.ndarray:
        """W·q + b at length one, of one query vector (384,) or of many (n, 384); float32."""
        moved = vectors @ self.weight.T + self.bias
        if moved.ndim == 1:
            return moved / max(float(moved @ moved) ** 0.5, 1e-12)
        return moved / np.maximum(np.linalg.norm(moved, axis=-1, keepdims=True), 1e-12)

    def save(self, directory: Path, provenance: dict[str, Any], card: str) -> None:
        """Writes the three files; `provenance` also gets the digest of the weights, which comes last.

        `provenance` is to hold the encoder's sha as `encoder` and {"passed": bool} as `gate`.
        """
        directory.mkdir(parents=True, exist_ok=True)
        packed = io.BytesIO()
        np.savez_compressed(packed, weight=self.weight.astype("<f2"), bias=self.bias.astype("<f2"))
        weights = packed.getvalue()
        told = provenance | {"weights_sha256": hashlib.sha256(weights).hexdigest()}
        _write(directory / CARD, card.encode())
        _write(directory / PROVENANCE, (json.dumps(told, indent=2, ensure_ascii=False) + "\n").encode())
        _write(directory / WEIGHTS, weights)


def load(directory: Path, encoder_sha: str) -> QueryAdapter:
    """The adapter in a folder. Raises ConfigError where it is broken or made for another encoder."""
    try:
        provenance = provenance_of(directory)
        weights = _read(directory / WEIGHTS)
        with np.load(io.BytesIO(weights), allow_pickle=False) as data:
            weight, bias = data["weight"], data["bias"]
    except (OSError, ValueError, KeyError, EOFError, MemoryError, zipfile.BadZipFile) as error:
        raise _refused(directory, f"can't be read: {error}") from error
    if provenance.get("encoder") != encoder_sha:
        raise _refused(directory, f"was trained for encoder {provenance.get('encoder')}, and this is {encoder_sha}")
    if provenance.get("weights_sha256") != hashlib.sha256(weights).hexdigest():
        raise _refused(directory, f"has a {WEIGHTS} that its {PROVENANCE} does not know")
    if weight.shape != (DIM, DIM) or bias.shape != (DIM,):
        raise _refused(directory, f"has the shapes {weight.shape} and {bias.shape}")
    if (
        weight.dtype.kind != "f"
        or bias.dtype.kind != "f"
        or not (np.isfinite(weight).all() and np.isfinite(bias).all())
    ):
        raise _refused(directory, "has weights that are no finite numbers")
    return QueryAdapter(directory.name, *(np.ascontiguousarray(part, np.float32) for part in (weight, bias)))


def provenance_of(directory: Path) -> dict[str, Any]:
    """What an adapter says of itself. Raises OSError, or ValueError where it is no JSON object."""
    told = json.loads(_read(directory / PROVENANCE))
    if not isinstance(told, dict):
        raise ValueError(f"{PROVENANCE} is no object")
    return told


def passed(directory: Path) -> bool:
    """Whether an adapter is there and its gate let it pass."""
    try:
        gate = provenance_of(directory).get("gate")
    except (OSError, ValueError):
        return False
    return isinstance(gate, dict) and gate.get("passed") is True


def find(models_dir: Path, arm: str) -> adapters.Adapter | None:
    """What an arm is to serve, whole or broken; None where it is to serve none.

    The candidate without a pointer serves what stable does.
    """
    for name in dict.fromkeys((POINTERS[arm], POINTERS[STABLE])):
        if found := adapters.find(models_dir / name, WEIGHTS):
            return None if found.id == NONE else found
    shipped = models_dir / FOLDER / SHIPPED
    return adapters.find(shipped, WEIGHTS) if passed(shipped) else None


def serving(models_dir: Path, arm: str, encoder_sha: str) -> QueryAdapter | None:
    """The adapter that an arm serves, or None; cheap enough for each search, and never raises.

    A change of pointer or file is seen within LOOK_S. A broken adapter is logged once, and searches go on without.
    """
    key = (models_dir, arm, encoder_sha)
    served = _served.get(key) or _served.setdefault(key, _Served(*key))
    if time.monotonic() >= served.look_at:
        served.look()
    return served.adapter


class _Served:
    """What one arm serves, as it was found last."""

    def __init__(self, models_dir: Path, arm: str, encoder_sha: str) -> None:
        self.models_dir, self.arm, self.encoder_sha = models_dir, arm, encoder_sha
        self.look_at = 0.0
        self.adapter: QueryAdapter | None = None
        self._found: adapters.Adapter | None = None
        self._wrong = ""
        self._lock = threading.Lock()

    def look(self) -> None:
        """Others wait only until there is something to serve."""
        if not self._lock.acquire(blocking=not self.look_at):
            return
        try:
            self._follow()
        except Exception as error:  # noqa: BLE001 - whatever is wrong with a file, a search goes on
            self._refuse(str(error))
        finally:
            self.look_at = time.monotonic() + LOOK_S
            self._lock.release()

    def _follow(self) -> None:
        found = find(self.models_dir, self.arm)
        if found != self._found:
            self.adapter = load(found.file.parent, self.encoder_sha) if found else None
            self._found, self._wrong = found, ""

    def _refuse(self, error: str) -> None:
        """What is broken is tried again at each look, so that a repair is seen, and told once."""
        self.adapter = self._found = None
        if error != self._wrong:
            self._wrong = error
            logs.emit(events.QueryAdapterRefused(error=error, arm=self.arm))


_served: dict[tuple[Path, str, str], _Served] = {}


def _refused(directory: Path, why: str) -> ConfigError:
    return ConfigError(f"The query adapter {directory.name} {why}.", remedy=REMEDY, reason="query_adapter_refused")


def _read(file: Path) -> bytes:
    if file.stat().st_size > MAX_BYTES:
        raise ValueError(f"{file.name} is too large")
    return file.read_bytes()


def _write(file: Path, content: bytes) -> None:
    new = file.with_name(file.name + ".new")
    new.write_bytes(content)
    new.replace(file)
