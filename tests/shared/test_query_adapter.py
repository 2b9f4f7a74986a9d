"""Query adapters on disk: what serves, and that a broken one never stops a search."""

import json
import logging
import os
import threading
import time

import numpy as np
import pytest
from toolscout import query_adapter
from toolscout.domain import CANDIDATE, STABLE
from toolscout.encoder import DIM
from toolscout.errors import ConfigError
from toolscout.events import QueryAdapterRefused
from toolscout.query_adapter import POINTERS, QueryAdapter, load, serving
from toolscout.settings import ROOT

ENCODER = "0123456789abcdef"


def made(seed=1):
    rng = np.random.default_rng(seed)
    weight = np.eye(DIM, dtype=np.float32) + rng.standard_normal((DIM, DIM), np.float32) / 100
    return QueryAdapter("new", weight, rng.standard_normal(DIM, np.float32) / 100)


def saved(models, name, seed=1, passed=True, encoder=ENCODER):
    directory = models / query_adapter.FOLDER / name
    made(seed).save(directory, {"encoder": encoder, "gate": {"passed": passed}}, "# A card\n")
    return directory


@pytest.fixture
def models(tmp_path, monkeypatch):
    monkeypatch.setattr(query_adapter, "LOOK_S", 0)
    return tmp_path


@pytest.fixture
def refused(caplog):
    caplog.set_level(logging.INFO)

    def events():
        logged = [getattr(record, "toolscout_event", None) for record in caplog.records]
        return [event for event in logged if isinstance(event, QueryAdapterRefused)]

    return events


def served(models, arm=STABLE, encoder=ENCODER):
    adapter = serving(models, arm, encoder)
    return adapter and adapter.id


def test_a_vector_is_mapped_and_has_length_one():
    adapter, vector = made(), np.eye(DIM, dtype=np.float32)[3]
    moved = adapter.apply(vector)
    expected = adapter.weight[:, 3] + adapter.bias
    assert moved.shape == (DIM,) and moved.dtype == np.float32
    np.testing.assert_allclose(moved, expected / np.linalg.norm(expected), atol=1e-6)
    np.testing.assert_allclose(adapter.apply(np.stack([vector, -vector]))[0], moved, atol=1e-6)


def test_what_maps_to_nothing_stays_finite():
    adapter = QueryAdapter("zero", np.zeros((DIM, DIM), np.float32), np.zeros(DIM, np.float32))
    assert np.isfinite(adapter.apply(np.eye(DIM, dtype=np.float32)[0])).all()


def test_an_adapter_comes_back_as_it_was_saved_but_for_float16(tmp_path):
    directory = saved(tmp_path, "one")
    found = load(directory, ENCODER)
    assert found.id == "one"
    np.testing.assert_array_equal(found.weight, made().weight.astype(np.float16).astype(np.float32))
    np.testing.assert_array_equal(found.bias, made().bias.astype(np.float16).astype(np.float32))
    assert sorted(path.name for path in directory.iterdir()) == ["card.md", "provenance.json", "weights.npz"]


def rewrite(directory, **arrays):
    """Weights that the provenance knows, whatever they are."""
    full = {"weight": made().weight, "bias": made().bias} | arrays
    np.savez(directory / "weights.npz", **{name: array for name, array in full.items() if array is not None})
    told = json.loads((directory / "provenance.json").read_text())
    digest = query_adapter.hashlib.sha256((directory / "weights.npz").read_bytes()).hexdigest()
    (directory / "provenance.json").write_text(json.dumps(told | {"weights_sha256": digest}))


def nan():
    weight = made().weight
    weight[5, 7] = np.nan
    return weight


BREAKS = {
    "no weights": lambda d: (d / "weights.npz").unlink(),
    "no provenance": lambda d: (d / "provenance.json").unlink(),
    "provenance is a list": lambda d: (d / "provenance.json").write_text("[]"),
    "cut short": lambda d: os.truncate(d / "weights.npz", 5000),
    "other weights": lambda d: (d / "weights.npz").write_bytes((saved(d, "x", 2) / "weights.npz").read_bytes()),
    "garbage": lambda d: (d / "weights.npz").write_bytes(b"garbage" * 99),
    "too large": lambda d: (d / "weights.npz").write_bytes(bytes(query_adapter.MAX_BYTES + 1)),
    "no bias": lambda d: rewrite(d, bias=None),
    "wrong shape": lambda d: rewrite(d, weight=np.eye(DIM - 1, dtype=np.float32)),
    "not finite": lambda d: rewrite(d, weight=nan()),
    "integers": lambda d: rewrite(d, weight=np.eye(DIM, dtype=np.int64)),
    "objects": lambda d: rewrite(d, weight=np.array([{}], dtype=object)),
}


@pytest.mark.parametrize("broken", BREAKS)
def test_a_broken_adapter_is_refused_with_a_remedy(tmp_path, broken):
    directory = saved(tmp_path, "one")
    assert load(directory, ENCODER)
    BREAKS[broken](directory)
    with pytest.raises(ConfigError) as raised:
        load(directory, ENCODER)
    assert "one" in raised.value.detail and "none" in raised.value.remedy


def test_an_adapter_of_another_encoder_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="another_encoder"):
        load(saved(tmp_path, "one", encoder="another_encoder"), ENCODER)


@pytest.mark.parametrize("kind", ["symlink", "text"])
def test_each_arm_serves_what_its_pointer_names(models, kind):
    for arm in (STABLE, CANDIDATE):
        saved(models, f"for-{arm}", seed=len(arm))
        pointer = models / POINTERS[arm]
        target = f"query_adapters/for-{arm}"
        pointer.symlink_to(target) if kind == "symlink" else pointer.write_text(target + "\n")
    assert (served(models), served(models, CANDIDATE)) == ("for-stable", "for-candidate")


def test_without_pointers_both_arms_serve_the_shipped_one_if_its_gate_passed(models):
    assert served(models) is None
    saved(models, query_adapter.SHIPPED, passed=False)
    assert (served(models), served(models, CANDIDATE)) == (None, None)
    saved(models, query_adapter.SHIPPED)
    assert (served(models), served(models, CANDIDATE)) == ("first", "first")


def test_the_candidate_without_a_pointer_serves_what_stable_does(models):
    saved(models, "a")
    (models / POINTERS[STABLE]).write_text("query_adapters/a")
    assert served(models, CANDIDATE) == "a"
    (models / POINTERS[STABLE]).write_text("none\n")
    assert served(models, CANDIDATE) is None


@pytest.mark.parametrize("arm", [STABLE, CANDIDATE])
def test_a_pointer_to_none_means_no_adapter(models, arm, refused):
    saved(models, query_adapter.SHIPPED)
    assert served(models, arm) == "first"
    (models / POINTERS[arm]).write_text("none\n")
    assert served(models, arm) is None
    assert refused() == []


def test_weights_written_anew_are_loaded_anew(models):
    saved(models, query_adapter.SHIPPED, seed=1)
    before = serving(models, STABLE, ENCODER)
    assert serving(models, STABLE, ENCODER) is before
    saved(models, query_adapter.SHIPPED, seed=2)
    np.testing.assert_allclose(serving(models, STABLE, ENCODER).weight, made(2).weight, atol=1e-3)


def test_a_broken_adapter_is_told_once_and_serves_again_once_it_is_repaired(models, refused):
    directory = saved(models, "a")
    (models / POINTERS[STABLE]).write_text("query_adapters/a")
    assert served(models) == "a"
    (directory / "weights.npz").write_bytes(b"garbage")
    assert [served(models) for _ in range(5)] == [None] * 5
    assert [(event.arm, event.outcome, "query adapter a" in event.error) for event in refused()] == [
        (STABLE, "failure", True)
    ]
    saved(models, "a")
    assert served(models) == "a"
    (models / POINTERS[STABLE]).write_text("query_adapters/gone")
    assert served(models) is None
    assert len(refused()) == 2


@pytest.mark.parametrize("content", [b"", b"\xff\x00\xfe", b"../" * 2000, b"x" * 300])
def test_a_pointer_to_nothing_never_raises(models, content, refused):
    (models / POINTERS[STABLE]).write_bytes(content)
    assert served(models) is None
    assert len(refused()) == 1


def test_an_adapter_for_another_encoder_does_not_serve(models, refused):
    saved(models, query_adapter.SHIPPED)
    assert served(models, encoder="another") is None
    assert "another" in refused()[0].error


def test_threads_that_come_first_at_once_all_get_the_adapter(models):
    saved(models, query_adapter.SHIPPED)
    found = []
    threads = [threading.Thread(target=lambda: found.append(served(models))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["first"] * 8


def test_asking_for_each_search_costs_next_to_nothing(tmp_path):
    saved(tmp_path, query_adapter.SHIPPED)
    assert serving(tmp_path, STABLE, ENCODER)
    took = []
    for _ in range(1000):
        start = time.perf_counter()
        serving(tmp_path, STABLE, ENCODER)
        took.append(time.perf_counter() - start)
    assert sorted(took)[500] < 20e-6


def test_the_adapter_that_comes_with_the_code_serves_and_holds_no_text():
    from toolscout.encoder import Encoder

    directory = ROOT / "models" / "query_adapters" / query_adapter.SHIPPED
    assert query_adapter.passed(directory)
    adapter = load(directory, Encoder(ROOT / "models" / "encoder").sha)
    assert 0.1 < np.abs(adapter.weight - np.eye(DIM)).max() * 100 < 100
    assert sorted(json.loads((directory / "report.json").read_text())) == ["halves", "leave_one_out", "passed"]
    assert sum(file.stat().st_size for file in directory.iterdir()) < 400_000
