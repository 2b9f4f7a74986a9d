"""Questions to compare models on, on both databases."""

from __future__ import annotations

import unicodedata

import pytest
from toolscout.catalogue import Catalogue, questions
from toolscout.errors import Conflict, NotFound


def add(catalogue: Catalogue, text: str, now: float = 1.0) -> tuple[int, bool]:
    with catalogue.write() as conn:
        kept, is_new = questions.add(conn, text, now)
    return kept["id"], is_new


def texts(catalogue: Catalogue) -> list[str]:
    with catalogue.read() as conn:
        return [one["text"] for one in questions.every(conn)]


def test_the_oldest_comes_first(catalogue: Catalogue) -> None:
    assert texts(catalogue) == []
    first, second = add(catalogue, "회의록을 정리하는 도구", 2.0), add(catalogue, "a tool for photos", 1.0)
    assert (first[1], second[1]) == (True, True)
    assert texts(catalogue) == ["회의록을 정리하는 도구", "a tool for photos"]
    with catalogue.read() as conn:
        assert questions.every(conn)[1] == {"id": second[0], "text": "a tool for photos", "created_at": 1.0}


@pytest.mark.parametrize(
    "same", ["A Tool for  photos", "a tool for photos", unicodedata.normalize("NFD", "a tool for photos")]
)
def test_the_same_question_is_kept_once(catalogue: Catalogue, same: str) -> None:
    kept, _ = add(catalogue, "a tool for photos")
    assert add(catalogue, same) == (kept, False)
    assert texts(catalogue) == ["a tool for photos"]


def test_letters_put_together_otherwise_are_the_same(catalogue: Catalogue) -> None:
    kept, _ = add(catalogue, "사진 도구")
    assert add(catalogue, unicodedata.normalize("NFD", "사진 도구")) == (kept, False)


def test_there_is_a_most(catalogue: Catalogue) -> None:
    for n in range(questions.MOST):
        add(catalogue, f"question {n}")
    with pytest.raises(Conflict) as error:
        add(catalogue, "one more")
    assert error.value.reason == "too_many_questions"
    assert not add(catalogue, "QUESTION 7")[1]
    with catalogue.read() as conn:
        ids = [one["id"] for one in questions.every(conn)]
    with catalogue.write() as conn:
        questions.remove(conn, ids[0])
    assert add(catalogue, "one more")[1]
    assert len(texts(catalogue)) == questions.MOST


def test_what_is_not_there_cannot_be_removed(catalogue: Catalogue) -> None:
    with pytest.raises(NotFound), catalogue.write() as conn:
        questions.remove(conn, 7)


def test_many_at_the_same_time_keep_one(catalogue: Catalogue, together) -> None:
    kept = together(*[lambda n=n: add(catalogue, "the SAME" if n % 2 else "the same") for n in range(6)])
    assert len({one for one, _ in kept}) == 1
    assert sum(is_new for _, is_new in kept) == 1
