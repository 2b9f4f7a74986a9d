"""Reads orders through their disguises: look-alike letters, digits for letters, letters apart, codes, reversed text."""

from __future__ import annotations

import base64
import binascii
import codecs
import re
import unicodedata
from collections.abc import Iterator

# Characters that a blob of base64 has at least; shorter ones hide no sentence.
BLOB = 24
# What gives away orders in rot13 or from right to left.
ROT13 = ("vtaber", "vafgehpg", "qvfertneq", "cebzcg")
REVERSED = ("snoitcurtsni", "erongi", "drageersid", "tpmorp")

_OTHER_SCRIPT = re.compile("[\u0370-\u03ff\u0400-\u052f]")
_BASE64 = re.compile(rf"[A-Za-z0-9+/_-]{{{BLOB},}}={{0,2}}")
_SPELT = re.compile(r"(?:(?<!\w)\w[ .*_-]{1,2}){5,}\w(?!\w)")
_LEET = str.maketrans("0134578@$", "oieastbas")
_LEET_WORD = re.compile(r"(?<![\w@$])(?=[\d@$]*[a-z])[a-z]*[0134578@$][\w@$]*")
_SPACED = bytes.maketrans(b".*_-", b"    ")
_CONFUSABLE = dict(
    zip(
        "аеорсухіјѕԁԛԝһӏвкмнтгпἀαβεηικμνοπρτυχωγɡıɩʀℓ",
        "aeopcyxijsdqwhlbkmhtrnaabenikmvonptuxwygiirl",
        strict=True,
    )
)


class _Fold(dict[int, str]):
    """Each character as the Latin letter that it looks like, less its accents; Hangul, Kana and Han stay."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        plain_char = char if code > 0x2FFF else unicodedata.normalize("NFKD", char)[:1]
        self[code] = _CONFUSABLE.get(plain_char, plain_char)
        return self[code]


_FOLD = _Fold()


def folded(text: str) -> str:
    """Lower case, without accents, each letter the Latin one that it looks like."""
    return text.lower() if text.isascii() else unicodedata.normalize("NFKC", text).lower().translate(_FOLD)


def readings(text: str) -> Iterator[str]:
    """What a text says as it stands, and what each of its words may hide."""
    base = folded(text)
    yield base
    if not text.isascii() and _OTHER_SCRIPT.search(text):
        yield unicodedata.normalize("NFKC", text).lower()
    if not base.isalpha() and _LEET_WORD.search(base):
        yield _LEET_WORD.sub(lambda word: word[0].translate(_LEET), base)
    if len(text) >= BLOB:
        yield from (folded(found) for found in map(_decoded, _BASE64.findall(text)) if found)


def turned(text: str) -> Iterator[str]:
    """A text out of rot13, and from right to left."""
    base = folded(text)
    yield codecs.encode(base, "rot13")
    yield base[::-1]


def closed_up(text: str) -> str:
    """A text with its words of letters set apart put together."""
    return _SPELT.sub(lambda word: re.sub(r"[ .*_-]", "", word[0]), folded(text))


def one_letter(word: str) -> bool:
    """Whether a letter of a word stands alone, between marks or spaces."""
    return 1 in _lengths(word)


def letters_apart(text: str) -> bool:
    """Whether six words in a row are of one letter."""
    return b"\1\1\1\1\1\1" in _lengths(text)


def _lengths(text: str) -> bytes:
    """1 for each word of one letter, 2 for others."""
    words = text.encode("latin-1", "replace").translate(_SPACED).split()
    return bytes([min(len(word), 2) for word in words])


def _decoded(blob: str) -> str:
    """Text behind base64; "" where there is none."""
    try:
        found = base64.b64decode(blob.replace("-", "+").replace("_", "/") + "==").decode("utf-8")
    except (binascii.Error, ValueError):
        return ""
    return found if found.isprintable() else ""
