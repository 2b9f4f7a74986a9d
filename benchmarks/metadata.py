"""What the processor says of a tool, against labels and against pages' known metadata; with --llm also with a model.

Sources: our own labels (tests/data/labels.jsonl, halved into `tune` and `held` by a hash of the file's name; rules were
made on `tune` alone), a directory's (`labelled_tool_pages.jsonl`), and what the test-suites of readability, metascraper
and extruct expect of their pages. Each figure is {score, n, low, high}: a share of n with its 95% Wilson interval.

name: equal after NFKC, casefolding, and every run of white space and punctuation read as one space; any of the label's
accepted names will do. Pages that contain none of them anywhere are left out of the score, and counted apart.
description: token-F1 with what is expected of at least .5, or half of the shorter text's words found in the longer one;
labels store no text, so there the page's own meta description is expected, where it has one.
pricing and category: equal. `pricing_unasked`: how often a price is given where the label says that none is stated.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
import time
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from html import unescape
from math import sqrt
from multiprocessing import Pool
from pathlib import Path
from typing import Any

from toolscout.domain import CATEGORIES, Pricing

from benchmarks.extraction import f1
from benchmarks.metadata_llm import filled_in
from benchmarks.pages import body_of
from benchmarks.system import ROOT, SHARED
from services.processor.decode import decode
from services.processor.extract import extract

HTML = SHARED / "data" / "html"
LABELS = ROOT / "tests" / "data" / "labels.jsonl"
KNOWN = ("readability", "metascraper", "extruct")
FIELDS = ("name", "description", "pricing", "category", "pricing_unasked")
OVERLAP = 0.5
_WORD = re.compile(r"\w+")
_META = re.compile(r"<meta\b[^>]*>", re.I)
_DESCRIBES = re.compile(r"""(?:name|property)\s*=\s*["']?(?:og:|twitter:)?description["'\s>]""", re.I)
_CONTENT = re.compile(r"""content\s*=\s*(?:"([^"]*)"|'([^']*)')""", re.I)
# A directory's words for our kinds of price, and for our categories.
_PRICES = {"freetrial": "free_trial", "opensource": "open_source", "contactforpricing": "contact"}
_SYNONYMS = {
    "business": "business sales crm customer support finance ecommerce",
    "productivity": "productivity automation task email assistant",
    "marketing": "marketing mail seo ads social",
    "code": "code coding",
    "developer": "developer nocode code inference",
    "education": "education studies",
    "research": "research",
    "design": "design generators presentation ui",
    "video": "video",
    "image": "image",
    "audio": "audio voice music",
    "chat": "chat chatbot",
    "search": "search",
    "data": "data analytics",
    "writing": "writing copywriting text",
}


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--manifest", type=Path, help="only these rows: {file, original_url, name, …} or html/manifest's"
    )
    parser.add_argument(
        "--llm",
        type=int,
        default=0,
        metavar="N",
        help="have a model fill in N labelled pages too, 3 s each: that of LLM_API_BASE, else the embedded one",
    )


def run(options: argparse.Namespace) -> dict[str, Any]:
    manifests = (
        [options.manifest]
        if options.manifest
        else [LABELS, HTML / "labelled_tool_pages.jsonl", HTML / "manifest.jsonl"]
    )
    missing = [path for path in [HTML, *manifests] if not path.exists()]
    if missing:
        raise SystemExit(f"{missing[0]} is not there: the captured pages are needed")
    rows = [row for path in manifests for row in expectations(path)]
    print(f"{len(rows)} pages", file=sys.stderr)
    with Pool(2) as pool:
        measured = list(pool.imap_unordered(measure, rows, 4))
    by_source: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for one in measured:
        for source in (one["source"], "labels" if one["source"].startswith("labels") else ""):
            by_source[source].append(one)
    by_source.pop("", None)
    with_llm = {"with_llm": compare(measured, rows, options.llm)} if options.llm else {}
    return (
        with_llm
        | figures(measured)
        | {
            "by_source": {source: figures(some) for source, some in sorted(by_source.items())},
            "pages": len(measured),
            "cpu_ms_per_page": round(sum(one["ms"] for one in measured) / max(1, len(measured)), 2),
        }
    )


def compare(measured: list[dict[str, Any]], rows: list[dict[str, Any]], limit: int) -> dict[str, Any]:
    """Labelled pages without a model and with one: each field's figure, and how many pages it made better and worse."""
    asked = {(str(row["path"]), row["source"]): row for row in rows}
    before = sorted(
        (one for one in measured if one["source"].startswith(("labels", "directory")) and one["text"]),
        key=lambda one: hashlib.sha256(one["path"].encode()).digest(),
    )[:limit]
    told = filled_in([(one["title"], one["facts"], one["text"]) for one in before])
    after = [
        one | judge(asked[one["path"], one["source"]], one["stated"], one["facts"] | said["facts"])
        for one, said in zip(before, told, strict=True)
    ]
    pairs = list(zip(before, after, strict=True))
    # To state a price that the page does not is the one hit that makes a page worse.
    good = {name: name != "pricing_unasked" for name in FIELDS}
    return {
        "pages": len(before),
        "answered": sum(said["answered"] for said in told),
        "model": next((said["model"] for said in told if said["model"]), ""),
        "filled": dict(sorted(Counter(name for said in told for name in said["facts"]).items())),
        "refused": sum(said["refused"] for said in told),
        "without": figures(before),
        "with": figures(after),
        "better": {
            name: sum(b[name] is (not good[name]) and a[name] is good[name] for b, a in pairs) for name in FIELDS
        },
        "worse": {
            name: sum(b[name] is good[name] and a[name] is (not good[name]) for b, a in pairs) for name in FIELDS
        },
    }


def figures(measured: list[dict[str, Any]]) -> dict[str, Any]:
    """A figure for each field, and how many pages do not say their name at all."""
    found = {name: _share([one[name] for one in measured if one[name] is not None]) for name in FIELDS}
    return found | {"name_not_on_page": sum(one["name_not_on_page"] for one in measured)}


def _share(hits: list[bool]) -> dict[str, Any]:
    low, high = wilson(sum(hits), len(hits))
    return {"score": round(sum(hits) / len(hits), 3) if hits else None, "n": len(hits), "low": low, "high": high}


def wilson(hits: int, n: int) -> tuple[float | None, float | None]:
    """The 95% Wilson score interval of hits/n; (None, None) for n = 0.

    >>> wilson(90, 100)
    (0.826, 0.945)
    """
    if not n:
        return None, None
    z, share = 1.96, hits / n
    middle, spread = share + z * z / (2 * n), z * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return round((middle - spread) / (1 + z * z / n), 3), round((middle + spread) / (1 + z * z / n), 3)


def expectations(manifest: Path) -> Iterator[dict[str, Any]]:
    """Rows {path, url, source, names, description, prices, categories, unasked}; empty where not stated."""
    for line in manifest.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        home = manifest.parent if (manifest.parent / row["file"]).exists() else HTML
        base = {"path": home / row["file"], "url": row.get("original_url") or row.get("url") or ""}
        if row.get("name"):
            yield base | _label(row, own="url" in row)
        elif row.get("source") in KNOWN and row.get("expected_text_file"):
            yield base | _known(row["source"], home / row["expected_text_file"])


def _label(row: dict[str, Any], own: bool) -> dict[str, Any]:
    half = "held" if hashlib.sha256(row["file"].encode()).digest()[0] % 2 else "tune"
    category = str(row.get("category") or "")
    return {
        "source": f"labels_{half}" if own else "directory",
        "names": row.get("names") or [row["name"]],
        "description": None,
        "pricing": price_of(row.get("pricing")),
        "categories": [category] if category in CATEGORIES else categories_of(category),
        "unasked": own and row.get("pricing") is None,
    }


def price_of(word: str | None) -> str | None:
    """Our word for a directory's: Free Trial, free-trial, Contact for Pricing."""
    squeezed = "".join(_WORD.findall((word or "").lower())).replace("_", "")
    price = _PRICES.get(squeezed, squeezed)
    return price if price in set(Pricing) else None


def categories_of(words: str) -> list[str]:
    """Our categories that a directory's free words may mean.

    >>> categories_of("E-mail, Marketing")
    ['productivity', 'marketing']
    """
    said = set(_WORD.findall(words.lower().replace("e-mail", "email").replace("no code", "nocode")))
    return [name for name, synonyms in _SYNONYMS.items() if said & set(synonyms.split())]


def _known(source: str, path: Path) -> dict[str, Any]:
    read = {"readability": _of_readability, "metascraper": _of_metascraper, "extruct": _of_extruct}[source]
    name, description, pricing = read(path.read_text(encoding="utf-8"))
    names = [name] if name else []
    return {
        "source": source,
        "names": names,
        "description": description,
        "pricing": pricing,
        "categories": [],
        "unasked": False,
    }


def _of_readability(text: str) -> tuple[str | None, str, str | None]:
    stated = json.loads(text).get("metadata", {})
    return stated.get("siteName"), stated.get("excerpt") or "", None


def _of_metascraper(text: str) -> tuple[str | None, str, str | None]:
    """A snapshot of AVA: a line `key: 'value',` for each of the first page's fields."""
    found = {key: value.replace("\\'", "'") for key, _, value in re.findall(r"^ +(\w+): (['`])(.*)\2,$", text, re.M)}
    return found.get("publisher"), found.get("description", ""), None


def _of_extruct(text: str) -> tuple[str | None, str, str | None]:
    """OpenGraph's site, or the product or the business that the microdata and JSON-LD tell of."""
    name, description, pricing = None, "", None
    for thing in _things(json.loads(text)):
        pairs = [pair for pair in thing.get("properties", []) if isinstance(pair, list) and len(pair) == 2]
        graph = {pair[0]: pair[1] for pair in pairs}
        name = name or graph.get("og:site_name")
        description = description or graph.get("og:description", "")
        properties = thing.get("properties")
        stated = properties if isinstance(properties, dict) else thing
        if re.search(
            r"(?:Product|SoftwareApplication|Organization|LocalBusiness)$", str(thing.get("type", thing.get("@type")))
        ):
            name = name or _text(stated.get("name"))
            description = description or _text(stated.get("description")) or ""
            pricing = pricing or ("paid" if re.search(r'[pP]rice": "[\d.]*[1-9]', json.dumps(stated)) else None)
    return name, description, pricing


def _things(stated: Any) -> Iterator[dict[str, Any]]:
    if isinstance(stated, dict):
        yield stated
    for one in stated.values() if isinstance(stated, dict) else stated if isinstance(stated, list) else ():
        yield from _things(one)


def _text(stated: Any) -> str | None:
    first = stated[0] if isinstance(stated, list) and stated else stated
    return first if isinstance(first, str) and first else None


def measure(row: dict[str, Any]) -> dict[str, Any]:
    """What is known of a page without a model, how it compares, and the CPU time of its reading."""
    body = body_of(row["path"])
    start = time.process_time()
    page = extract(body, row["url"] or "https://unknown.example/")
    ms = (time.process_time() - start) * 1000
    facts = {name: fact.value for name, fact in page.facts.items()}
    html = decode(body)
    names = {normal(name) for name in row["names"]}
    stated = {
        "on_page": bool(names) and any(f" {name} " in f" {normal(unescape(html))} " for name in names),
        "description": row["description"] if row["description"] is not None else stated_description(html),
    }
    known = {"path": str(row["path"]), "source": row["source"], "ms": ms, "facts": facts, "stated": stated}
    return known | {"title": page.title, "text": page.text} | judge(row, stated, facts)


def judge(row: dict[str, Any], stated: dict[str, Any], facts: dict[str, Any]) -> dict[str, Any]:
    """True, False, or None (not asked) for each field of a page."""
    names = {normal(name) for name in row["names"]}
    described = stated["description"]
    return {
        "name": normal(str(facts.get("name", ""))) in names if stated["on_page"] else None,
        "name_not_on_page": bool(names) and not stated["on_page"],
        "description": overlaps(str(facts.get("summary", "")), described) if _WORD.search(described) else None,
        "pricing": facts.get("pricing") == row["pricing"] if row["pricing"] else None,
        "category": facts.get("category", "other") in row["categories"] if row["categories"] else None,
        "pricing_unasked": "pricing" in facts if row["unasked"] else None,
    }


def normal(name: str) -> str:
    """
    >>> normal("Pest-R-Us™  Services,"), normal("FLY.io")
    ('pest r us services', 'fly io')
    """
    even = unicodedata.normalize("NFKC", name.replace("™", "")).casefold()
    return " ".join("".join(char if char.isalnum() else " " for char in even).split())


def stated_description(html: str) -> str:
    """The longest description that the meta tags state, read without the processor's help."""
    stated: Iterable[str] = (tag for tag in _META.findall(html) if _DESCRIBES.search(tag))
    found = [match for tag in stated if (match := _CONTENT.search(tag))]
    return max((unescape(match[1] or match[2] or "") for match in found), key=len, default="")


def overlaps(a: str, b: str) -> bool:
    """Whether two texts share half of their words, or half of the shorter one's (3 words at least)."""
    left, right = (Counter(_WORD.findall(text.lower())) for text in (a, b))
    shorter = min(left.total(), right.total())
    return f1(left, right) >= OVERLAP or (shorter >= 3 and (left & right).total() / shorter >= OVERLAP)
