"""From ratings to a query adapter that passes its gate and is deployed; and what keeps one from it."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import numpy as np
import pytest
from toolscout import query_adapter
from toolscout.catalogue import Catalogue, experiments
from toolscout.encoder import DIM, Encoder
from toolscout.query_adapter import QueryAdapter
from toolscout.settings import Settings

from services.gateway.describe_arms import describe_arms
from services.trainer.query_adapter import Pairs, train
from services.trainer.train_query_adapter import _on_top_of
from tests.services.trainer.conftest import Trainer
from tests.services.trainer.shop import Shop

STEPS = ("generate_finetuning_data", "combine_datasets", "train_query_adapter")
ALL = (*STEPS, "deploy")
TOPICS = {
    "photos": "portrait background camera picture wedding album retouch lens",
    "speech": "voice meeting transcript microphone podcast dictation interview subtitles",
    "invoices": "receipt accounting tax payment ledger bookkeeping expenses bank",
    "guitar": "chords tablature strings solo tuning melody amplifier rehearsal",
    "recipes": "kitchen dinner ingredients baking soup calories vegetarian oven",
    "travel": "flight hotel itinerary luggage visa museum train island",
    "law": "contract clause court lawyer lease dispute patent witness",
    "gardens": "soil roses watering seeds compost pruning greenhouse hedge",
}
WAYS = ["{a} for my {b}", "who can help with {a} and {b}", "better {b} through {a}", "{a} without any {b}"]


@pytest.fixture
def shop(sqlite_catalogue: Catalogue, settings: Settings) -> Shop:
    described = {name: f"This tool is about {words.replace(' ', ', ')}." for name, words in TOPICS.items()}
    return Shop(sqlite_catalogue, Encoder(settings.encoder_dir), described)


def questions() -> list[tuple[str, str]]:
    """(question, its topic): each pairs two words of the topic in one of four ways, each once."""
    rng, found = Random(3), []
    for topic, words in TOPICS.items():
        pairs = [(a, b) for a in words.split() for b in words.split() if a != b]
        found += [(WAYS[n % 4].format(a=a, b=b), topic) for n, (a, b) in enumerate(rng.sample(pairs, 24))]
    rng.shuffle(found)
    return found


def rate(shop: Shop, wanted) -> None:
    """One visitor a question, who rates up the tool that `wanted(topic)` names."""
    for n, (query, topic) in enumerate(questions()):
        session = f"v{n}"
        search = shop.search(query, list(TOPICS), session=session)
        shop.rate(search, "up", wanted(topic), session=session)


def next_topic(topic: str) -> str:
    """Visitors who want the tool of another topic than they ask for: something that only they can teach."""
    names = list(TOPICS)
    return names[(names.index(topic) + 1) % len(names)]


def pointer(settings: Settings) -> Path:
    return settings.models_dir / "candidate_query_adapter"


def test_what_visitors_want_is_learnt_and_becomes_the_candidates(
    shop: Shop, train: Trainer, settings: Settings
) -> None:
    rate(shop, next_topic)
    deployed = train(*ALL)
    step = train.run["steps"][-2]
    assert step["state"] == "done", step
    assert step["figures"]["passed"] is True
    assert step["figures"]["gain"] > 0.1
    assert (deployed["state"], deployed["figures"]["query_adapter"]) == ("done", train.run["id"]), deployed
    made = pointer(settings).resolve()
    assert made == settings.models_dir / "query_adapters" / train.run["id"]
    sha = Encoder(settings.encoder_dir).sha
    assert query_adapter.load(made, sha).id == train.run["id"]
    arms = describe_arms(settings)
    assert arms and (arms["stable"]["query_adapter"], arms["candidate"]["query_adapter"]) == (None, train.run["id"])
    told = json.loads((made / "provenance.json").read_text())
    assert (told["run"], told["gate"]["passed"], told["start"]) == (train.run["id"], True, None)
    assert {one["name"] for one in step["artefacts"]} == {"card.md", "provenance.json", "report.json", "weights.npz"}
    assert "| visitors |" in (made / "card.md").read_text()


def test_ratings_at_random_teach_nothing_that_passes(shop: Shop, train: Trainer, settings: Settings) -> None:
    rng = Random(1)
    rate(shop, lambda _: rng.choice(list(TOPICS)))
    deployed = train(*ALL)
    step = train.run["steps"][-2]
    assert step["state"] == "done"
    assert step["figures"]["passed"] is False
    assert step["figures"]["why_not"]
    assert (deployed["state"], deployed["reason"]) == ("skipped", "nothing_passed")
    assert not pointer(settings).exists()


def test_one_session_cannot_teach_alone(shop: Shop, train: Trainer, settings: Settings) -> None:
    for query, topic in questions() * 3:
        search = shop.search(query, list(TOPICS), session="loud")
        shop.rate(search, "up", next_topic(topic), session="loud")
    train(*ALL)
    ended = [(step["state"], step["reason"]) for step in train.run["steps"][-2:]]
    assert ended == [("skipped", "too_few_ratings"), ("skipped", "nothing_passed")]
    assert not pointer(settings).exists()
    assert train.run["state"] == "done"


def test_a_running_experiment_keeps_its_arms(shop: Shop, train: Trainer, settings: Settings) -> None:
    arms = {"stable": {"endpoint": "", "model": "a"}, "candidate": {"endpoint": "", "model": "b"}}
    with shop.catalogue.write() as conn:
        running = experiments.sync(conn, arms, 0.1, 1.0)
    rate(shop, next_topic)
    deployed = train(*ALL)
    assert train.run["steps"][-2]["figures"]["passed"] is True
    assert (deployed["state"], deployed["reason"]) == ("skipped", "experiment_runs")
    assert running and running.id in deployed["detail"]
    assert not pointer(settings).exists()


def test_a_frozen_set_that_gets_worse_stops_it(shop: Shop, train: Trainer, settings: Settings) -> None:
    frozen = settings.evaluation_dir / "before"
    frozen.mkdir(parents=True)
    docs = [{"_id": name, "text": f"This tool is about {words}."} for name, words in TOPICS.items()]
    asked = [(n, word, name) for name, words in TOPICS.items() for n, word in enumerate(words.split()[:6])]
    rows = [{"_id": f"{name}{n}", "text": f"something with {word} {word}"} for n, word, name in asked]
    (frozen / "corpus.jsonl").write_text("\n".join(map(json.dumps, docs)))
    (frozen / "queries.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (frozen / "qrels.tsv").write_text("q\td\ts\n" + "".join(f"{name}{n}\t{name}\t1\n" for n, _, name in asked))
    rate(shop, next_topic)
    step = train(*STEPS)
    assert step["figures"]["passed"] is False
    assert any("before is worse" in why for why in step["figures"]["why_not"])


def test_without_a_data_set_it_says_what_makes_one(train: Trainer, shop: Shop) -> None:
    step = train("train_query_adapter")
    assert (step["state"], step["reason"]) == ("failed", "no_data_set")
    assert "combine_datasets" in step["detail"]


def test_pages_that_changed_since_are_left_out(shop: Shop, train: Trainer) -> None:
    rate(shop, next_topic)
    train(*STEPS[:2])
    shop.change_page("law")
    step = train("train_query_adapter")
    assert step["state"] == "done"
    # About an eighth of 192, less those that are held out.
    assert 10 <= step["drops"]["page_changed"] <= 24


def test_a_second_adapter_stands_on_the_first() -> None:
    rng = np.random.default_rng(0)

    def units(n: int) -> np.ndarray:
        found = rng.normal(size=(n, DIM)).astype(np.float32)
        return found / np.linalg.norm(found, axis=1, keepdims=True)

    turn = np.linalg.qr(rng.normal(size=(DIM, DIM)))[0].astype(np.float32)
    served = QueryAdapter("served", turn, np.full(DIM, 0.01, np.float32))
    queries = units(200)
    pairs = Pairs(queries=queries, positives=units(200), pool=units(300))
    both = _on_top_of(served, pairs, 0, "both")
    second = train(Pairs(queries=served.apply(queries), positives=pairs.positives, pool=pairs.pool), 0, name="second")
    one_after_the_other = second.apply(served.apply(queries))
    assert np.sum(both.apply(queries) * one_after_the_other, axis=1).min() > 0.999


def test_with_thumbs_down_alone_there_is_nothing_to_learn_from(shop: Shop, train: Trainer) -> None:
    for n, (query, _) in enumerate(questions()):
        search = shop.search(query, list(TOPICS), session=f"v{n}")
        shop.rate(search, "down", "law", session=f"v{n}")
        shop.rate(search, "down", session=f"v{n}")
    step = train(*STEPS)
    assert (step["state"], step["reason"]) == ("skipped", "too_few_ratings")
    drops = {reason: n for one in train.run["steps"] for reason, n in (one["drops"] or {}).items()}
    assert drops == {"quoted_down": 192, "only_negatives": 192}
