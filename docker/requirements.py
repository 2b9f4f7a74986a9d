"""Prints what an extra of pyproject.toml needs, for a layer of an image that changes of code leave alone.

python docker/requirements.py gateway
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

PROJECT = tomllib.loads((Path(__file__).resolve().parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
_OWN = re.compile(rf"{PROJECT['name']}\[([\w,-]+)\]")


def needed(extra: str) -> Iterator[str]:
    """Its requirements, those of our own extras that it names put in for them."""
    for requirement in PROJECT["optional-dependencies"][extra]:
        own = _OWN.fullmatch(requirement)
        if own is None:
            yield requirement
        for name in own[1].split(",") if own else ():
            yield from needed(name)


def main() -> None:
    found = [*PROJECT["dependencies"], *(line for extra in sys.argv[1:] for line in needed(extra))]
    print("\n".join(dict.fromkeys(found)))


if __name__ == "__main__":
    main()
