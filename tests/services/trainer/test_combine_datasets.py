"""One data set of all rows: nothing twice, like questions in one split, the same bytes for the same seed."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import duckdb
import orjson
import pytest
from toolscout.catalogue import Catalogue
from toolscout.encoder import Encoder
from toolscout.settings import Settings

from services.trainer.hygiene import Evaluation, Near
from services.trainer.job import Job
from services.trainer.split import TEST, TRAIN, VALIDATION, Splitter
from services.trainer.triples import triples
from tests.services.trainer.conftest import Trainer
from tests.services.trainer.shop import Shop

DATA = ("generate_finetuning_data", "combine_datasets")
SETS = ("sft", "kto", "triples")


@pytest.fixture
def rated(shop: Shop) -> Shop:
    """Forty different questions, rated up, each by its own visitor."""
    things = ["photo", "portrait", "logo", "passport", "product", "cat", "car", "shoe", "house", "tree"]
    ways = [
        "remove the background of a {}",
        "cut out the {} cleanly",
        "make a {} transparent",
        "sharp edges around a {}",
    ]
    for n, (way, thing) in enumerate((way, thing) for way in ways for thing in things):
        query, session = way.format(thing), f"v{n}"
        answer = "Snipper: Snipper removes the background of a photo in one click. [1]"
        search = shop.search(query, ["Snipper", "Murmur"], answer, ["Snipper"], session=session)
        shop.rate(search, "up", session=session)
        shop.rate(search, "down", "Murmur", session=session)
    return shop


def every(train: Trainer, name: str) -> list[dict]:
    return [row for split in (TRAIN, VALIDATION, TEST) for row in train.rows(f"{name}.{split}.jsonl")]


def test_two_runs_with_one_seed_are_equal_to_the_byte(rated: Shop, train: Trainer) -> None:
    train(*DATA, seed=5)
    first = {one["name"]: train.path(one["name"]).read_bytes() for one in train.run["steps"][-1]["artefacts"]}
    train(*DATA, seed=5)
    assert {name: train.path(name).read_bytes() for name in first} == first
    assert {"sft.train.parquet", "triples.test.jsonl", "card.json", "card.md"} <= first.keys()
    train(*DATA, seed=6)
    assert train.path("sft.train.jsonl").read_bytes() != first["sft.train.jsonl"]


def test_like_questions_are_in_one_split_and_the_newest_test(rated: Shop, train: Trainer) -> None:
    for n in range(3):  # the newest question, asked a little differently
        session = f"late{n}"
        search = rated.search(f"remove the shadow under a bottle{'!' * n}", ["Snipper"], session=session)
        rated.rate(search, "up", "Snipper", session=session)
    train(*DATA)
    splits = {
        row["query"]: split for split in (TRAIN, VALIDATION, TEST) for row in train.rows(f"triples.{split}.jsonl")
    }
    late = [split for query, split in splits.items() if "bottle" in query]
    assert set(late) == {TEST}
    newest_trained = max(row["at"] for row in train.rows("triples.train.jsonl"))
    assert all(row["at"] > newest_trained for row in train.rows("triples.test.jsonl"))


def test_what_is_said_twice_is_kept_once(shop: Shop, train: Trainer) -> None:
    answer = "Murmur: Murmur turns speech into text in ninety languages. [1]"
    for session, query in (
        ("a", "turn speech into text"),
        ("b", "turn speech into text"),
        ("c", "turn speech into texts"),
    ):
        shop.rate(shop.search(query, ["Murmur"], answer, ["Murmur"], session=session), "up", session=session)
    step = train(*DATA)
    assert len(every(train, "sft")) == 1
    assert step["drops"] == {"duplicate": 1, "near_duplicate": 1}


def test_those_who_contradict_each_other_cancel_out(shop: Shop, train: Trainer) -> None:
    for session, rating in (("a", "up"), ("b", "down")):
        shop.rate(shop.search("read invoices", ["Ledgerly"], session=session), rating, "Ledgerly", session=session)
    shop.rate(shop.search("tune a guitar", ["Fretboard"], session="c"), "down", "Fretboard", session="c")
    step = train(*DATA)
    assert every(train, "triples") == []
    assert step["drops"] == {"contradicted": 1, "only_negatives": 1}


def test_no_evaluation_query_comes_through_in_any_dress(
    rated: Shop, train: Trainer, evaluation, settings: Settings
) -> None:
    train("generate_finetuning_data")
    before = train.rows("retrieval.jsonl")
    # Planted after the first step has read them: the second one looks for itself.
    planted = ["Remove the background of a CAT", "make a house transparent, please", "cutting out the car cleanly"]
    evaluation(*planted)
    step = train("combine_datasets")
    found = Evaluation(planted, Encoder(settings.encoder_dir))
    kept = every(train, "triples")
    gone = {row["query"] for row in before} - {row["query"] for row in kept}
    assert gone >= {"remove the background of a cat", "make a house transparent", "cut out the car cleanly"}
    assert 3 <= len(gone) <= 10  # with what is nearly the same
    assert step["drops"]["evaluation_overlap"] == 2 * len(gone)  # as a triple and as an answer
    assert not any(found.overlapping([row["query"] for name in SETS for row in every(train, name)]))


def test_parquet_holds_the_same_rows(rated: Shop, train: Trainer) -> None:
    train(*DATA)
    with duckdb.connect() as db:
        rows = db.execute(f"SELECT query, chunk_id, negatives FROM '{train.path('triples.train.parquet')}'").fetchall()
    assert rows == [(row["query"], row["chunk_id"], row["negatives"]) for row in train.rows("triples.train.jsonl")]


def test_the_card_counts_what_is_there(rated: Shop, train: Trainer) -> None:
    step = train(*DATA)
    card = json.loads(train.path("card.json").read_text())
    for name in SETS:
        rows = {split: len(train.rows(f"{name}.{split}.jsonl")) for split in (TRAIN, VALIDATION, TEST)}
        assert card["sets"][name]["rows"] == rows
        assert step["figures"][name] == rows
    assert card["left_out"] == step["drops"]
    assert "| triples |" in train.path("card.md").read_text()
    files = {one["name"]: one["sha256"] for one in step["artefacts"]}
    assert card["files"].items() <= files.items()


def test_with_nothing_to_combine_the_sets_are_empty(shop: Shop, train: Trainer) -> None:
    assert train("combine_datasets")["state"] == "done"
    assert every(train, "sft") == []


def test_a_file_that_was_changed_by_hand_is_refused(rated: Shop, train: Trainer) -> None:
    train("generate_finetuning_data")
    with train.path("retrieval.jsonl").open("ab") as file:
        file.write(b"{}\n")
    step = train("combine_datasets")
    assert (step["state"], step["reason"]) == ("failed", "artefact_changed")
    assert "Run the step that makes it again" in step["detail"]
    assert not list((train.path("x").parent).glob("*.jsonl"))  # nothing half-way


def test_refusals_and_made_up_rows_are_few_and_the_labels_even(train: Trainer, shop: Shop) -> None:
    def row(n: int, kind: str, **more) -> dict:
        words = " ".join(sha256(f"{kind}{n}{i}".encode()).hexdigest()[:8] for i in range(8))
        said = [{"role": "assistant", "content": f"{words} said"}]
        base = {"kind": kind, "source": "feedback", "query": words, "language": "en", "group": "stable", "at": 1.0 + n}
        return base | {"prompt": [], "completion": said, "tool_ids": [n], "chunk_ids": [n], "weight": 1.0} | more

    made = {
        "finetuning.jsonl": [*(row(n, "answer") for n in range(30)), *(row(n, "refusal") for n in range(30))],
        "kto.jsonl": [row(n, "rating", label=n < 50) for n in range(52)],
        "retrieval.jsonl": [],
    }

    def work(job: Job) -> None:
        for name, rows in made.items():
            job.write_rows(name, rows)

    from services.trainer import steps

    original = steps.work_of
    steps.work_of = lambda name: work if name == "generate_finetuning_data" else original(name)
    try:
        step = train(*DATA)
    finally:
        steps.work_of = original
    kinds = [one["kind"] for one in every(train, "sft")]
    assert (kinds.count("answer"), kinds.count("refusal")) == (30, 10)
    labels = [one["label"] for one in every(train, "kto")]
    assert (labels.count(True), labels.count(False)) == (8, 2)
    assert step["drops"] == {"unbalanced": 20 + 42}


class TestSplitter:
    def test_shares_are_near_a_tenth_each(self) -> None:
        splitter = Splitter(0)
        for n in range(2000):
            splitter.add(n, f"key {n}", float(n))
        splitter.settle()
        splits = [splitter.split_of(n) for n in range(2000)]
        assert splits[-200:] == [TEST] * 200
        assert TEST not in splits[:-200]
        assert 130 < splits.count(VALIDATION) < 230

    def test_a_cluster_is_as_old_as_its_first_row(self) -> None:
        splitter = Splitter(0)
        for n in range(20):
            splitter.add(n, f"key {n}", float(n))
        splitter.add(0, "key 0", 1000.0)
        splitter.settle()
        assert splitter.split_of(0) != TEST


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ("remove the background of a photo", "Remove the background of a photo.", True),
        ("remove the background of a photo", "remove the backgrounds of a photo", True),
        ("remove the background of a photo", "turn speech into text", False),
        ("사진 배경을 지워 줘", "사진 배경을 지워줘!", True),
        ("translate text to French", "translate text to German", False),
    ],
)
def test_near_texts(a: str, b: str, same: bool) -> None:
    near = Near()
    near.add(a)
    assert (near.find(b) is not None) is same


def test_paraphrases_of_evaluation_queries_are_found(settings: Settings) -> None:
    found = Evaluation(["How do I remove the background from a picture?"], Encoder(settings.encoder_dir))
    assert found.overlapping(["how can I delete the background of an image", "turn speech into text"]) == [True, False]
    assert not Evaluation([]).overlaps("anything")


def test_a_broken_evaluation_set_is_named(settings: Settings) -> None:
    settings.evaluation_dir.mkdir(parents=True)
    (settings.evaluation_dir / "x.jsonl").write_text('{"query": "a"}\nnot json\n')
    with pytest.raises(Exception, match=r"Line 2 of x.jsonl"):
        Evaluation.read(settings)


def test_many_who_agree_weigh_more_than_one(sqlite_catalogue: Catalogue) -> None:
    rows = [
        {"query": q, "positives": [{"chunk_id": 7, "tool_id": 1}], "negatives": [9], "weight": 1.0}
        | {"language": "en", "at": float(n), "source": "feedback"}
        for n, q in enumerate(["Sort mail", "sort mail", "other"])
    ]

    class Counting:
        def drop(self, reason: str, n: int = 1) -> None:
            raise AssertionError(reason)

    found = list(triples(rows, Counting()))  # type: ignore[arg-type]
    assert [(row["query"], row["weight"], row["negatives"]) for row in found] == [
        ("Sort mail", 2.0, [9]),
        ("other", 1.0, [9]),
    ]


def test_rows_are_written_whole_or_not_at_all(train: Trainer, shop: Shop, tmp_path: Path) -> None:
    from services.trainer import steps

    def fail(job: Job) -> None:
        with job.rows_into("half.jsonl") as put:
            put["half.jsonl"]({"a": 1})
            raise OSError(28, "No space left on device")

    original = steps.work_of
    steps.work_of = lambda name: fail
    try:
        step = train("combine_datasets")
    finally:
        steps.work_of = original
    assert (step["state"], step["reason"]) == ("failed", "disk_full")
    assert list(train.path("x").parent.iterdir()) == []
    assert step["artefacts"] == []
    assert orjson.dumps(step["drops"]) == b"{}"
