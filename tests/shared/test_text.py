"""Personal data never reaches a store or a log."""

import pytest
from toolscout.text import clean, scrub


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mail a.b+c@mail.example.co.kr now", "mail [email] now"),
        ("call 010-1234-5678 or (02) 123-4567", "call [phone] or [phone]"),
        ("+82 10 1234 5678", "[phone]"),
        ("01012345678", "[phone]"),
        ("card 4111 1111 1111 1111.", "card [card]."),
        ("card:4111111111111111", "card:[card]"),
    ],
)
def test_personal_data_is_scrubbed(text: str, expected: str) -> None:
    assert scrub(text) == expected


@pytest.mark.parametrize(
    "text", ["GPT-4 2024-05-06", "1000000 users", "v1.2.3.4.5.6.7.8", "2023 2024", "1234567890123456"]
)
def test_other_numbers_stay(text: str) -> None:
    assert scrub(text) == text


def test_clean_text_is_storable() -> None:
    assert clean("a\x00b\ud800c\td\ne 한글 🎉") == "a bc\td\ne 한글 🎉"
