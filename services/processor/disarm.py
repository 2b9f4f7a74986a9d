"""Takes what speaks to language models out of a page before anyone reads it, so that no reader has to know of it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

from lxml.etree import XPath
from lxml.html import HtmlElement
from toolscout.untrusted import Room, carries_on, cleaned, lines_without_instructions, visible, without_instructions

from services.processor.blocks import BREAKS

# What stands alone: the blocks of the text, and what else is read by itself.
_ALONE = BREAKS | {"title", "nav", "footer", "aside", "form", "button", "label", "option", "select", "textarea", "head"}
_UNREAD = ("script", "style")
# Characters of a page's text that are read, several times what is ever indexed of one. The rest goes unread.
MOST_TEXT = 500_000
# Those that are read: the first pictures may be the site's logo.
_ATTRIBUTES = XPath("(//meta | //*[@itemprop])/@content | (//img)[position() <= 20]/@alt")
_JSONLD = XPath("//script[contains(@type, 'ld+json')]")
_STYLED = XPath("//*[@style or @hidden or @aria-hidden='true']")
# A concealed text of more characters is a menu, a tab or a dialogue: it is judged sentence by sentence like any other.
SHORT = 800
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


def _slot(element: HtmlElement, after: bool) -> str:
    return (element.tail if after else element.text) or ""


def _fill(element: HtmlElement, after: bool, text: str) -> None:
    if after:
        element.tail = text
    else:
        element.text = text


def disarm(tree: HtmlElement) -> set[str]:
    """Changes the tree in place; returns the concealed texts that it took out, white space evened out."""
    room = Room()
    concealed = _conceal(tree)
    _attributes(tree, room)
    _jsonld(tree, room)
    _texts(tree, room)
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
    """The text of an element, "" where it is long: elements in one another are not each read to the end."""
    parts, size = [], 0
    for part in element.itertext():
        parts.append(part)
        size += len(part)
        if size >= SHORT:
            return ""
    return " ".join("".join(parts).split()) if size > 8 else ""


def _attributes(tree: HtmlElement, room: Room) -> None:
    for value in _ATTRIBUTES(tree):
        element, text = value.getparent(), str(value)
        is_list = element.get("name", "").lower() == "keywords"
        if text.isascii() and " " not in text:
            continue  # an address, a date, a number
        parts = text.split(",") if is_list else [text]
        left = [without_instructions(part, room) for part in parts]
        if left == parts:
            continue
        kept = ",".join(part for part in left if part.strip())
        if kept.strip():
            element.set(value.attrname, kept)
        elif element.tag == "meta" and element.getparent() is not None:
            element.drop_tree()  # the next place that states the same counts
        else:
            del element.attrib[value.attrname]


def _jsonld(tree: HtmlElement, room: Room) -> None:
    for script in _JSONLD(tree):
        text = script.text or ""
        stated = _read(text) if len(text) <= MOST_TEXT else None
        if stated is None:
            script.text = ""  # what cannot be read here is read by nobody
            continue
        kept = cleaned(stated, room)
        if kept != stated:
            script.text = json.dumps(kept, ensure_ascii=False)


def _read(text: str) -> Any:
    try:
        return json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None


def _texts(tree: HtmlElement, room: Room) -> None:
    lines = _Lines(tree).found
    texts = _within(MOST_TEXT, lines)
    parts = "\n".join(texts).split("\n")
    left = lines_without_instructions(parts, room)
    if left == parts:
        return
    kept, emptied = iter(left), set()
    for line, text in zip(lines, texts, strict=True):
        old = text.split("\n")
        new = [next(kept) for _ in old]
        if new != old:
            line.write("\n".join(part for part, was in zip(new, old, strict=True) if part or not was))
            emptied |= {line.container} if not any(new) else set()
    for container in emptied:
        if container.getparent() is not None and not container.text_content().strip():
            container.drop_tree()


def _within(most: int, lines: list[_Line]) -> list[str]:
    """The lines' texts; what is beyond so many characters is taken out of the tree unread."""
    texts = [line.text for line in lines]
    for n, size in enumerate(accumulate(map(len, texts))):
        if size > most:
            texts[n] = texts[n][: max(0, len(texts[n]) - size + most)]
            lines[n].write(texts[n])
    return texts


class _Lines:
    """Texts of the page in their order; those of one block between two others make one line."""

    def __init__(self, tree: HtmlElement) -> None:
        self.found: list[_Line] = []
        self._walk(tree, tree)

    def _walk(self, element: HtmlElement, container: HtmlElement) -> None:
        tag = element.tag
        if tag in _ALONE:
            container = element
        if tag not in _UNREAD:
            if element.text:
                self._add(element, False, container, element.text)
            for child in element:
                self._walk(child, container)
                if child.tail:
                    self._add(child, True, container, child.tail)

    def _add(self, element: HtmlElement, after: bool, container: HtmlElement, text: str) -> None:
        """Another text: on the line before it if that is of the same block, and no block stands between them."""
        if not self.found or self.found[-1].container is not container or (after and element.tag in _ALONE):
            if text.isspace():
                return
            self.found.append(_Line(container))
        self.found[-1].slots.append((element, after))
        if not text.isascii():
            _fill(element, after, visible(text))
