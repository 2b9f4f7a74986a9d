"""The main text of a page, and what else it says of itself.

No single extractor is best on all pages: trafilatura on articles, its rivals on landing pages. So three read the page
(trafilatura, resiliparse, and the plain blocks of `blocks.py`), and the one is taken that agrees best with the others:
each errs in its own way, and where two find the same text the third is the one that is wrong. Pages that declare
themselves an article or a product are trafilatura's own ground; there its word counts unless it found next to nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property

import lxml.html
import trafilatura
from lxml.etree import ElementDefaultClassLookup, LxmlError, strip_elements
from lxml.html import HtmlElement, HTMLParser
from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.html import HTMLTree
from toolscout.domain import Extracted
from toolscout.untrusted import without_instructions

from services.processor import blocks as block_reader
from services.processor.blocks import Block
from services.processor.decode import decode
from services.processor.disarm import MOST_TEXT, disarm
from services.processor.facts import facts_of
from services.processor.language import language_of
from services.processor.structured import PageData

# Beyond this trafilatura takes seconds and finds little: the cheaper two decide.
SLOW_CHARS = 3_000_000
# Share of the blocks' words that trafilatura must have found to be believed on its own.
ENOUGH = 0.2
# Where the two cheaper readers agree so far, the third is not asked.
AGREED = 0.9
EMPTY = b"<html></html>"
# Whether anything lies more than 200 levels down (libxml2 itself stops at 256). On such trees the readers' work grows
# with the square of the depth: their visible text is taken whole.
DEEP = f"boolean({'/*' * 200})"
_WORD = re.compile(r"\w+")
_PRUNED = ("script", "style", "noscript", "template", "svg", "iframe")
_HTML = re.compile(r"<(?:!doctype|html|head|body|div|p|h1|article|main|title|span|a|ul|table)\b", re.I)


def extract(html: bytes | str, url: str, content_type: str = "") -> Extracted:
    """Reads a page; never raises. `text` is empty only where the page has neither visible text nor a description."""
    text = (html if isinstance(html, str) else decode(html, content_type)).replace("\x00", " ")
    if not _HTML.search(text[:200_000]):
        return _plain(text)
    page = _Page(text, url)
    data = PageData.read(page.tree, url)
    main, method = _main_text(page, data)
    if not main:
        main, method = "\n".join(part for part in (data.title, data.description) if part), "description"
    lines = (" ".join(line.split()) for line in main[:MOST_TEXT].splitlines() if line.strip())
    text = without_instructions("\n".join(lines))
    headings = set() if page.deep else {block.text for block in page.blocks if block.heading}
    language = language_of(text, data.language)
    return Extracted(
        title=data.title,
        text=text,
        language=language,
        headings=[line for line in text.splitlines() if line in headings],
        facts=facts_of(data, text, language),
        schema_types=data.schema_types,
        links=data.links,
        noindex=data.noindex,
        method=method,
    )


def _plain(text: str) -> Extracted:
    """A text without markup: its first line is its title."""
    text = without_instructions("\n".join(" ".join(line.split()) for line in text[:MOST_TEXT].splitlines()))
    lines = [line for line in text.splitlines() if line.strip()]
    title = lines[0].lstrip("# ")[:200] if lines else ""
    headings = [line for line in lines if line.startswith("#")]
    body = "\n".join(lines)
    data = PageData(title=title)
    language = language_of(body, "")
    return Extracted(title, body, language, headings, facts_of(data, body, language), method="plain")


@dataclass
class _Page:
    """One page, parsed at most once by each parser, after what speaks to language models is taken out."""

    html: str
    url: str

    def __post_init__(self) -> None:
        parser = HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True)
        # Every element is the same class, known beforehand: lxml.html would ask Python about each.
        parser.set_element_class_lookup(ElementDefaultClassLookup(element=HtmlElement))
        try:
            self.tree = lxml.html.document_fromstring(self.html.encode("utf-8", "ignore") or EMPTY, parser=parser)
        except (LxmlError, ValueError, AssertionError):
            self.tree = lxml.html.document_fromstring(EMPTY)
        self.concealed = disarm(self.tree)
        self.deep = bool(self.tree.getroottree().xpath(DEEP))

    @cached_property
    def blocks(self) -> list[Block]:
        return block_reader.blocks(block_reader.content_root(self.tree))

    def by_blocks(self) -> str:
        return "\n".join(b.text for b in self.blocks if not block_reader.is_menu(b))

    def by_resiliparse(self, main: bool = True) -> str:
        try:
            tree = HTMLTree.parse(self.html)
            text = extract_plain_text(tree, main_content=main, alt_texts=False, links=False, noscript=not main) or ""
        except (ValueError, RuntimeError):
            return ""
        return self._disarmed(text)

    def _disarmed(self, text: str) -> str:
        """What resiliparse found, less orders: it parses by itself, and our tree written out is another page to it."""
        lines = text[:MOST_TEXT].splitlines()
        if self.concealed:
            lines = [line for line in lines if " ".join(line.split()) not in self.concealed]
        return without_instructions("\n".join(lines))

    def everything(self) -> str:
        """All that is visible, menus included; the text nodes alone where even that finds nothing."""
        body = HTMLTree.parse(self.html).body
        return self.by_resiliparse(main=False).strip() or ((body.text or "").strip() if body else "")

    def by_trafilatura(self) -> str:
        """Works on our tree and takes it apart: the last to read it."""
        if len(self.html) > SLOW_CHARS:
            return ""
        strip_elements(self.tree, *_PRUNED, with_tail=False)
        try:
            return trafilatura.extract(self.tree, fast=True, include_comments=False) or ""
        except Exception:  # noqa: BLE001 - whatever it stumbles over, two others have read the page
            return ""


def _main_text(page: _Page, data: PageData) -> tuple[str, str]:
    """(text, which reader found it)."""
    if page.deep:
        return page.everything(), "everything"
    blocks = _Found(page.by_blocks())
    own: _Found | None = None
    if data.is_article_or_product:
        own = _Found(page.by_trafilatura())
        if own.words.total() > ENOUGH * blocks.words.total():
            return own.text, "trafilatura"
    resiliparse = _Found(page.by_resiliparse())
    if own is None and _f1(blocks.words, resiliparse.words) > AGREED:
        return blocks.text, "blocks"
    own = own or _Found(page.by_trafilatura())
    found = {"blocks": blocks, "resiliparse": resiliparse, "trafilatura": own}
    return _agreed({name: one for name, one in found.items() if one.words}) or (page.everything(), "everything")


def _agreed(found: dict[str, _Found]) -> tuple[str, str] | None:
    """The text whose words agree best with the others', and whose it is; None where nobody found anything."""
    if not found:
        return None
    agreement = {
        name: sum(_f1(one.words, other.words) for rival, other in found.items() if rival != name)
        for name, one in found.items()
    }
    best = max(found, key=lambda name: (agreement[name], found[name].words.total()))
    return found[best].text, best


class _Found:
    """What one reader found."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.words = Counter(_WORD.findall(text.lower()))


def _f1(a: Counter[str], b: Counter[str]) -> float:
    """Harmonic mean of precision and recall of two word multisets."""
    total = a.total() + b.total()
    return 2 * (a & b).total() / total if total else 0.0
