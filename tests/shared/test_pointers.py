"""Pointers move in one step, and back."""

from __future__ import annotations

from pathlib import Path

import pytest
from toolscout import query_adapter
from toolscout.pointers import point, promote, roll_back


@pytest.fixture
def models(tmp_path: Path) -> Path:
    for name in ("adapters/a", "adapters/b", "query_adapters/x", "query_adapters/y"):
        (tmp_path / name).mkdir(parents=True)
    return tmp_path


def names(models: Path) -> dict[str, str]:
    return {path.name: path.resolve().name for path in models.iterdir() if path.is_symlink()}


def test_a_pointer_is_relative_so_that_models_may_be_mounted_elsewhere(models: Path) -> None:
    point(models / "finetuned_adapter", models / "adapters" / "a")
    assert str((models / "finetuned_adapter").readlink()) == "adapters/a"
    point(models / "finetuned_adapter", models / "adapters" / "b")
    assert names(models) == {"finetuned_adapter": "b"}


def test_promoting_copies_and_rolling_back_restores(models: Path) -> None:
    point(models / "stable_query_adapter", models / "query_adapters" / "x")
    point(models / "candidate_query_adapter", models / "query_adapters" / "y")
    assert promote(models) == ["stable_query_adapter"]
    assert names(models) == {"stable_query_adapter": "y", "stable_query_adapter.previous": "x"}
    assert roll_back(models, promoted=True) == ["stable_query_adapter"]
    assert names(models) == {"stable_query_adapter": "x"}


def test_where_stable_pointed_nowhere_it_does_so_again(models: Path) -> None:
    point(models / "finetuned_adapter", models / "adapters" / "a")
    point(models / "candidate_query_adapter", models / "query_adapters" / "y")
    assert promote(models) == ["stable_adapter", "stable_query_adapter"]
    roll_back(models, promoted=True)
    assert names(models) == {}
    assert not list(models.glob("*.previous"))


def test_a_word_for_none_comes_back_too(models: Path) -> None:
    (models / "stable_query_adapter").write_text(query_adapter.NONE)
    point(models / "candidate_query_adapter", models / "query_adapters" / "y")
    promote(models)
    roll_back(models, promoted=True)
    assert (models / "stable_query_adapter").read_text() == query_adapter.NONE


def test_a_candidate_that_was_not_promoted_goes_away_alone(models: Path) -> None:
    point(models / "stable_query_adapter", models / "query_adapters" / "x")
    point(models / "candidate_query_adapter", models / "query_adapters" / "y")
    assert roll_back(models, promoted=False) == ["candidate_query_adapter"]
    assert names(models) == {"stable_query_adapter": "x"}


def test_with_nothing_to_move_nothing_moves(models: Path) -> None:
    assert promote(models) == []
    assert roll_back(models, promoted=True) == []
