"""From the bytes of a page to its text, whatever its header claims."""

from __future__ import annotations

import codecs
import contextlib
import re

from resiliparse.parse.encoding import bytes_to_str, detect_encoding, map_encoding_to_html5
from toolscout.text import HANGUL

_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_CHARSET = re.compile(rb"""charset\s*=\s*["']?\s*([\w.:-]+)""", re.I)
_NOT_ASCII = re.compile("[^\x00-\x7f]")
# Where browsers look for <meta charset> (HTML standard, 13.2.3.2), somewhat further.
HEAD_BYTES = 4096


def decode(body: bytes, content_type: str = "") -> str:
    """Text of a body: by its byte order mark; else UTF-8 where it is that; else as declared; else by its bytes."""
    for bom, name in _BOMS:
        if body.startswith(bom):
            return body[len(bom) :].decode(name, "replace")
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        # A long page that is UTF-8 but for a broken byte: what is declared decides.
        almost = error.start > len(body) * 0.9
    declared = _declared(body, content_type)
    if almost and declared in ("", "utf-8"):
        return body.decode("utf-8", "replace")
    return bytes_to_str(body, declared or _guessed(body), errors="replace")


def _guessed(body: bytes) -> str:
    """CP949 where the bytes are valid in it and mostly Hangul: detectors take undeclared Korean pages for Latin-1."""
    with contextlib.suppress(UnicodeDecodeError):
        text = body.decode("cp949")
        if len(HANGUL.findall(text)) * 4 > len(_NOT_ASCII.findall(text)) * 3:
            return "cp949"
    return detect_encoding(body) or "utf-8"


def _declared(body: bytes, content_type: str) -> str:
    """The charset of header or <meta>, as browsers read its name (euc-kr is cp949), if the body can be that."""
    for source in (content_type.encode("ascii", "ignore"), body[:HEAD_BYTES]):
        found = _CHARSET.search(source)
        name = map_encoding_to_html5(found[1].decode(), fallback_utf8=False) if found else None
        if name and _fits(body, name):
            return name
    return ""


def _fits(body: bytes, name: str) -> bool:
    try:
        damaged = body.decode(name, "replace").count("\ufffd")
    except LookupError:
        return False
    return damaged <= len(body) // 200
