from hypothesis import given, strategies
from toolscout.domain import Extracted

from services.processor.chunk import MAX_CHUNKS, TARGET, TARGET_CJK, passages


def of(text, headings=()):
    return passages(Extracted(text=text, headings=list(headings)))


def test_a_short_page_is_one_passage():
    assert of("One line.\nAnother.") == ["One line.\nAnother."]


def test_a_heading_begins_a_passage_and_never_ends_one():
    lines = ["x " * 200, "Prices", "y " * 200, "Contact", "z " * 200]
    found = of("\n".join(line.strip() for line in lines), ["Prices", "Contact"])
    assert [passage.split("\n")[0][:8] for passage in found] == ["x x x x ", "Prices", "Contact"]


def test_long_paragraphs_are_cut_between_sentences():
    found = of("This is a sentence of some length, which ends here. " * 100)
    assert all(len(passage) <= TARGET for passage in found)
    assert all(passage.endswith("here.") for passage in found)


def test_hangul_takes_smaller_passages():
    found = of("이 도구는 사진의 배경을 자동으로 지워 줍니다. " * 60)
    assert max(map(len, found)) <= TARGET_CJK


def test_a_very_long_page_gives_only_so_many():
    assert len(of("word " * 100_000)) == MAX_CHUNKS


@given(strategies.text(alphabet="ab .\n가", max_size=3000))
def test_no_text_is_lost_or_made_up(text):
    wanted = "".join(text.split())
    assert "".join("".join(of(text)).split()) == wanted or len(of(text)) == MAX_CHUNKS
