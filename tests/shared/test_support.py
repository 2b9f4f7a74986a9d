"""Whether a passage says what a sentence claims."""

import pytest
from toolscout.support import support

PASSAGE = (
    "Otter: Otter.ai records meetings and writes a transcript in real time. The free plan has 300 minutes a month."
)
KOREAN = "Otter: Otter.ai는 회의를 녹음하고 실시간으로 받아 적습니다. 무료 요금제는 월 300분입니다."


@pytest.mark.parametrize(
    "sentence",
    [
        "Otter records meetings and writes transcripts in real time.",
        "The free plan has 300 minutes a month.",
        "It records a meeting.",
    ],
)
def test_what_the_passage_says_is_supported(sentence: str):
    assert support(sentence, PASSAGE) >= 0.8


@pytest.mark.parametrize(
    ("sentence", "most"),
    [
        ("The free plan has 500 minutes a month.", 0.0),
        ("Otter does not record meetings.", 0.25),
        ("Zoom records meetings and writes a transcript.", 0.4),
        ("Otter records meetings on Windows.", 0.4),
        ("Otter translates novels into Latin verse.", 0.4),
        ("", 0.0),
    ],
)
def test_a_wrong_number_name_or_not_is_unsupported(sentence: str, most: float):
    assert support(sentence, PASSAGE) <= most


def test_between_languages_names_and_numbers_decide():
    assert support("Otter는 회의를 받아 적으며 무료로 300분을 줍니다.", PASSAGE) == 1.0
    assert support("Otter는 무료로 500분을 줍니다.", PASSAGE) == 0.0
    assert support("Zoom은 회의를 녹음합니다.", PASSAGE) == 0.0
    assert support("회의를 녹음합니다.", PASSAGE) == 0.0, "nothing to compare is no support"
    assert support("Otter.ai records meetings", KOREAN) > 0


def test_korean_is_compared_with_korean():
    assert support("Otter는 회의를 녹음하고 실시간으로 받아 적습니다.", KOREAN) >= 0.8
    assert support("Otter는 회의를 녹음하지 않습니다.", KOREAN) <= 0.25
    assert support("Otter는 사진의 배경을 지웁니다.", KOREAN) < 0.5
