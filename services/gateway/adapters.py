"""The adapters that lie in models/: what each says of itself, whether it is whole, and which arms serve it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from toolscout import adapters, query_adapter
from toolscout.adapters import Adapter
from toolscout.domain import CANDIDATE, STABLE
from toolscout.errors import ConfigError, Conflict, NotFound

LORA, QUERY = "lora", "query"
PROVENANCE, REPORT, CARD = "provenance.json", "report.json", "card.md"
# Far more than any of the texts has.
MAX_TEXT = 2_000_000
MAGIC = b"GGUF"

Json = dict[str, Any]


class Broken(Exception):
    """`reason` is a code, the text says more."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Kind:
    """`find` tells what an arm is to serve, `check` raises Broken where a folder can't be served."""

    folder: str
    weights: str
    find: Callable[[Path, str], Adapter | None]
    check: Callable[[Path, str], None]


class Registry:
    """What is there now; it keeps nothing, so that no adapter is missed."""

    def __init__(self, models_dir: Path, encoder_sha: str) -> None:
        self.models = models_dir.resolve()
        self.encoder_sha = encoder_sha

    def items(self, kind: str) -> list[Json]:
        """Every adapter of a kind, the newest first, and what a pointer names though it is not there."""
        arms = self._arms(kind)
        folders = self._folders(kind)
        found = [self._item(kind, folder, arms.pop(folder.resolve(), [])) for folder in folders]
        found += [_absent(kind, folder, serving) for folder, serving in arms.items()]
        return sorted(found, key=lambda one: (-one["made_at"], one["id"]))

    def one(self, kind: str, name: str) -> Json:
        """An adapter with its whole card, provenance and report. Raises NotFound."""
        folder = self._folder(kind, name)
        found = self._item(kind, folder, self._arms(kind).get(folder.resolve(), []))
        texts = {"card": lambda: self._text(folder / CARD), "provenance": lambda: self._json(folder / PROVENANCE)}
        for part, read in (texts | {"report": lambda: self._json(folder / REPORT)}).items():
            try:
                found[part] = read()
            except Broken:
                found[part] = None
        return found

    def whole(self, kind: str, name: str) -> Path:
        """The folder of an adapter that can be served. Raises NotFound, Conflict."""
        folder = self._folder(kind, name)
        if wrong := self._wrong(kind, folder):
            remedy = "Choose another one, or train it again."
            raise Conflict(f"The adapter {name} is broken: {wrong}", reason="adapter_broken", remedy=remedy)
        return folder

    def _folder(self, kind: str, name: str) -> Path:
        # What is asked for only picks one of those that are there.
        found = next((folder for folder in self._folders(kind) if folder.name == name), None)
        if found is None:
            raise NotFound(f"There is no adapter {name[:64]!r}.", remedy="GET /api/v1/adapters lists them.")
        return found

    def _folders(self, kind: str) -> list[Path]:
        """One whose name begins with a dot is being written, and gets its name when it is whole."""
        try:
            every = list((self.models / KINDS[kind].folder).iterdir())
        except OSError:
            return []
        return sorted(folder for folder in every if folder.is_dir() and not folder.name.startswith("."))

    def _arms(self, kind: str) -> dict[Path, list[str]]:
        """Folder → the arms that are to serve it."""
        found: dict[Path, list[str]] = {}
        for arm in (STABLE, CANDIDATE):
            if served := KINDS[kind].find(self.models, arm):
                found.setdefault(served.file.parent, []).append(arm)
        return found

    def _item(self, kind: str, folder: Path, serving: list[str]) -> Json:
        broken = self._wrong(kind, folder)
        told, report = self._read(folder / PROVENANCE), self._read(folder / REPORT)
        return {
            "id": folder.name,
            "kind": kind,
            "made_at": _made_at(told, folder),
            "run": told.get("run"),
            "base": _base(kind, told),
            "data": _object(told.get("data")),
            "metrics": _object(told.get("metrics")),
            "gate": _gate(told, report),
            "serves": serving,
            "files": self._files(folder),
            "broken": broken.reason if broken else None,
            "broken_detail": str(broken) if broken else None,
        }

    def _wrong(self, kind: str, folder: Path) -> Broken | None:
        try:
            self._check(kind, folder)
        except Broken as error:
            return error
        except OSError as error:
            return Broken("unreadable", str(error))
        return None

    def _check(self, kind: str, folder: Path) -> None:
        if not self._inside(folder):
            raise Broken("elsewhere", "It leads out of models/.")
        weights = folder / KINDS[kind].weights
        if not (weights.is_file() and self._inside(weights)):
            raise Broken("no_weights", f"{weights.name} is missing: its writing was cut off, or it was taken away.")
        for name in (PROVENANCE, REPORT):
            self._json(folder / name, needed=name == PROVENANCE)
        KINDS[kind].check(folder, self.encoder_sha)

    def _read(self, file: Path) -> Json:
        try:
            return self._json(file) or {}
        except Broken:
            return {}

    def _json(self, file: Path, needed: bool = False) -> Json | None:
        """None where it is not there and need not be. Raises Broken."""
        text = self._text(file)
        if text is None and needed:
            raise Broken(f"no_{file.stem}", f"{file.name} is missing.")
        if text is None:
            return None
        try:
            found = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise Broken(f"bad_{file.stem}", f"{file.name} is no JSON: {error}") from error
        if not isinstance(found, dict):
            raise Broken(f"bad_{file.stem}", f"{file.name} holds no object.")
        return found

    def _text(self, file: Path) -> str | None:
        """None where there is no such file. Raises Broken."""
        if not (file.is_file() and self._inside(file)):
            return None
        try:
            if file.stat().st_size > MAX_TEXT:
                raise Broken(f"bad_{file.stem}", f"{file.name} is too large.")
            return file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise Broken(f"bad_{file.stem}", f"{file.name} can't be read: {error}") from error

    def _files(self, folder: Path) -> list[Json]:
        try:
            files = [file for file in sorted(folder.glob("[!.]*")) if file.is_file() and self._inside(file)]
            return [{"name": file.name, "bytes": file.stat().st_size} for file in files]
        except OSError:
            return []

    def _inside(self, path: Path) -> bool:
        """Nothing is read or told of what a link names outside of models/."""
        return path.resolve().is_relative_to(self.models)


def _check_lora(folder: Path, _encoder_sha: str) -> None:
    with (folder / adapters.FILE).open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise Broken("bad_weights", f"{adapters.FILE} is no GGUF.")


def _check_query(folder: Path, encoder_sha: str) -> None:
    try:
        query_adapter.load(folder, encoder_sha)
    except ConfigError as error:
        raise Broken("bad_weights", error.detail) from error


def _find_lora(models: Path, arm: str) -> Adapter | None:
    """The candidate without a pointer serves what stable does."""
    for name in dict.fromkeys((adapters.POINTERS[arm], adapters.POINTERS[STABLE])):
        if found := adapters.find(models / name):
            return found
    return None


KINDS = {
    LORA: Kind("adapters", adapters.FILE, _find_lora, _check_lora),
    QUERY: Kind(query_adapter.FOLDER, query_adapter.WEIGHTS, query_adapter.find, _check_query),
}


def _absent(kind: str, folder: Path, serving: list[str]) -> Json:
    """What a pointer names, and is not there."""
    found = {"id": folder.name, "kind": kind, "made_at": 0.0, "serves": serving, "files": [], "data": {}, "metrics": {}}
    found |= dict.fromkeys(("run", "base", "gate"))
    return found | {"broken": "gone", "broken_detail": f"The pointer of {' and '.join(serving)} names it."}


def _made_at(told: Json, folder: Path) -> float:
    """Unix seconds: the date that it states, else when its folder was written."""
    try:
        return datetime.fromisoformat(told["date"]).replace(tzinfo=UTC).timestamp()
    except (KeyError, TypeError, ValueError, OverflowError):
        return _written_at(folder)


def _written_at(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except OSError:
        return 0.0


def _base(kind: str, told: Json) -> Json | None:
    """What it was made for, or on top of."""
    if kind == LORA:
        return _object(told.get("base")) or None
    return {name: told[name] for name in ("encoder", "start") if name in told} or None


def _gate(told: Json, report: Json) -> Json | None:
    """Whether it may serve, why not, and the report's own figures; None where no gate has judged it."""
    stated = _object(told.get("gate")) | _summary(report)
    if not isinstance(stated.get("passed"), bool):
        return None
    metrics = _object(told.get("metrics")) if not report else {}
    gains = {name: metrics[name] for name in ("gain", "interval") if name in metrics}
    why_not = stated.get("why_not")
    return gains | stated | {"why_not": why_not if isinstance(why_not, list) else []}


def _summary(report: Json) -> Json:
    """Its plain values, and of its parts what they gain."""
    found: Json = {}
    for name, value in report.items():
        if isinstance(value, dict):
            gains = {part: value[part] for part in ("gain", "interval") if part in value}
            found |= {name: gains} if gains else {}
        elif not isinstance(value, list) or all(not isinstance(one, dict | list) for one in value):
            found[name] = value
    return found


def _object(value: Any) -> Json:
    return value if isinstance(value, dict) else {}
