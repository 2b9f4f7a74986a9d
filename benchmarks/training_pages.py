"""Captured pages as rows page → Tool JSON, those of some hosts held out.

Whoever reads a row sees the beginning of the page's visible text alone; a label is what the page states elsewhere (in
JSON-LD, microdata, OpenGraph and meta tags: name and summary) or what a person read on it (tests/data/labels.jsonl:
name, category, pricing). A label that the shown text does not bear out is left away, as the trainer leaves it away.
Only rows to learn from also have the processor's own category and price, where its rules are sure.

English pages, no forum's: SmolLM2 reads little else, and a thread is nobody's tool.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from multiprocessing import Pool
from typing import Any

from toolscout.catalogue.descriptions import LEADING_CHUNKS
from toolscout.form import FIELDS, form, judge_entries
from toolscout.offers import speaks_of_price
from toolscout.prompts.describe import build
from toolscout.settings import Settings
from toolscout.sites import site_of
from toolscout.text import scrub
from toolscout.untrusted import without_instructions

from benchmarks.metadata import HTML, LABELS
from benchmarks.pages import body_of
from services.processor.chunk import passages
from services.processor.extract import extract
from services.trainer.scores import CHOICES, labels
from services.trainer.synthetic_extraction import LEAST_TEXT, STRUCTURED, VERSION

ASKED = ("name", "summary", "category", "pricing")
# Of the hosts without a label of a person's; of those with one, the half that no rule was made on is held out.
HELD = 0.15
# How sure the processor's rules must be to teach, and the share of pages without a price or a category that teach so.
SURE_CATEGORY, SURE_PRICE, NOTHING = 0.5, 0.5, 0.1
UNTOLD = ("forum",)

Page = dict[str, Any]
Row = dict[str, Any]


def read_pages() -> list[Page]:
    """{file, site, lead, facts{field: [value, source, confidence]}, label} of each usable page, one a URL."""
    if not HTML.exists():
        raise SystemExit("../shared/data/html is not there: this benchmark needs captured pages")
    by_person = {row["file"]: row for row in map(json.loads, LABELS.read_text(encoding="utf-8").splitlines())}
    rows: dict[str, Page] = {}
    for line in (HTML / "manifest.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if str(row["original_url"]).startswith("http") and row.get("page_type") not in UNTOLD:
            rows[row["original_url"]] = row | {"label": by_person.get(row["file"])}
    with Pool(2) as pool:
        found = pool.map(_read, [rows[url] for url in sorted(rows)], 8)
    return [page for page in found if page]


def _read(row: Mapping[str, Any]) -> Page | None:
    page = extract(body_of(HTML / row["file"]), row["original_url"])
    lead = "\n".join(passages(page)[:LEADING_CHUNKS])
    if page.language != "en" or len(lead) < LEAST_TEXT:
        return None
    facts = {name: (fact.value, fact.source, fact.confidence) for name, fact in page.facts.items() if name in ASKED}
    known = {"file": row["file"], "site": site_of(row["original_url"]), "label": row["label"]}
    return known | {"lead": scrub(without_instructions(lead)), "facts": facts}


def split(pages: Sequence[Page]) -> tuple[list[Page], list[Page]]:
    """(to learn from, held out): all pages of a host are on one side."""
    sites: dict[str, list[Page]] = defaultdict(list)
    for page in pages:
        sites[page["site"]].append(page)
    out = {site for site, some in sites.items() if _is_held(site, some)}
    return [p for p in pages if p["site"] not in out], [p for p in pages if p["site"] in out]


def _is_held(site: str, pages: Sequence[Page]) -> bool:
    labelled = [page["file"] for page in pages if page["label"]]
    if labelled:
        return any(hashlib.sha256(file.encode()).digest()[0] % 2 for file in labelled)
    return int.from_bytes(hashlib.sha256(site.encode()).digest()[:8]) / 2**64 < HELD


def rows_of(pages: Sequence[Page], settings: Settings, teach: bool) -> Iterator[Row]:
    """A row for each page of which something is known. `teach` adds what the processor's rules are sure of."""
    for n, page in enumerate(pages):
        known = _stated(page) | (_by_rules(page) if teach else {}) | _by_person(page)
        wanted = [name for name in FIELDS if name in known]
        if not wanted:
            continue
        shown = _prompt(page, wanted, settings)[-1]["content"].rpartition("\n\n")[0]
        kept = {name: known[name] for name in wanted if _borne_out(name, known[name], shown)}
        if kept:
            yield _row(n, page, kept, settings)


def _row(n: int, page: Page, told: dict[str, Any], settings: Settings) -> Row:
    said = json.dumps(told, ensure_ascii=False)
    form(list(told)).model_validate_json(said)
    return {
        "kind": "extraction",
        "prompt": _prompt(page, list(told), settings),
        "completion": [{"role": "assistant", "content": said}],
        "prompt_version": VERSION,
        "query": None,
        "language": "en",
        "source": "synthetic",
        "by": "captured page",
        "tool_ids": [n],
        "chunk_ids": [],
        "at": 0.0,
        "weight": 1.0,
    }


def _prompt(page: Page, wanted: Sequence[str], settings: Settings) -> list[dict[str, str]]:
    return build(page["site"], page["lead"], wanted, True, settings)


def _stated(page: Page) -> dict[str, Any]:
    """Name and summary as the page states them for machines."""
    found = {}
    for name in ("name", "summary"):
        value, source, _ = page["facts"].get(name, ("", "", 0))
        text = scrub(" ".join(str(value).split()))
        if source in STRUCTURED and text and text == " ".join(str(value).split()) and not text.endswith(("…", "...")):
            found[name] = text
    return found


def _by_person(page: Page) -> dict[str, Any]:
    """A person read the whole page: that it states no price is known, too."""
    if not page["label"]:
        return {}
    return {name: page["label"].get(name) for name in ("name", "category", "pricing")}


def _by_rules(page: Page) -> dict[str, Any]:
    category, _, sure = page["facts"].get("category", ("other", "", 0.0))
    pricing, _, price_sure = page["facts"].get("pricing", (None, "", 0.0))
    found = {}
    if sure >= SURE_CATEGORY or (not sure and _few(page)):
        found["category"] = category
    if price_sure >= SURE_PRICE or (not price_sure and _few(page)):
        found["pricing"] = pricing
    return found


def _few(page: Page) -> bool:
    """Most pages have no price, and many no category: with all of them a model would learn to say nothing."""
    return hashlib.sha256(page["file"].encode()).digest()[1] < 256 * NOTHING


def _borne_out(name: str, value: Any, shown: str) -> bool:
    """Whether the shown text says it; that nothing is said, or nothing fits, needs no words."""
    if name == "pricing":
        return speaks_of_price(shown.lower()) if value else not speaks_of_price(shown.lower())
    if value == "other":
        return True
    try:
        filled = form([name]).model_validate({name: value})
    except ValueError:
        return False
    return bool(judge_entries(filled, shown, "page").facts)


def chosen(rows: Sequence[Row], most: int, seed: int) -> list[Row]:
    """Rows that teach several fields before those that teach one, chance among equals."""
    mixed = random.Random(seed).sample(list(rows), len(rows))
    return sorted(mixed, key=lambda row: -min(2, len(labels(row))))[:most]


def commonest(learnt: Sequence[Row], held: Sequence[Row]) -> dict[str, float]:
    """How often the answer that is commonest among the rows to learn from is right, for fields that are a choice."""
    found = {}
    for name in CHOICES:
        taught, asked = ([labels(row)[name] for row in rows if name in labels(row)] for rows in (learnt, held))
        if taught and asked:
            found[name] = round(asked.count(Counter(taught).most_common(1)[0][0]) / len(asked), 3)
    return found
