"""The language of a text, as an ISO 639-1 code."""

from __future__ import annotations

import re

from toolscout.text import HANGUL

_KANA = re.compile(r"[\u3041-\u30ff]")
_LETTER = re.compile(r"[^\W\d_]")
_CODE = re.compile(r"[a-z]{2,3}(?=$|[-_])", re.I)
SAMPLE = 3000
# Shares of the letters from which a script decides: one borrowed word does not make a page Korean.
HANGUL_SHARE, KANA_SHARE = 0.3, 0.15


def language_of(text: str, declared: str) -> str:
    """Hangul and Kana decide by themselves; else what the page declares; else a guess from the text, or ""."""
    sample = text[:SAMPLE]
    letters = len(_LETTER.findall(sample))
    if letters:
        if len(HANGUL.findall(sample)) > letters * HANGUL_SHARE:
            return "ko"
        if len(_KANA.findall(sample)) > letters * KANA_SHARE:
            return "ja"
    code = _CODE.match(declared.strip())
    if code:
        return code[0].lower()
    return _guess(sample) if letters > 20 else ""


def _guess(text: str) -> str:
    # Its model is loaded at the first page that does not say its language.
    import py3langid

    return str(py3langid.classify(text)[0])
