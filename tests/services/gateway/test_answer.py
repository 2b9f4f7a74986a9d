from types import SimpleNamespace

from toolscout.domain import Hit

from services.gateway.answer import extract, nothing_fits
from services.gateway.retrieve import Result, by_best_hit


def result(tool_id, name, *texts):
    passages = [SimpleNamespace(id=tool_id * 10 + n, text=text) for n, text in enumerate(texts)]
    return Result(SimpleNamespace(id=tool_id, name=name), 0.9, passages)


def test_the_sentence_with_the_rare_words_of_the_question_is_quoted_and_cited():
    found = extract(
        "remove the background of a photo",
        [
            result(1, "Cutter", "Cutter is loved by people all over the world. It removes backgrounds from any photo."),
            result(2, "Painter", "Painter adds colours to black and white pictures of long ago."),
        ],
    )
    assert found.text == "Cutter: It removes backgrounds from any photo. [1]"
    assert [(c.n, c.chunk_id, c.tool_id) for c in found.citations] == [(1, 10, 1)]
    assert (found.source, found.grounded) == ("extractive", True)


def test_korean_endings_do_not_hide_a_word():
    found = extract(
        "배경 제거", [result(1, "누끼", "누끼는 오래된 서비스입니다. 사진의 배경을 제거해 주는 가장 쉬운 방법입니다.")]
    )
    assert "배경을 제거" in found.text


def test_without_a_common_word_the_best_result_speaks():
    found = extract(
        "xyzzy", [result(1, "A", "Something that is long enough to be a sentence."), result(2, "B", "Another one.")]
    )
    assert found.text.startswith("A: ")


def test_nothing_fits_is_said_in_the_language_of_the_question():
    assert "찾지 못했" in nothing_fits("사진").text
    assert "Nothing" in nothing_fits("photo").text
    assert extract("x", []).citations == []


def test_a_site_with_many_hits_takes_one_place():
    hits = [Hit(n, tool, 1 - n / 10, 0.5, 0.0) for n, tool in enumerate([7, 7, 7, 7, 8, 7, 9])]
    grouped = by_best_hit(hits)
    assert list(grouped) == [7, 8, 9]
    assert [hit.chunk_id for hit in grouped[7]] == [0, 1, 2]
