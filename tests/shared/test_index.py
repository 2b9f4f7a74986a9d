"""Search over vectors and words in memory, held against brute force."""

import threading
from dataclasses import dataclass

import numpy as np
import pytest
from toolscout.encoder import DIM, Encoder, pack, unpack
from toolscout.index import CANDIDATES, FEW_TOOLS, SKIPPED, WORDS, Index
from toolscout.settings import ROOT

RNG = np.random.default_rng(7)
WORDS_USED = [f"w{n}" for n in range(60)]


@dataclass(slots=True)
class Row:
    id: int
    tool_id: int
    title: str
    text: str
    vector: bytes


def directions(count: int) -> np.ndarray:
    vectors = RNG.standard_normal((count, DIM)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def rows(first: int, count: int, text: str = "") -> list[Row]:
    """Passages `first` and on, ten a tool, of random direction and words."""
    return [
        Row(i, i // 10, f"Tool {i}", text or " ".join(RNG.choice(WORDS_USED, 8)), vector)
        for i, vector in enumerate(pack(directions(count)), first)
    ]


def nearest(some: list[Row], query: np.ndarray, k: int) -> list[int]:
    cosines = unpack([row.vector for row in some]) @ query
    return [some[i].id for i in np.argsort(-cosines)[:k]]


def assert_same(some: list[Row], query: np.ndarray, a: list[int], b: list[int]) -> None:
    """The same passages in the same order; where two are equally near, in any: sums differ by their order."""
    cosine = dict(zip((row.id for row in some), unpack([row.vector for row in some]) @ query, strict=True))
    assert len(set(a)) == len(a) == len(b)
    np.testing.assert_allclose([cosine[i] for i in a], [cosine[i] for i in b], rtol=0, atol=2e-6)


def filled(some: list[Row]) -> Index:
    index = Index()
    index.apply(some, [], 1)
    return index


def found(index: Index, query: np.ndarray, k: int, text: str = "", allowed: set[int] | None = None) -> list[int]:
    return [hit.chunk_id for hit in index.search(text, query, k, allowed).hits]


def test_an_empty_index_finds_nothing() -> None:
    hits = Index().search("cat", directions(1)[0], 10)
    assert (hits.hits, hits.version, hits.ntotal, hits.fits(-1)) == ([], 0, 0, False)


@pytest.mark.parametrize("steps", [1, 7, 40])
def test_vectors_are_searched_exactly_however_they_came(steps: int) -> None:
    some = rows(1, 600)
    index = Index()
    for n, part in enumerate(np.array_split(np.arange(600), steps), 1):
        index.apply([some[i] for i in part], [], n)
    assert (index.version, index.ntotal) == (steps, 600)
    for query in directions(20):
        assert_same(some, query, found(index, query, 30), nearest(some, query, 30))


@pytest.mark.parametrize("gone", [1, 40, SKIPPED + 50, 590])
def test_what_is_deleted_is_not_found(gone: int) -> None:
    # Large enough that so many deletions leave the segment as it is.
    some = rows(1, 600 if gone in {1, 590} else 2000)
    index = filled(some)
    dead = set(RNG.choice([row.id for row in some], gone, replace=False).tolist())
    index.apply([], dead, 2)
    alive = [row for row in some if row.id not in dead]
    assert index.ntotal == len(alive)
    for query in directions(10):
        assert found(index, query, 30, "w1 w2 w3") == found(filled(alive), query, 30, "w1 w2 w3") or gone < 600
        assert not dead & set(found(index, query, 100, "w1 w2 w3"))
        assert found(index, query, 30) == nearest(alive, query, 30)


@pytest.mark.parametrize("tools", [0, 1, 5, FEW_TOOLS + 100])
def test_filters_are_exact(tools: int) -> None:
    some = rows(1, 4000)
    index = filled(some)
    allowed = set(RNG.choice(400, tools, replace=False).tolist())
    wanted = [row for row in some if row.tool_id in allowed]
    for query in directions(5):
        assert found(index, query, 30, allowed=allowed) == (nearest(wanted, query, 30) if wanted else [])
        hits = index.search("w1 w2 w3", query, 30, allowed).hits
        assert {hit.tool_id for hit in hits} <= allowed
        assert len(hits) == min(30, len(wanted))


def test_words_are_found_behind_a_filter_that_lets_little_through() -> None:
    some = rows(1, 4000, text="common words")
    index = filled([*some, Row(9001, 7000, "Rare", "common words", pack(-directions(1))[0])])
    hits = index.search("common words", directions(1)[0], 5, {7000, *range(100_000, 100_000 + FEW_TOOLS)}).hits
    assert [hit.chunk_id for hit in hits] == [9001]
    assert hits[0].bm25 > 0


def test_the_score_is_cosine_and_a_share_of_bm25() -> None:
    query = directions(1)[0]
    some = rows(1, 500, text="nothing of that")
    some.append(Row(501, 60, "Zebra", "stripes", pack(-query[None])[0]))
    hits = filled(some).search("zebra stripes", query, 501).hits
    last = next(hit for hit in hits if hit.chunk_id == 501)
    assert last.cosine == pytest.approx(-1, abs=1e-3)
    assert last.bm25 > 0
    for hit in hits:
        assert hit.score == pytest.approx(hit.cosine + WORDS * hit.bm25, abs=1e-5)
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_a_passage_that_only_its_words_find_has_its_exact_cosine() -> None:
    # Thirty rare words that only one passage has outweigh every cosine.
    query, words = directions(1)[0], " ".join(f"rare{n}" for n in range(30))
    far = Row(901, 99, "", words, pack(directions(1))[0])
    hit = filled([*rows(1, 900), far]).search(words, query, 10).hits[0]
    assert hit.chunk_id == 901
    assert hit.cosine == pytest.approx(float(unpack([far.vector])[0] @ query), abs=1e-5)
    assert 901 not in nearest(rows(1, 900), query, CANDIDATES)


def test_the_first_k_do_not_depend_on_k() -> None:
    index = filled(rows(1, 900))
    for query in directions(10):
        assert found(index, query, 10, "w1 w2 w3 w4") == found(index, query, CANDIDATES, "w1 w2 w3 w4")[:10]


def test_a_batch_may_come_twice() -> None:
    some = rows(1, 50)
    index = Index()
    query = directions(1)[0]
    index.apply(some, [3], 5)
    before = index.search("w1 w2", query, 60).hits
    for version in (5, 4, 6):
        index.apply(some, [3], version)
        again = index.search("w1 w2", query, 60)
        assert [hit.chunk_id for hit in again.hits] == [hit.chunk_id for hit in before]
        assert again.ntotal == 49
    assert index.version == 6


def test_the_word_index_forgets_what_is_deleted() -> None:
    index = filled(rows(1, 30, text="unique"))
    index.apply([], range(1, 21), 2)
    assert len(index.arms("unique", directions(1)[0], 30)[1]) == 10


def test_a_row_that_comes_twice_in_a_batch_is_one() -> None:
    some = rows(1, 5)
    assert filled(some + some).ntotal == 5


def test_a_batch_that_cannot_be_read_changes_nothing() -> None:
    some = rows(1, 20)
    index = filled(some)
    bad = [*rows(21, 3, text="unique"), Row(24, 2, "", "unique", b"short")]
    with pytest.raises(ValueError, match="multiple"):
        index.apply(bad, [1], 2)
    assert (index.version, index.ntotal) == (1, 20)
    index.apply(bad[:3], [], 2)
    hits = index.search("unique", directions(1)[0], 30).hits
    assert len(hits) == 23
    assert {hit.chunk_id for hit in hits if hit.bm25} == {21, 22, 23}


def test_readers_see_whole_versions_while_it_changes() -> None:
    """Version n holds batch n alone, of ten passages with its own word: a mixture would show."""
    index = Index()
    stop = threading.Event()
    wrong: list[str] = []
    seen: set[int] = set()

    def read() -> None:
        query = directions(1)[0]
        while not stop.is_set():
            hits = index.search("both", query, 100)
            seen.add(hits.version)
            batches = {(hit.chunk_id - 1) // 10 for hit in hits.hits}
            if hits.version and (len(hits.hits), hits.ntotal, batches) != (10, 10, {hits.version - 1}):
                wrong.append(f"version {hits.version}: {batches}, {len(hits.hits)} of {hits.ntotal}")
            if not all(hit.bm25 for hit in hits.hits):
                wrong.append(f"version {hits.version}: words are behind")

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for n in range(60):
        index.apply(rows(n * 10 + 1, 10, text="both"), range((n - 1) * 10 + 1, n * 10 + 1) if n else [], n + 1)
    stop.set()
    for reader in readers:
        reader.join()
    assert not wrong
    assert len(seen) > 1


def test_real_questions_find_real_passages() -> None:
    encoder = Encoder(ROOT / "models" / "encoder")
    texts = [
        "Turns text into speech",
        "Removes the background of photos",
        "Reviews pull requests",
        "회의록을 요약하는 도구",
    ]
    some = [
        Row(i, i, "", text, vector)
        for i, (text, vector) in enumerate(zip(texts, pack(encoder.encode(texts)), strict=True), 1)
    ]
    index = filled(some)
    questions = ["make a voice read my article aloud", "cut out a person from a picture", "code review", "회의록 요약"]
    for i, question in enumerate(questions, 1):
        assert found(index, encoder.encode_query(question), 1, question) == [i]
