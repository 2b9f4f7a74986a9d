"""Reads text, links and facts of a page: whatever bytes come, out comes an Extracted, never an exception."""

from __future__ import annotations

import codecs
import html as entities
import re
from urllib.parse import urljoin

import trafilatura
from lxml import etree
from lxml import html as lxml_html
from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.encoding import bytes_to_str, detect_encoding, map_encoding_to_html5
from resiliparse.parse.html import HTMLTree
from toolscout.domain import Extracted
from w3lib.url import canonicalize_url

from services.processor import metadata

MAX_CHARS = 3_000_000  # of markup that is parsed at all; beyond scripts and styles, real pages stay far below
MAX_DEPTH = 400  # nested deeper than this, markup is a mistake or an attack; only its text is read
MAX_TAGS = 100_000
MAX_LINKS = 300
MAX_TEXT = 1_000_000

_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_CHARSET = re.compile(r"charset\s*=\s*[\"']?\s*([\w.:-]+)", re.I)
# Never shown, often most of the bytes. Scripts with data (JSON-LD) stay: facts are read from them.
_UNSEEN = re.compile(r"<(style|svg|template|iframe|script)\b[^<>]*>|<!--", re.I)
_TAGS = re.compile(r"<(/?)([a-zA-Z][\w:-]*)")
# Need no end tag, so they do not nest.
_FLAT = frozenset("p li td tr th dt dd option area base br col embed hr img input link meta source track wbr".split())
_TAG = re.compile(r"<[^<>]*>")
_BLOCK = re.compile(r"</?(?:p|div|li|h[1-6]|br|tr|section|article|ul|ol|table|title|td|blockquote|pre)\b[^<>]*>", re.I)
_SPACE = re.compile(r"[ \t\r\f\v\xa0]+")
_MARKUP = re.compile(r"<(?:!doctype|html|head|body|div|p|a|h[1-6]|title|meta|span|table|ul|section|main)\b", re.I)


def extract(html: bytes | str, url: str, content_type: str = "") -> Extracted:
    """Title, text, headings, links, language and facts of a page at `url`, sent as `content_type`."""
    page = Extracted()
    markup = ""
    try:
        markup = (html if isinstance(html, str) else decode(html, content_type)).replace("\x00", " ")
        if _is_plain(markup, content_type):
            _read_plain(page, markup)
        else:
            _read_html(page, markup, url)
    except Exception:  # noqa: BLE001 (a page must not stop the queue, whatever a parser makes of it)
        page.text, page.method = page.text or _strip_tags(markup), page.method or "tags"
    return page


def decode(body: bytes, content_type: str = "") -> str:
    """Bytes to text by byte order mark, HTTP header, meta tag, else by what the bytes look like."""
    for mark, name in _BOMS:
        if body.startswith(mark):
            return body.decode(name, "replace")
    head = body[:4096].decode("latin-1")
    for found in (_CHARSET.search(content_type), _CHARSET.search(head)):
        text = _try_decode(body, found.group(1)) if found else None
        if text is not None:
            return text
    return bytes_to_str(body, detect_encoding(body), errors="replace")


def _try_decode(body: bytes, name: str) -> str | None:
    """None where the name is unknown or evidently wrong: pages often claim a charset that they are not in."""
    try:
        # HTML's own table of names: EUC-KR is read as CP949, Latin-1 as Windows-1252.
        codec = {"euc-kr": "cp949"}.get(mapped := map_encoding_to_html5(name, fallback_utf8=False) or name, mapped)
        text = body.decode(codec, "replace")
    except (LookupError, ValueError):
        return None
    return text if text.count("\ufffd") <= len(text) // 200 else None


def _is_plain(markup: str, content_type: str) -> bool:
    kind = content_type.partition(";")[0].strip().lower()
    if kind in {"text/plain", "text/markdown", "text/x-markdown"}:
        return True
    return not _MARKUP.search(markup)


def _read_plain(page: Extracted, text: str) -> None:
    """Plain text and Markdown; a line that starts with # is a heading."""
    lines = [line for raw in text[:MAX_TEXT].splitlines() if (line := _SPACE.sub(" ", raw).strip())]
    page.headings = [line.lstrip("# ") for line in lines if re.match(r"#{1,6} \S", line)]
    page.text = "\n".join(re.sub(r"^#{1,6} ", "", line) for line in lines)
    page.title = (page.headings or [line.lstrip("# ") for line in lines[:1]] or [""])[0][:200]
    page.language, page.method = metadata.language(page.text), "plain"


def _read_html(page: Extracted, markup: str, url: str) -> None:
    markup = _without_unseen(markup)[:MAX_CHARS]
    if _too_complex(markup):
        page.text, page.method = _strip_tags(markup), "tags"
        return
    tree = HTMLTree.parse(markup)
    page.title = " ".join((tree.title or "").split())
    page.links = _links(tree, url)
    head = metadata.Head(tree)
    page.noindex, page.schema_types = head.noindex, head.schema_types
    page.text, page.method = _main_text(tree, markup, page, url)
    page.headings = _headings(tree, page.text)
    page.language = head.language or metadata.language(page.text)
    page.title = page.title or head.get("og:title") or (page.headings or [""])[0]
    page.facts = metadata.facts(head, page, url)
    if not page.text.strip():
        page.text, page.method = "\n".join(filter(None, (page.title, head.description))), "head"


def _without_unseen(markup: str) -> str:
    """Without styles, scripts, drawings and comments; one pass, whatever is left open."""
    kept, start, lower = [], 0, markup.lower()
    unclosed: set[str] = set()
    for found in _UNSEEN.finditer(markup):
        name = (found.group(1) or "").lower()
        if found.start() < start or name in unclosed or (name == "script" and "ld+json" in found.group().lower()):
            continue
        close = f"</{name}" if name else "-->"
        end = lower.find(close, found.end())
        if end < 0:
            unclosed.add(name)
            continue
        kept.append(markup[start : found.start()])
        start = markup.find(">", end) + 1 or len(markup)
    return " ".join([*kept, markup[start:]])


def _too_complex(markup: str) -> bool:
    if markup.count("<") > MAX_TAGS:
        return True
    depth = 0
    for closing, name in _TAGS.findall(markup):
        if name.lower() not in _FLAT:
            depth = max(0, depth - 1) if closing else depth + 1
            if depth > MAX_DEPTH:
                return True
    return False


def _strip_tags(markup: str) -> str:
    text = entities.unescape(_TAG.sub(" ", _BLOCK.sub("\n", markup[:MAX_CHARS])))
    return "\n".join(line for raw in text.splitlines() if (line := _SPACE.sub(" ", raw).strip()))[:MAX_TEXT]


def _main_text(tree: HTMLTree, markup: str, page: Extracted, url: str) -> tuple[str, str]:
    """The text worth reading and how it was found; the first of the chain that finds enough of it."""
    if metadata.is_article(url, page.schema_types) and (text := _article_text(markup)):
        return text, "trafilatura"
    text = _lines(extract_plain_text(tree, main_content=True, alt_texts=False, list_bullets=False, noscript=True))
    if len(text) >= 200:
        return text, "resiliparse"
    whole = _lines(extract_plain_text(tree, main_content=False, alt_texts=False, list_bullets=False, noscript=True))
    return (whole, "body") if len(whole) > 2 * len(text) else (text, "resiliparse")


def _article_text(markup: str) -> str:
    try:
        tree = lxml_html.document_fromstring(markup)
    except (etree.LxmlError, ValueError):
        return ""
    return _lines(trafilatura.extract(tree, include_comments=False, no_fallback=False) or "")


def _lines(text: str) -> str:
    return "\n".join(line for raw in text[:MAX_TEXT].splitlines() if (line := _SPACE.sub(" ", raw).strip()))


def _headings(tree: HTMLTree, text: str) -> list[str]:
    lines = set(text.splitlines())
    found = (" ".join((node.text or "").split()) for node in tree.document.query_selector_all("h1,h2,h3,h4,h5,h6"))
    return [heading for heading in dict.fromkeys(found) if heading in lines]


def _links(tree: HTMLTree, url: str) -> list[tuple[str, str]]:
    """Absolute http(s) links with their anchor text, each once, in the order of the page."""
    base_node = tree.document.query_selector("base[href]")
    base = urljoin(url, base_node.getattr("href") or "") if base_node else url
    links: dict[str, str] = {}
    for node in tree.document.query_selector_all("a[href]"):
        target = _absolute(base, node.getattr("href") or "")
        text = " ".join((node.text or "").split())[:200]
        if target and not links.get(target):
            links[target] = text
        if len(links) >= MAX_LINKS:
            break
    return list(links.items())


def _absolute(base: str, href: str) -> str:
    try:
        target = urljoin(base, href.strip())
        return canonicalize_url(target) if target.startswith(("http://", "https://")) else ""
    except ValueError:
        return ""
