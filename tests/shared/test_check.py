"""What a model wrote, held against its passages."""

import pytest
from toolscout.check import check
from toolscout.prompts.answer import Source

SOURCES = [
    Source(1, 11, 1, "Otter", "Otter.ai records meetings and writes a transcript in real time."),
    Source(
        2, 22, 2, "Fireflies", "Fireflies joins your calls, transcribes them and writes summaries with action items."
    ),
    Source(3, 33, 3, "Notion", "Notion drafts documents and answers questions about your workspace."),
]


def texts(text: str) -> list[str]:
    return check(text, SOURCES, 0.5).text.splitlines()


@pytest.mark.parametrize(
    "said",
    [
        "Fireflies joins your calls and transcribes them [2].",
        "Fireflies joins your calls and transcribes them. [2]",
        "- **Fireflies** joins your calls and transcribes them [2]",
        "2. Fireflies joins your calls and transcribes them.",
        "Fireflies joins your calls and transcribes them (Passage 2).",
        "Fireflies joins your calls, transcribes them and writes summaries.",
    ],
)
def test_a_supported_sentence_stands_with_its_passage(said: str):
    found = check(said, SOURCES, 0.5)
    assert found.stands and found.dropped == 0
    assert found.text.endswith("[1]") and "[2]" not in found.text, "numbered in order of use"
    assert [(c.n, c.chunk_id, c.tool_id) for c in found.citations] == [(1, 22, 2)]


def test_unsupported_sentences_are_dropped_and_counted():
    found = check(
        "Otter records meetings [1]. Otter has 2 million users [1]. Zoom records meetings [1].\n"
        "Fireflies writes summaries [3]. Fireflies writes summaries [2]. Grass is green.",
        SOURCES,
        0.5,
    )
    assert found.text.splitlines() == ["Otter records meetings. [1]", "Fireflies writes summaries. [2]"]
    assert (found.kept, found.dropped) == (2, 4)
    assert found.support == 1.0


@pytest.mark.parametrize("said", ["", "   \n", "[1] [2] [3]", "Passages: 1, 2", "1. 2. 3.", "#", "[99]", "질문: 무엇?"])
def test_nothing_stands_where_nothing_is_said(said: str):
    found = check(said, SOURCES, 0.5)
    assert not found.stands and found.citations == [] and found.support is None


def test_mostly_invented_answers_do_not_stand():
    found = check("Otter records meetings [1]. Aa bb cc [1]. Dd ee ff [2]. Gg hh ii [3].", SOURCES, 0.5)
    assert found.kept == 1 and not found.stands


def test_a_citation_of_a_passage_that_was_not_shown_counts_for_nothing():
    assert texts("Otter plays chess [7].") == []
    assert texts("Otter.ai records meetings and writes a transcript [7].") == [
        "Otter.ai records meetings and writes a transcript. [1]"
    ]


def test_a_line_that_begins_with_a_number_speaks_of_that_passage_to_its_end():
    found = check("[2] Fireflies joins your calls. It writes action items.\n[1] Otter records meetings.", SOURCES, 0.5)
    assert found.text.splitlines() == [
        "Fireflies joins your calls. It writes action items. [1]",
        "Otter records meetings. [2]",
    ]
    assert [c.chunk_id for c in found.citations] == [22, 11]


def test_one_sentence_may_rest_on_two_passages():
    found = check("Otter and Fireflies transcribe calls and record meetings [1][2].", SOURCES, 0.5)
    assert [c.chunk_id for c in found.citations] == [11, 22]
