"""Reads text and facts of a page."""

from __future__ import annotations

from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.encoding import bytes_to_str, detect_encoding
from resiliparse.parse.html import HTMLTree
from toolscout.domain import Extracted, Fact


def extract(html: bytes | str, url: str, content_type: str = "") -> Extracted:
    text = html if isinstance(html, str) else bytes_to_str(html, detect_encoding(html))
    tree = HTMLTree.parse(text)
    main = extract_plain_text(tree, main_content=True) or extract_plain_text(tree)
    title = tree.title or ""
    return Extracted(title=title, text=main, language="en", facts={"name": Fact(title, "title", 0.5)}, method="plain")
