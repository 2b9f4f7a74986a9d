"""Training a query adapter, and the gate that it has to pass."""

import hashlib
import json

import ir_measures
import numpy as np
import pytest
from ir_measures import nDCG
from toolscout import query_adapter
from toolscout.encoder import DIM

from services.trainer import first_query_adapter
from services.trainer.query_adapter import SAME, Batch, Gate, Options, Pairs, _batch, loss_and_gradients, train
from services.trainer.retrieval_sets import NAME_WEIGHT, Encoded, clusters, halves, named, ndcg, pairs_of

QUICK = Options(epochs=4)


def units(rng, *shape):
    vectors = rng.standard_normal(shape).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def small_batch(rng, negatives):
    """In float64 and five dimensions, so that differences can be exact."""
    queries, passages = units(rng, 4, 5).astype(float), units(rng, 9, 5).astype(float)
    masked = rng.random((4, 9)) < 0.2
    np.fill_diagonal(masked, False)
    explicit = units(rng, 4, 2, 5).astype(float) if negatives else None
    if negatives:
        explicit[1, 1] = 0
    return Batch(queries, passages, rng.random(4) + 0.5, masked, explicit)


@pytest.mark.parametrize("negatives", [False, True])
def test_gradients_agree_with_finite_differences(negatives):
    rng = np.random.default_rng(3)
    batch = small_batch(rng, negatives)
    weight, bias = np.eye(5) + rng.standard_normal((5, 5)) / 5, rng.standard_normal(5) / 5

    def loss(change, at, by):
        moved = change.copy()
        moved[at] += by
        pair = (moved, bias) if change is weight else (weight, moved)
        return loss_and_gradients(*pair, batch, scale=7.0, pull=0.05)[0]

    _, by_weight, by_bias = loss_and_gradients(weight, bias, batch, scale=7.0, pull=0.05)
    for value, gradient in ((weight, by_weight), (bias, by_bias)):
        measured = np.zeros_like(value)
        for at in np.ndindex(value.shape):
            measured[at] = (loss(value, at, 1e-5) - loss(value, at, -1e-5)) / 2e-5
        np.testing.assert_allclose(gradient, measured, rtol=1e-5, atol=1e-7)


def test_what_is_masked_or_zero_does_not_compete():
    rng = np.random.default_rng(4)
    batch = small_batch(rng, negatives=False)
    everything = np.ones_like(batch.masked)
    np.fill_diagonal(everything, False)
    alone = batch._replace(masked=everything, negatives=np.zeros((4, 3, 5)))
    assert loss_and_gradients(np.eye(5), np.zeros(5), alone, 20.0, 0.1)[0] == pytest.approx(0)
    assert loss_and_gradients(np.eye(5), np.zeros(5), batch, 20.0, 0.1)[0] > 0.1


def world(rng, docs=300, queries=240):
    """A corpus, and queries that differ from their documents along eight directions: a linear map can learn these."""
    directions = np.linalg.qr(rng.standard_normal((DIM, 8)))[0].T.astype(np.float32)

    def along(count):
        return rng.standard_normal((count, 8)).astype(np.float32) / 8**0.5 @ directions

    passages = units(rng, docs, DIM) + along(docs)
    passages /= np.linalg.norm(passages, axis=1, keepdims=True)
    answers = rng.integers(0, docs, queries)
    asked = passages[answers] + 2 * along(queries)
    return passages, answers, asked / np.linalg.norm(asked, axis=1, keepdims=True)


def encoded(passages, answers, asked):
    docs = [{"_id": str(i), "title": "", "text": f"w{i}"} for i in range(len(passages))]
    queries = [{"_id": str(i), "text": "nothing in common"} for i in range(len(asked))]
    relevant = {str(i): {str(doc): 1} for i, doc in enumerate(answers)}
    return Encoded.of(docs, queries, relevant, np.concatenate([passages, asked]))


@pytest.fixture(scope="module")
def one():
    return encoded(*world(np.random.default_rng(5)))


def judged(one, adapter, rows, **rule):
    return Gate(**rule).judge({"set": one.ndcg(rows)}, {"set": one.ndcg(rows, adapter)})


def test_an_adapter_learns_what_is_there_to_learn_and_passes(one):
    adapter = train(pairs_of([(one, np.arange(160))]), options=Options(epochs=20, share=1.0))
    report = judged(one, adapter, np.arange(160, 240))
    assert report["passed"] and report["why_not"] == []
    assert report["gain"] > 0.3 and report["interval"][0] > 0
    assert not judged(one, adapter, np.arange(160, 240), gain=report["gain"] + 0.01)["passed"]


def test_the_gate_refuses_a_random_adapter(one):
    rng = np.random.default_rng(6)
    adapter = train(pairs_of([(one, np.arange(9))]), options=Options(epochs=1))
    random = type(adapter)("random", adapter.weight + rng.standard_normal((DIM, DIM)) / 10, adapter.bias)
    report = judged(one, random, np.arange(160, 240))
    assert not report["passed"] and report["gain"] < 0
    assert any("worse" in why for why in report["why_not"])


def test_the_gate_refuses_an_adapter_of_random_labels(one):
    pairs = pairs_of([(one, np.arange(160))])
    pairs.positives = pairs.positives[np.random.default_rng(7).permutation(len(pairs))]
    adapter = train(pairs, options=Options(epochs=20, share=1.0))
    assert not judged(one, adapter, np.arange(160, 240))["passed"]


def test_the_same_seed_gives_the_same_bytes(one):
    pairs = pairs_of([(one, np.arange(160))])
    first, again, other = (train(pairs, seed, QUICK) for seed in (1, 1, 2))
    assert first.weight.tobytes() == again.weight.tobytes() and first.bias.tobytes() == again.bias.tobytes()
    assert first.weight.tobytes() != other.weight.tobytes()
    np.testing.assert_array_equal(first.weight, first.weight.astype(np.float16))


def test_the_pull_keeps_the_map_near_identity(one):
    pairs = pairs_of([(one, np.arange(160))])
    free, held = (train(pairs, options=Options(epochs=4, pull=pull)) for pull in (0.0, 1.0))
    eye = np.eye(DIM)
    assert np.linalg.norm(held.weight - eye) < np.linalg.norm(free.weight - eye) / 2


def pairs(rng, n=40, **more):
    return Pairs(queries=units(rng, n, DIM), positives=units(rng, n, DIM), pool=units(rng, 60, DIM), **more)


def test_a_pair_without_weight_teaches_nothing():
    some = pairs(np.random.default_rng(8))
    some.weights = np.r_[np.ones(20), np.zeros(20)].astype(np.float32)
    changed = Pairs(some.queries, some.positives, some.pool, some.weights)
    changed.queries = some.queries.copy()
    changed.queries[20:] *= -1
    options = Options(epochs=2, drawn=8)
    np.testing.assert_array_equal(train(some, options=options).weight, train(changed, options=options).weight)


def test_a_query_moves_away_from_its_explicit_negatives():
    rng = np.random.default_rng(9)
    some = pairs(rng)
    against = np.zeros((40, 2, DIM), np.float32)
    against[:, 0] = units(rng, 40, DIM)

    eager = Options(epochs=10, damping=1e-8, pull=0.0, share=1.0)

    def towards(negatives):
        adapter = train(Pairs(some.queries, some.positives, some.pool, negatives=negatives), options=eager)
        return float((adapter.apply(some.queries) * against[:, 0]).sum(1).mean())

    assert towards(against) < towards(None) - 0.005
    assert towards(np.zeros_like(against)) == pytest.approx(towards(None), abs=1e-4)


def test_the_same_passage_and_another_answer_to_the_same_query_do_not_compete():
    some = pairs(np.random.default_rng(10), n=4)
    some.positives[1] = some.positives[0]
    some.queries[3] = some.queries[2]
    some.pool[5] = some.positives[2]
    batch = _batch(some, np.arange(4), np.arange(60), np.ones(4, np.float32))
    assert {tuple(at) for at in np.argwhere(batch.masked).tolist()} == {(0, 1), (1, 0), (2, 3), (3, 2), (2, 9)}
    assert SAME < 1


def test_passages_of_another_corpus_never_compete(monkeypatch):
    rng = np.random.default_rng(11)
    some = pairs(rng, groups=np.repeat([0, 1], 20), pool_groups=np.repeat([0, 1], 30))
    seen = []

    def watched(weight, bias, batch, scale, pull):
        known = np.concatenate([some.positives, some.pool])
        numbers = np.argmax(batch.passages @ known.T, 1)
        seen.append(set(np.concatenate([some.groups, some.pool_groups])[numbers]))
        return loss_and_gradients(weight, bias, batch, scale, pull)

    monkeypatch.setattr("services.trainer.query_adapter.loss_and_gradients", watched)
    train(some, options=Options(epochs=3, batch=8))
    assert {frozenset(one) for one in seen} == {frozenset({0}), frozenset({1})}


@pytest.mark.parametrize(
    "change",
    [
        {"positives": np.zeros((39, DIM), np.float32)},
        {"queries": np.full((40, DIM), np.nan, np.float32)},
        {"weights": np.ones(39)},
        {"negatives": np.zeros((40, 2, DIM - 1), np.float32)},
        {"queries": np.zeros((0, DIM), np.float32)},
    ],
    ids=["positives", "not finite", "weights", "negatives", "none"],
)
def test_arrays_that_do_not_fit_are_refused(change):
    some = pairs(np.random.default_rng(12))
    for name, value in change.items():
        setattr(some, name, value)
    with pytest.raises(ValueError):
        train(some, options=QUICK)


def test_a_set_that_is_surely_worse_stops_an_adapter_that_gains_on_average():
    before = {"a": np.full(50, 0.3), "b": np.full(50, 0.5)}
    after = {"a": np.full(50, 0.6), "b": np.full(50, 0.48)}
    report = Gate().judge(before, after)
    assert not report["passed"] and report["gain"] == pytest.approx(0.14)
    assert report["why_not"] == ["b is worse by more than 0.005"]
    assert Gate(floor=-0.05).judge(before, after)["passed"]


def test_a_gain_that_may_be_chance_does_not_pass():
    gains = np.r_[np.full(21, 0.5), np.full(20, -0.49)]
    report = Gate().judge({"a": np.full(41, 0.5)}, {"a": 0.5 + gains})
    assert report["gain"] > 0 and report["interval"][0] < 0 and not report["passed"]


def test_the_interval_covers_the_mean_as_often_as_it_says():
    rng = np.random.default_rng(13)
    inside = 0
    for _ in range(100):
        gains = rng.normal(0.05, 0.2, 60)
        low, high = Gate(resamples=500).judge({"a": np.zeros(60)}, {"a": gains})["interval"]
        inside += low <= 0.05 <= high
    assert 86 <= inside <= 100


@pytest.mark.parametrize("after", [{}, {"b": np.zeros(3)}, {"a": np.zeros(4)}, {"a": np.array([0, 1, np.nan])}])
def test_sides_that_can_not_be_compared_are_refused(after):
    with pytest.raises(ValueError):
        Gate().judge({"a": np.zeros(3)}, after)


def test_ndcg_is_what_ir_measures_says():
    rng = np.random.default_rng(14)
    for _ in range(30):
        ranking = rng.permutation(30)[:10].tolist()
        relevant = {int(doc): float(rng.integers(1, 4)) for doc in rng.permutation(30)[: rng.integers(1, 15)]}
        run = {"q": {str(doc): -float(rank) for rank, doc in enumerate(ranking)}}
        judged = {"q": {str(doc): int(degree) for doc, degree in relevant.items()}}
        assert ndcg(ranking, relevant) == pytest.approx(ir_measures.calc_aggregate([nDCG @ 10], judged, run)[nDCG @ 10])


def test_queries_that_say_about_the_same_lie_in_the_same_half():
    rng = np.random.default_rng(15)
    passages, _, asked = world(rng, queries=60)
    answers, asked = np.arange(60), units(rng, 60, DIM)
    chain = units(rng, 3, DIM)
    chain[1] = chain[0] + 0.4 * chain[1]
    chain[2] = chain[1] + 0.4 * chain[2]
    chain /= np.linalg.norm(chain, axis=1, keepdims=True)
    asked[[4, 30, 50]] = chain
    found = clusters(asked)
    assert found[4] == found[30] == found[50] and len(set(found.tolist())) == 58
    two = {"a": encoded(passages, answers[:40], asked[:40]), "b": encoded(passages, answers[40:], asked[40:])}
    for seed in range(5):
        side = halves(two, seed)
        assert side["a"][4] == side["a"][30] == side["b"][10]
        assert 20 <= sum(int(half.sum()) for half in side.values()) <= 40


def test_names_are_learnt_in_step_with_the_queries_at_less_weight():
    rng = np.random.default_rng(16)
    docs = [{"_id": str(i), "title": f"Tool {i}" * (i > 0), "text": f"w{i}"} for i in range(20)]
    queries, relevant = [{"_id": "q", "text": "a"}, {"_id": "r", "text": "b"}], {"q": {"3": 1, "4": 1}, "r": {"5": 1}}
    known = named(docs, 2)
    assert len(known) == 1 and 0 not in known
    vectors, names = units(rng, 22, DIM), units(rng, 1, DIM)
    found = pairs_of([(Encoded.of(docs, queries, relevant, vectors, names), np.array([0, 1]))])
    np.testing.assert_array_equal(found.weights, [0.5, 0.5, 1, NAME_WEIGHT])
    np.testing.assert_array_equal(found.queries, [vectors[20], vectors[20], vectors[21], names[0]])
    np.testing.assert_allclose(found.positives, vectors[[3, 4, 5, *known]], atol=1e-3)


def write_set(folder, topics):
    """A set in BEIR form: for each topic a tool, and three questions for it."""
    folder.mkdir()
    docs = [{"_id": str(n), "title": f"{topic} tool", "text": f"It is for {topic}."} for n, topic in enumerate(topics)]
    asked = [(f"{n}-{k}", way.format(topic)) for n, topic in enumerate(topics) for k, way in enumerate(WAYS)]
    queries = [{"_id": name, "text": text} for name, text in asked]
    for name, rows in (("corpus", docs), ("queries", queries)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    judged = "".join(f"{name}\t{name.split('-')[0]}\t1\n" for name, _ in asked)
    (folder / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\n" + judged)


WAYS = ("how can I do {}", "{} please", "I look for help with {} at my work")
TOPICS = ["juggling", "beekeeping", "calligraphy", "welding", "genealogy", "astronomy", "origami", "fencing"]


def test_the_first_adapter_is_written_with_its_origin_and_without_any_text(tmp_path):
    write_set(tmp_path / "one", TOPICS[:4])
    write_set(tmp_path / "two", TOPICS[4:])
    out = tmp_path / "adapters" / "first"
    report = first_query_adapter.make([tmp_path], out, seed=3)
    provenance = query_adapter.provenance_of(out)
    assert query_adapter.load(out, provenance["encoder"]).id == "first"
    assert query_adapter.passed(out) == report["passed"] == provenance["gate"]["passed"]
    assert json.loads((out / "report.json").read_text()) == report
    # Twelve questions a set, each with one answer; and two names for four tools are at most as many as there are.
    assert provenance["pairs"] == 2 * (12 + 4)
    digest = hashlib.sha256((tmp_path / "one" / "corpus.jsonl").read_bytes()).hexdigest()
    assert provenance["data"]["one"]["sha256"]["corpus.jsonl"] == digest
    written = "".join(path.read_text() for path in out.iterdir() if path.suffix != ".npz")
    assert not [topic for topic in TOPICS if topic in written] and str(tmp_path) not in written
