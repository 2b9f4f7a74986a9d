"""Takes what speaks to language models out of a page before anyone reads it, so that no reader has to know of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from lxml.etree import XPath
from lxml.html import HtmlElement
from toolscout.untrusted import carries_on, cleaned, lines_without_instructions, visible, without_instructions

from services.processor.blocks import BREAKS

# What stands alone: the blocks of the text, and what else is read by itself.
_ALONE = BREAKS | {"title", "nav", "footer", "aside", "form", "button", "label", "option", "select", "textarea", "head"}
# In C: a page has thousands of nodes.
_TEXTS = XPath("//*[not(self::script or self::style)]/text()")
# Those that are read: the first pictures may be the site's logo.
_ATTRIBUTES = XPath("(//meta | //*[@itemprop])/@content | (//img)[position() <= 20]/@alt")
_JSONLD = XPath("//script[contains(@type, 'ld+json')]")
# A concealed text of more characters is a menu, a tab or a dialogue: it is judged sentence by sentence like any other.
_STYLED = XPath("//*[@style or @hidden or @aria-hidden='true'][string-length() > 8 and string-length() < 800]")
# How a page conceals a text from people. Most of it is harmless: texts that fade in, labels for screen readers.
_CONCEALED = re.compile(
    r"(?:^|;)(?:display:none|visibility:hidden|color:transparent|opacity:0?(?:\.0\d*)?(?=;|!|$)"
    r"|font-size:[01](?:\.\d+)?(?:px|pt|em|rem|%)?(?=;|!|$)|(?:left|top|right|bottom|text-indent|margin-left):-\d{3,}"
    r"|clip:rect\(0|clip-path:inset\((?:50|100)%|(?:width|height):[01](?:px)?(?=;|!|$)|transform:scale\(0\)"
    r"|(?:.*;)?color:(#?\w+)(?=;)(?:.*;)?background(?:-color)?:\1(?!\w)"
    r"|(?:.*;)?background(?:-color)?:(#?\w+)(?=;)(?:.*;)?color:\2(?!\w))"
)


@dataclass(slots=True)
class _Line:
    """One block's own text: its nodes, (element, whether the text follows it)."""

    container: HtmlElement
    slots: list[tuple[HtmlElement, bool]] = field(default_factory=list)

    @property
    def text(self) -> str:
        text = "".join(_slot(*slot) for slot in self.slots)
        return text if self.container.tag == "pre" else " ".join(text.split())

    def write(self, text: str) -> None:
        """Puts a text in the place of the old one, outside of links where there is such a place."""
        first = next((n for n, (element, after) in enumerate(self.slots) if after or element.tag != "a"), 0)
        for n, (element, after) in enumerate(self.slots):
            _fill(element, after, text if n == first else "")
        if not text and self.container.getparent() is not None and not self.container.text_content().strip():
            self.container.drop_tree()


def _slot(element: HtmlElement, after: bool) -> str:
    return (element.tail if after else element.text) or ""


def _fill(element: HtmlElement, after: bool, text: str) -> None:
    if after:
        element.tail = text
    else:
        element.text = text


def disarm(tree: HtmlElement) -> set[str]:
    """Changes the tree in place; returns the concealed texts that it took out, white space evened out."""
    concealed = _conceal(tree)
    _attributes(tree)
    _jsonld(tree)
    _texts(tree)
    return concealed


def _conceal(tree: HtmlElement) -> set[str]:
    """What a page conceals is dropped at a lesser suspicion than what it shows."""
    found = {element: _text(element) for element in _STYLED(tree) if _is_concealed(element)}
    found = {element: text for element, text in found.items() if carries_on(text)}
    for element in found:
        if element.getparent() is not None and element.tag not in ("html", "body", "main"):
            element.drop_tree()
    return set(found.values())


def _is_concealed(element: HtmlElement) -> bool:
    if element.get("hidden") is not None or element.get("aria-hidden") == "true":
        return True
    return bool(_CONCEALED.search("".join(element.get("style", "").lower().split())))


def _text(element: HtmlElement) -> str:
    return " ".join(element.text_content().split())


def _attributes(tree: HtmlElement) -> None:
    for value in _ATTRIBUTES(tree):
        element, text = value.getparent(), str(value)
        is_list = element.get("name", "").lower() == "keywords"
        if text.isascii() and " " not in text:
            continue  # an address, a date, a number
        parts = text.split(",") if is_list else [text]
        left = [without_instructions(part) for part in parts]
        if left == parts:
            continue
        kept = ",".join(part for part in left if part.strip())
        if kept.strip():
            element.set(value.attrname, kept)
        elif element.tag == "meta" and element.getparent() is not None:
            element.drop_tree()  # the next place that states the same counts
        else:
            del element.attrib[value.attrname]


def _jsonld(tree: HtmlElement) -> None:
    for script in _JSONLD(tree):
        stated = _read(script.text or "")
        kept = cleaned(stated)
        if kept != stated:
            script.text = json.dumps(kept, ensure_ascii=False)


def _read(text: str) -> Any:
    try:
        return json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None


def _texts(tree: HtmlElement) -> None:
    lines = list(_lines(tree))
    texts = [line.text.split("\n") for line in lines]
    kept = iter(lines_without_instructions([part for parts in texts for part in parts]))
    for line, parts in zip(lines, texts, strict=True):
        left = [next(kept) for _ in parts]
        if left != parts:
            line.write("\n".join(part for part, old in zip(left, parts, strict=True) if part or not old))


def _lines(tree: HtmlElement) -> Iterator[_Line]:
    """Texts of the page in their order; those of one block between two others make one line."""
    line: _Line | None = None
    for text in _TEXTS(tree):
        element, after = text.getparent(), text.is_tail
        container = _container(element.getparent() if after else element)
        if line is None or container is not line.container or (after and element.tag in _ALONE):
            if text.isspace():
                continue
            if line:
                yield line
            line = _Line(container)
        if not line.slots or line.slots[-1] != (element, after):
            line.slots.append((element, after))
        if not text.isascii():
            _fill(element, after, visible(_slot(element, after)))
    if line:
        yield line


def _container(element: HtmlElement) -> HtmlElement:
    while element.tag not in _ALONE and (above := element.getparent()) is not None:
        element = above
    return element
