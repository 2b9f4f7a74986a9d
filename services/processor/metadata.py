"""Facts of a tool from a page's head, and whether a page is one of a tool at all."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from resiliparse.parse.html import HTMLTree
from toolscout.domain import Extracted, Fact

ARTICLE_TYPES = {"Article", "NewsArticle", "BlogPosting", "Report", "LiveBlogPosting"}
_ARTICLE_PATH = re.compile(r"/(?:blog|news|article|articles|post|posts|stories|story|magazine)/[^/]+|/20\d\d/\d\d?/")


class Head:
    """What a page says about itself to machines: meta tags and JSON-LD. Reads the tree once."""

    def __init__(self, tree: HTMLTree) -> None:
        self.tree = tree
        self.meta: dict[str, str] = {}
        for node in tree.document.query_selector_all("meta[content]"):
            key = node.getattr("property") or node.getattr("name") or node.getattr("itemprop") or ""
            self.meta.setdefault(key.strip().lower(), " ".join((node.getattr("content") or "").split()))
        scripts = tree.document.query_selector_all("script[type*=ld]")
        self.items = [item for node in scripts[:50] for item in _items(_loads(node.text or ""))]
        self.schema_types = list(dict.fromkeys(kind for item in self.items for kind in types_of(item)))

    def get(self, *names: str) -> str:
        return next((self.meta[name] for name in names if self.meta.get(name)), "")

    @property
    def description(self) -> str:
        return self.get("description", "og:description", "twitter:description")

    @property
    def noindex(self) -> bool:
        robots = f"{self.get('robots')},{self.get('toolscout')}".lower()
        return "noindex" in robots or robots.startswith("none")

    @property
    def language(self) -> str:
        node = self.tree.document.query_selector("html[lang]")
        code = (node.getattr("lang") or "") if node else ""
        return code.strip().replace("_", "-").partition("-")[0].lower() if re.match(r"[a-zA-Z]{2,3}\b", code) else ""


def _loads(text: str) -> Any:
    try:
        return json.loads(text.strip(), strict=False)
    except (ValueError, RecursionError):
        return None


def _items(data: Any, depth: int = 0) -> Iterator[dict]:
    """All typed objects of a JSON-LD document, nested ones too."""
    if depth > 12:
        return
    for value in data if isinstance(data, list) else data.values() if isinstance(data, dict) else ():
        if isinstance(value, (list, dict)):
            yield from _items(value, depth + 1)
    if isinstance(data, dict) and data.get("@type"):
        yield data


def types_of(item: dict) -> list[str]:
    kinds = item.get("@type")
    return [str(kind).rpartition("/")[2] for kind in (kinds if isinstance(kinds, list) else [kinds]) if kind]


@lru_cache(1)
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_pickled_model(MODEL_FILE, norm_probs=True)


def language(text: str) -> str:
    return str(_identifier().classify(text[:2000])[0]) if text.strip() else ""


def is_article(url: str, schema_types: list[str]) -> bool:
    return bool(ARTICLE_TYPES & set(schema_types)) or bool(_ARTICLE_PATH.search(urlsplit(url).path.lower()))


def facts(head: Head, page: Extracted, url: str) -> dict[str, Fact]:
    found = {"name": Fact(head.get("og:site_name") or page.title, "opengraph", 0.6)}
    if head.description:
        found["summary"] = Fact(head.description, "meta", 0.7)
    return found


def judge(url: str, page: Extracted) -> tuple[bool, str]:
    """Whether a page is one of a tool, else why not: article, directory, not_tool or noindex."""
    if page.noindex:
        return False, "noindex"
    return (False, "article") if is_article(url, page.schema_types) else (True, "")
