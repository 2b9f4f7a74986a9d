"""The visible text of a page, block by block, without what is not its content by its tag or role."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lxml.html import HtmlElement

# Never content, whatever they hold.
_SKIPPED = (
    "script style noscript template svg nav footer aside iframe button select option input textarea form dialog head"
    " canvas object video audio picture label"
)
SKIPPED = frozenset(_SKIPPED.split())
ROLES = frozenset(
    ["navigation", "banner", "contentinfo", "dialog", "search", "menu", "menubar", "complementary", "alertdialog"]
)
HEADINGS = frozenset(["h1", "h2", "h3", "h4", "h5", "h6"])
_BREAKS = (
    "p div section article main li ul ol td th tr table tbody thead pre blockquote dl dt dd figure figcaption br hr"
    " header details summary address body center"
)
BREAKS = HEADINGS | frozenset(_BREAKS.split())
# A block of links and little else: a menu in disguise.
MENU_SHARE, MENU_CHARS = 0.8, 60


@dataclass(slots=True)
class Block:
    """One line of text; `links` is the share of its characters that lie in links."""

    text: str
    links: float
    heading: bool


def content_root(tree: HtmlElement) -> HtmlElement:
    """<main>, or what says that it is, or the only <article>; else the body."""
    body = tree.find("body")
    root = tree if body is None else body
    mains = root.xpath('.//main|.//*[@role="main"]')
    if mains:
        return mains[0]
    articles = root.findall(".//article")
    return articles[0] if len(articles) == 1 else root


def is_menu(block: Block) -> bool:
    return block.links > MENU_SHARE and len(block.text) < MENU_CHARS


def blocks(root: HtmlElement) -> list[Block]:
    """The blocks below `root` in the order of the page."""
    walker = _Walker()
    walker.walk(root)
    return walker.found


class _Walker:
    """Walks with a stack of its own: pages nest deeper than Python may recurse."""

    def __init__(self) -> None:
        self.found: list[Block] = []
        self.parts: list[str] = []
        self.chars = self.linked = 0
        self.heading = False

    def walk(self, root: HtmlElement) -> None:
        # An element to enter with whether it lies in a link, a text, or None where a block ends.
        stack: list[tuple[HtmlElement | str | None, bool]] = [(root, False)]
        while stack:
            item, in_link = stack.pop()
            if item is None:
                self._end_block()
            elif isinstance(item, str):
                self._add(item, in_link)
            elif item is root or not _is_skipped(item):
                stack.extend(reversed(list(self._inside(item, in_link))))
        self._end_block()

    def _inside(self, element: HtmlElement, in_link: bool) -> Iterator[tuple[HtmlElement | str | None, bool]]:
        breaks = element.tag in BREAKS
        if breaks:
            self._end_block()
            self.heading = element.tag in HEADINGS
        in_link = in_link or element.tag == "a"
        if element.text:
            yield element.text, in_link
        for child in element:
            if isinstance(child.tag, str):
                yield child, in_link
            if child.tail:
                yield child.tail, in_link
        if breaks:
            yield None, False

    def _add(self, text: str, in_link: bool) -> None:
        self.parts.append(text)
        chars = len(text.strip())
        self.chars += chars
        self.linked += chars if in_link else 0

    def _end_block(self) -> None:
        text = " ".join("".join(self.parts).split())
        if text:
            self.found.append(Block(text, self.linked / max(1, self.chars), self.heading))
        self.parts, self.chars, self.linked, self.heading = [], 0, 0, False


def _is_skipped(element: HtmlElement) -> bool:
    get = element.get
    if element.tag in SKIPPED or get("hidden") is not None or get("aria-hidden") == "true" or get("role") in ROLES:
        return True
    style = get("style")
    if style and "display:none" in style.replace(" ", "").lower():
        return True
    return element.tag == "header" and element.find(".//nav") is not None
