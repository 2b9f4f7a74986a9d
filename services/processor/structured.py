"""What a page states in machine-readable form: JSON-LD, OpenGraph, meta tags, microdata."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

from lxml.etree import XPath
from lxml.html import HtmlElement
from toolscout.sites import site_of
from toolscout.text import clean

MAX_LINKS = 300
MAX_JSONLD = 1_000_000
MAX_ACTIONS, MAX_ACTION = 120, 60
TOOLS = frozenset(["SoftwareApplication", "WebApplication", "MobileApplication", "SoftwareSourceCode", "Product"])
ARTICLES = ("Article", "BlogPosting", "NewsArticle", "Report", "TechArticle")
# Whose name is the site's: WebSite, Organization and its kinds.
SITES = ("WebSite", "Organization", "Corporation", "LocalBusiness", "OnlineBusiness", "Brand")
# The best first: what is meant for a search engine describes, what is meant for sharing sells.
_DESCRIPTIONS = "description og:description dc:description dc.description dcterms.description twitter:description"
DESCRIPTIONS = _DESCRIPTIONS.split()
MIN_DESCRIPTION = 25
# What is read of a page's headings, and of the list items below each; how many of its first pictures may be its logo.
MAX_HEADINGS, MAX_ITEMS, MAX_OUTLINE_LINE, LOGOS = 200, 12, 300, 6
HEADINGS = {"h1": 1, "h2": 2, "h3": 3, "h4": 4, "h5": 5, "h6": 6}
# Hosts of many projects, each under a name of its own: the path says which.
_SHARED = re.compile(r"(?:^|\.)(?:github|gitlab|readthedocs|pages)\.(?:io|dev)$|^docs\.rs$")
_SUBDOMAINS = "www docs doc developer developers dev help support app learn blog en shop store get my api"
_NO_LABELS = frozenset(_SUBDOMAINS.split())
_NOTICES = XPath("//body//text()[contains(., '©')]")
_COPYRIGHT = re.compile(
    r"(?:©|\(c\)|copyright)[\s©]*(?:copyright\s*)?(?:\d{4}(?:\s*[-–—,]\s*(?:\d{4}|present))?)?[\s,.:–—-]*"
    r"(?:by\s+|the\s+)?"
    r"([^\W\d_][^.,;:|©®™•·()\n]{1,40}?)\s*"
    r"(?:$|[.,;:|©®™•·()\n]|\d{4}|\s[-–—]\s|\ball rights|\b(?:inc|llc|ltd|gmbh)\b)",
    re.I,
)


@dataclass
class PageData:
    """Raw statements, cleaned of white space only.

    `tool` is the JSON-LD or microdata of a tool, if any; `named` (place, name) of what may be the site's name;
    `site` its domain, `labels` the parts of its address that may spell a name, `shared_host` those that are the host's;
    `actions` what buttons and links say, a line each: the main text leaves them out, and offers stand there;
    `outline` the headings (level 1-6) and list items (level 0) of the page in their order.
    """

    title: str = ""
    description: str = ""
    language: str = ""
    noindex: bool = False
    metas: dict[str, str] = field(default_factory=dict)
    schema_types: list[str] = field(default_factory=list)
    tool: dict[str, Any] = field(default_factory=dict)
    tool_source: str = ""
    heading: str = ""
    site: str = ""
    labels: list[str] = field(default_factory=list)
    shared_host: frozenset[str] = frozenset()
    named: list[tuple[str, str]] = field(default_factory=list)
    actions: str = ""
    outline: list[tuple[int, str]] = field(default_factory=list)
    links: list[tuple[str, str]] = field(default_factory=list)

    @classmethod
    def read(cls, tree: HtmlElement, url: str) -> PageData:
        data = cls(language=tree.get("lang") or tree.get("{http://www.w3.org/XML/1998/namespace}lang") or "")
        data._read_metas(tree)
        data._read_jsonld(tree)
        if not data.tool:
            data._read_microdata(tree)
        heading = tree.find(".//h1")
        data.heading = _line(heading.text_content()) if heading is not None else ""
        titles = [_line(found.text_content()) for found in tree.iterfind(".//head/title")] or [""]
        data.title = titles[0] or data.metas.get("og:title", "") or data.heading
        data.description = _description(data.metas) or data.description
        data.links = _links(tree, url)
        data.actions = _actions(tree)
        data.outline = _outline(tree)
        data.named += [("logo", name) for name in _logos(tree)] + [("copyright", name) for name in _copyright(tree)]
        data._read_address(url)
        return data

    @property
    def is_article_or_product(self) -> bool:
        kind = self.metas.get("og:type", "").lower()
        return kind.endswith(("article", "product")) or "Product" in self.schema_types or self.is_article

    @property
    def is_article(self) -> bool:
        kind = self.metas.get("og:type", "").lower()
        return kind.endswith("article") or any(name.endswith(ARTICLES) for name in self.schema_types)

    def _read_address(self, url: str) -> None:
        """github.com/owner/name → name, owner; x.github.io/name → name, x; docs.name.com → name, namecom."""
        self.site = site_of(url)
        host, *path = self.site.split("/")
        parts = urlsplit(url)
        below = (parts.hostname or "").removeprefix("www.").removesuffix(host).rstrip(".").split(".")
        own = host.split(".")[0]
        if path:
            self.labels, self.shared_host = _squeezed(path[::-1]), frozenset(_squeezed([host, own]))
        elif _SHARED.search(host):
            self.labels = _squeezed([*parts.path.split("/")[1:2], own])
        else:
            self.labels = _squeezed([own, host, *(label for label in below if label not in _NO_LABELS)])

    def _read_metas(self, tree: HtmlElement) -> None:
        for element in tree.iter("meta"):
            names = (element.get("property") or element.get("name") or "").lower().split()
            content = _line(element.get("content") or "") if names else ""
            for name in names if content else ():
                self.metas.setdefault(name, content[:2000])
        robots = f"{self.metas.get('robots', '')},{self.metas.get('toolscout', '')}".lower()
        self.noindex = "noindex" in robots or "none" in [part.strip() for part in robots.split(",")]

    def _read_jsonld(self, tree: HtmlElement) -> None:
        for script in tree.iter("script"):
            if "ld+json" not in (script.get("type") or "") or not script.text or len(script.text) > MAX_JSONLD:
                continue
            try:
                stated = json.loads(script.text, strict=False)
            except (ValueError, RecursionError):
                continue
            for thing in _things(stated):
                types = _types(thing)
                self.schema_types += [name for name in types if name not in self.schema_types]
                if TOOLS & set(types) and not self.tool:
                    self.tool, self.tool_source = thing, "json-ld"
                self._read_site(thing, types)

    def _read_site(self, thing: dict[str, Any], types: list[str]) -> None:
        """The names that JSON-LD gives the site and its publisher: the first of each kind, later ones are customers."""
        known = {place for place, _ in self.named}
        publisher = thing.get("publisher")
        about = {"publisher": publisher} if isinstance(publisher, dict) else {}
        if any(kind.endswith(SITES) for kind in types):
            about["website" if "WebSite" in types else "organisation"] = thing
        for place, one in about.items():
            name = one.get("name")
            if isinstance(name, str) and name.strip() and place not in known:
                self.named.append((place, _line(name)))
        if not self.description and not TOOLS & set(types) and isinstance(thing.get("description"), str):
            self.description = _line(thing["description"])

    def _read_microdata(self, tree: HtmlElement) -> None:
        for scope in tree.xpath("//*[@itemscope and @itemtype]"):
            kind = scope.get("itemtype", "").rstrip("/").rpartition("/")[2]
            if kind and kind not in self.schema_types:
                self.schema_types.append(kind[:60])
            if kind in TOOLS and not self.tool:
                self.tool = {"@type": kind} | _properties(scope)
                self.tool_source = "microdata"


def _things(stated: Any, depth: int = 0) -> Iterator[dict[str, Any]]:
    """Every object of a JSON-LD document that has a type, also within @graph and lists."""
    if depth > 6:
        return
    if isinstance(stated, list):
        for one in stated[:200]:
            yield from _things(one, depth + 1)
    elif isinstance(stated, dict):
        if "@type" in stated:
            yield stated
        for value in (stated.get("@graph"), stated.get("mainEntity"), stated.get("about")):
            if value is not None:
                yield from _things(value, depth + 1)


def _types(thing: dict[str, Any]) -> list[str]:
    kind = thing["@type"]
    return [str(name).rpartition("/")[2][:60] for name in (kind if isinstance(kind, list) else [kind])]


def _properties(scope: HtmlElement) -> dict[str, str]:
    """An item's properties, its own before those of the items in it (an offer's price, but not a seller's name)."""
    own: dict[str, str] = {}
    nested: dict[str, str] = {}
    for item in scope.xpath(".//*[@itemprop]")[:60]:
        holder = next((above for above in item.iterancestors() if above.get("itemscope") is not None), scope)
        value = "" if item.get("itemscope") is not None else _value(item)
        if value:
            (own if holder is scope else nested).setdefault(item.get("itemprop"), value)
    return {name: nested[name] for name in ("price", "lowPrice", "priceCurrency") if name in nested} | own


def _value(item: HtmlElement) -> str:
    return _line(item.get("content") or item.get("href") or item.text_content())[:500]


def _links(tree: HtmlElement, url: str) -> list[tuple[str, str]]:
    """(URL, anchor text) of the first links to other hosts, each once."""
    here = urlsplit(url).hostname
    found: dict[str, str] = {}
    for element in tree.iter("a"):
        target = (element.get("href") or "").strip()
        if target.startswith(("http://", "https://")) and target not in found and _host(target) != here:
            found[target] = _line(element.text_content())[:200]
            if len(found) >= MAX_LINKS:
                break
    return list(found.items())


def _actions(tree: HtmlElement) -> str:
    """Short texts of the first buttons and links."""
    texts: list[str] = []
    for element in tree.iter("a", "button"):
        text = _line(element.text_content()[:200])
        if 3 < len(text) < MAX_ACTION:
            texts.append(text)
            if len(texts) >= MAX_ACTIONS:
                break
    return "\n".join(texts)


def _description(metas: dict[str, str]) -> str:
    """The first stated description of some length, else the longest."""
    stated = [metas[name] for name in DESCRIPTIONS if name in metas]
    return next((text for text in stated if len(text) >= MIN_DESCRIPTION), max(stated, key=len, default=""))


def _outline(tree: HtmlElement) -> list[tuple[int, str]]:
    """Headings and the first list items below each, without those of menus and footers."""
    found: list[tuple[int, str]] = []
    headings = items = 0
    for element in tree.iter(*HEADINGS, "li"):
        level = HEADINGS.get(element.tag, 0)
        headings, items = (headings + 1, 0) if level else (headings, items + 1)
        if headings > MAX_HEADINGS:
            break
        if (level or (headings and items <= MAX_ITEMS)) and not _in_menu(element):
            line = _line(element.text_content()[:MAX_OUTLINE_LINE])
            found += [(level, line)] if line else []
    return found


def _in_menu(element: HtmlElement) -> bool:
    return next(element.iterancestors("nav", "footer", "header", "aside"), None) is not None


def _logos(tree: HtmlElement) -> list[str]:
    """What the first pictures that are called a logo show, and what the first link to the home page says."""
    found = []
    for image in islice(tree.iter("img"), LOGOS):
        alt = _line(image.get("alt") or "")
        if alt and "logo" in f"{alt} {image.get('class') or ''} {image.get('src') or ''}".lower():
            found.append(alt)
            break
    for link in islice(tree.iter("a"), LOGOS):
        if link.get("href") == "/":
            found.append(_line(link.get("aria-label") or link.get("title") or link.text_content()[:200]))
            break
    return [name for name in found if name]


def _copyright(tree: HtmlElement) -> list[str]:
    """Whose the page's last copyright notice is: © 2026 Name."""
    footers = [_line(footer.text_content()) for footer in list(tree.iter("footer"))[-2:]]
    text = next((text for text in reversed(footers) if "©" in text), "") or _last_notice(tree)
    match = _COPYRIGHT.search(text, text.rindex("©")) if "©" in text else None
    return [match[1]] if match else []


def _last_notice(tree: HtmlElement) -> str:
    """The text around the last © of a page whose footer is none by its tag."""
    notices = _NOTICES(tree)[-1:]
    holder = notices[0].getparent() if notices else None
    around = holder.getparent() if holder is not None and notices[0].is_tail else holder
    return _line(around.text_content()[:600]) if around is not None else ""


def _squeezed(labels: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(re.sub(r"[\W_]+", "", label.lower()) for label in labels if label))


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def _line(text: str) -> str:
    return " ".join(clean(text).split())
