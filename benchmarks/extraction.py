"""Text extraction: word-F1 by page type and CPU a page, ours against trafilatura with its own settings, in one run.

Word-F1 is the F1 of the two multisets of words, expected against found, averaged over pages with expected text.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
import time
from collections import Counter, defaultdict
from multiprocessing import Pool
from pathlib import Path
from typing import Any

import trafilatura

from benchmarks.pages import body_of
from benchmarks.system import SHARED
from services.processor.decode import decode
from services.processor.extract import extract

WORD = re.compile(r"\w+")
TYPES = ("article", "documentation", "service", "product")
# The keys under which the sources of the pages keep their expected text.
KEYS = ("main_content", "expected_text", "articleBody")


def add_options(parser: argparse.ArgumentParser) -> None:
    default = SHARED / "data" / "html" / "manifest.jsonl"
    parser.add_argument("--manifest", type=Path, default=default, help="rows {file, original_url, page_type, …}")
    parser.add_argument("--limit", type=int, default=25, help="pages of each type; 0 for all")


def expected_text(path: Path) -> str:
    if path.suffix != ".json":
        return path.read_text(encoding="utf-8", errors="replace")
    stated = json.loads(path.read_text(encoding="utf-8"))
    return next((str(stated[key]) for key in KEYS if stated.get(key)), "")


def sample(manifest: Path, limit: int) -> list[dict[str, Any]]:
    """Rows with expected text, `limit` of each type drawn with a fixed seed."""
    by_type: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for line in manifest.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if row.get("expected_text_file") and row["page_type"] in TYPES:
            text = expected_text(manifest.parent / row["expected_text_file"])
            if text.strip():
                by_type[row["page_type"]].append(row | {"expected": text, "path": str(manifest.parent / row["file"])})
    rng = random.Random(7)
    return [row for rows in by_type.values() for row in (rng.sample(rows, min(limit, len(rows))) if limit else rows)]


def run(options: argparse.Namespace) -> dict[str, Any]:
    if not options.manifest.exists():
        raise SystemExit(f"{options.manifest} is not there: give --manifest FILE")
    rows = sample(options.manifest, options.limit)
    print(f"{len(rows)} pages, at most {options.limit or 'all'} of each type", file=sys.stderr)
    with Pool(2) as pool:
        measured = list(pool.imap_unordered(_measure, rows, 4))
    ours, theirs = (_mean_by_type(measured, side) for side in ("ours", "theirs"))
    cpu = {side: sum(m[f"{side}_s"] for m in measured) / len(measured) * 1000 for side in ("ours", "theirs")}
    return {
        "f1": ours,
        "f1_trafilatura": theirs,
        "cpu_ms_per_page": round(cpu["ours"], 2),
        "trafilatura_cpu_ms_per_page": round(cpu["theirs"], 2),
        "ratio": round(cpu["ours"] / cpu["theirs"], 3),
        "empty": sum(m["empty"] for m in measured),
        "pages": len(measured),
    }


def _measure(row: dict[str, Any]) -> dict[str, Any]:
    body = body_of(Path(row["path"]))
    wanted = _bag(row["expected"])
    start = time.process_time()
    ours = extract(body, row["original_url"] or "https://unknown.example/", "text/html").text
    between = time.process_time()
    theirs = trafilatura.extract(decode(body), url=row["original_url"]) or ""
    end = time.process_time()
    return {
        "type": row["page_type"],
        "ours": f1(wanted, _bag(ours)),
        "theirs": f1(wanted, _bag(theirs)),
        "ours_s": between - start,
        "theirs_s": end - between,
        "empty": not ours.strip(),
    }


def _bag(text: str) -> Counter[str]:
    return Counter(WORD.findall(text.lower()))


def f1(a: Counter[str], b: Counter[str]) -> float:
    total = a.total() + b.total()
    return 2 * (a & b).total() / total if total else 0.0


def _mean_by_type(measured: list[dict[str, Any]], side: str) -> dict[str, float]:
    values: dict[str, list[float]] = defaultdict(list)
    for one in measured:
        values[one["type"]].append(one[side])
    return {kind: round(sum(some) / len(some), 3) for kind, some in sorted(values.items())}
