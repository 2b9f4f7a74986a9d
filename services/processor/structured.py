"""What a page states in machine-readable form: JSON-LD, OpenGraph, meta tags, microdata."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from lxml.html import HtmlElement
from toolscout.sites import site_of
from toolscout.text import clean

MAX_LINKS = 300
MAX_JSONLD = 1_000_000
MAX_ACTIONS, MAX_ACTION = 120, 60
TOOLS = frozenset(["SoftwareApplication", "WebApplication", "MobileApplication", "SoftwareSourceCode", "Product"])
ARTICLES = ("Article", "BlogPosting", "NewsArticle", "Report", "TechArticle")


@dataclass
class PageData:
    """Raw statements, cleaned of white space only.

    `tool` is the JSON-LD or microdata of a tool, if any; `domain` the site's own label;
    `actions` what buttons and links say, a line each: the main text leaves them out, and offers stand there.
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
    domain: str = ""
    actions: str = ""
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
        data.description = data.metas.get("og:description", "") or data.metas.get("description", "")
        data.links = _links(tree, url)
        data.actions = _actions(tree)
        data.domain = site_of(url).partition(".")[0]
        return data

    @property
    def is_article_or_product(self) -> bool:
        kind = self.metas.get("og:type", "").lower()
        return kind.endswith(("article", "product")) or "Product" in self.schema_types or self.is_article

    @property
    def is_article(self) -> bool:
        kind = self.metas.get("og:type", "").lower()
        return kind.endswith("article") or any(name.endswith(ARTICLES) for name in self.schema_types)

    def _read_metas(self, tree: HtmlElement) -> None:
        for element in tree.iter("meta"):
            name = (element.get("property") or element.get("name") or "").strip().lower()
            content = _line(element.get("content") or "")
            if name and content:
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

    def _read_microdata(self, tree: HtmlElement) -> None:
        for scope in tree.xpath("//*[@itemscope and @itemtype]"):
            kind = scope.get("itemtype", "").rstrip("/").rpartition("/")[2]
            if kind and kind not in self.schema_types:
                self.schema_types.append(kind[:60])
            if kind in TOOLS and not self.tool:
                found = {item.get("itemprop"): _value(item) for item in scope.xpath(".//*[@itemprop]")[:60]}
                self.tool = {"@type": kind} | {name: value for name, value in found.items() if value}
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


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def _line(text: str) -> str:
    return " ".join(clean(text).split())
