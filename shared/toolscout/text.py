"""Text that any store takes, and personal data taken out of it."""

from __future__ import annotations

import re

HANGUL = re.compile(r"[\uac00-\ud7a3]")
# C0 and C1 controls but tab and line feed; PostgreSQL refuses NUL, terminals and JSON readers dislike the others.
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_EMAIL = re.compile(r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+")
_CARD = re.compile(r"(?<![\w.])\d(?:[ -]?\d){12,18}(?![\w.]?\d)")
# Grouped as people write them (02-123-4567, (415) 555-0100, +82 10 1234 5678), or a bare run after + or 0.
_PHONE = re.compile(
    r"(?<![\w.])(?:"
    r"(?:\+\d{1,3}[ .-]?)?\(?\d{2,4}\)?[ .-]\d{3,4}[ .-]\d{4}|\+\d{1,3}(?:[ .-]?\d{2,4}){2,4}|0\d{8,11}"
    r")(?!\w)"
)


def spoken(text: str) -> str:
    """ko or en: the language in which a text is answered."""
    return "ko" if HANGUL.search(text) else "en"


def clean(text: str) -> str:
    """Without control characters and lone surrogates."""
    return _CONTROLS.sub(" ", text.replace("\r\n", "\n")).encode("utf-8", "ignore").decode("utf-8")


def scrub(text: str) -> str:
    """E-mail addresses, phone numbers and payment card numbers become [email], [phone] and [card]."""
    return _PHONE.sub("[phone]", _CARD.sub(_card, _EMAIL.sub("[email]", text)))


def _card(match: re.Match[str]) -> str:
    return "[card]" if _luhn(re.sub(r"\D", "", match.group())) else match.group()


def _luhn(digits: str) -> bool:
    """ISO/IEC 7812-1 annex B."""
    doubled = [int(d) * (2 if n % 2 else 1) for n, d in enumerate(reversed(digits))]
    return sum(d - 9 if d > 9 else d for d in doubled) % 10 == 0
