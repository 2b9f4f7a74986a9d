"""What the word index sees."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from toolscout.words import MAX_QUERY_WORDS, query_words, searchable


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Images, generated!", "imag generat"),
        ("C++ and C# or c", "c++ and c# or c"),
        ("gpt-4 node.js get_weather", "gpt 4 node js get weather"),
        ("ＧＰＴ４", "gpt4"),
        ("🎉 party 🎉", "parti"),
        ("", ""),
        ("!?…", ""),
    ],
)
def test_words_are_folded_and_stemmed(text: str, expected: str) -> None:
    assert searchable(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("도구", "도구"),
        ("이미지를", "이미 미지 지를"),
        ("그 AI도구", "그 ai 도구"),
        ("画像生成AI", "画像 像生 生成 ai"),
    ],
)
def test_cjk_becomes_pairs(text: str, expected: str) -> None:
    assert searchable(text) == expected


def test_decomposed_hangul_is_the_same_word() -> None:
    assert searchable("\u1103\u1169\u1100\u116e") == searchable("도구")


@pytest.mark.parametrize("particle", ["", "를", "에서", "는"])
def test_a_particle_does_not_hide_a_korean_word(particle: str) -> None:
    assert set(query_words("이미지")) <= set(searchable(f"이미지{particle} 만든다").split())


def test_a_query_drops_what_every_text_has() -> None:
    assert query_words("What is the best tool for the images?") == ["best", "tool", "imag"]


def test_a_query_of_nothing_else_keeps_it() -> None:
    assert query_words("to be or not to be") == ["to", "be", "or", "not"]


def test_a_query_has_each_word_once_and_not_too_many() -> None:
    assert query_words("cat cats CAT") == ["cat"]
    assert len(query_words(" ".join(f"w{n}" for n in range(1000)))) == MAX_QUERY_WORDS


@given(st.text(max_size=200))
def test_a_query_finds_its_own_text(text: str) -> None:
    assert set(query_words(text)) <= set(searchable(text).split())


def test_threads_do_not_disturb_each_other() -> None:
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(searchable("running dogs " * 500))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(found) == {" ".join(["run dog"] * 500)}
