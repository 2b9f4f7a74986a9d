"""Captured pages to work on."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path

from benchmarks.system import SHARED


def captured_pages(count: int) -> list[tuple[str, str]]:
    """(URL, HTML) of `count` captured pages, drawn evenly with a fixed seed; one a URL."""
    manifest = SHARED / "data" / "html" / "manifest.jsonl"
    if not manifest.exists():
        raise SystemExit("../shared/data/html is not there: this benchmark needs captured pages")
    rows = {row["original_url"]: row for line in manifest.open(encoding="utf-8") if (row := json.loads(line))}
    usable = [row for url, row in sorted(rows.items(), key=lambda item: str(item[0])) if str(url).startswith("http")]
    some = random.Random(1).sample(usable, min(count, len(usable)))
    return [(row["original_url"], body_of(manifest.parent / row["file"]).decode("utf-8", "replace")) for row in some]


def body_of(path: Path) -> bytes:
    """A captured body; the files are gzipped."""
    body = path.read_bytes()
    return gzip.decompress(body) if path.suffix == ".gz" else body
