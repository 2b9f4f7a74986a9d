"""Adapters: which one is served, swapped while the server runs, and what a broken one does."""

import os
import shutil

import pytest
from toolscout.adapters import find
from toolscout.settings import Settings

from services.llm.model import BASE
from tests.services.llm.conftest import serving, until, write_adapter

QUESTION = "Name a colour."


@pytest.fixture(scope="module")
def candidate(tmp_path_factory):
    tmp = tmp_path_factory.mktemp("candidate")
    settings = Settings(_env_file=None, data_dir=tmp / "data", models_dir=tmp / "models", log_stdout=False)
    settings.models_dir.mkdir()
    with pytest.MonkeyPatch.context() as patch, serving(settings, "candidate") as running:
        patch.setattr("services.llm.serve.LOOK_S", 0.1)
        yield running


@pytest.fixture
def pointer(candidate):
    """Where the candidate looks; nothing is there, and the base serves."""
    pointer = candidate.settings.models_dir / "finetuned_adapter"
    clear(pointer)
    until(lambda: (candidate.health()["model"], candidate.health()["status"]) == (BASE, "ok"), 10)
    yield pointer
    clear(pointer)


def clear(pointer):
    if pointer.is_dir() and not pointer.is_symlink():
        shutil.rmtree(pointer)
    else:
        pointer.unlink(missing_ok=True)


def name(pointer, directory):
    """Makes a pointer file of text, as one step."""
    new = pointer.with_suffix(".new")
    new.write_text(f"{directory.relative_to(pointer.parent)}\n")
    new.replace(pointer)


def serves(candidate, adapter):
    until(lambda: candidate.health()["adapter"] == adapter, 10)


def test_no_pointer_is_the_base(tmp_path):
    assert find(tmp_path / "stable_adapter") is None


@pytest.mark.parametrize("kind", ["directory", "symlink", "text"])
def test_every_kind_of_pointer_leads_to_the_adapter(tmp_path, kind):
    pointer = tmp_path / "stable_adapter"
    directory = pointer if kind == "directory" else tmp_path / "adapters" / "a1"
    directory.mkdir(parents=True)
    (directory / "adapter.gguf").write_bytes(b"x" * 5)
    if kind == "symlink":
        pointer.symlink_to(directory)
    elif kind == "text":
        name(pointer, directory)
    found = find(pointer)
    assert (found.id, found.file, found.stamp[1]) == (directory.name, directory / "adapter.gguf", 5)


@pytest.mark.parametrize("content", [b"", b"nowhere", b"\xff\x00\xfe", b"../" * 50])
def test_a_pointer_to_nothing_is_an_adapter_without_a_file(tmp_path, content):
    (tmp_path / "stable_adapter").write_bytes(content)
    assert find(tmp_path / "stable_adapter").stamp == (0, 0)


def test_a_dangling_symlink_is_an_adapter_without_a_file(tmp_path):
    (tmp_path / "stable_adapter").symlink_to(tmp_path / "gone")
    assert find(tmp_path / "stable_adapter").stamp == (0, 0)


def test_an_adapter_changes_what_is_written_and_its_removal_brings_the_base_back(candidate, pointer):
    base = candidate.text(QUESTION)
    name(pointer, write_adapter(pointer.parent / "adapters" / "one", seed=1))
    serves(candidate, "one")
    reply = candidate.ask(QUESTION).json()
    first = reply["choices"][0]["message"]["content"]
    assert reply["model"] == f"{BASE}+one" == candidate.http.get("/models").json()["data"][0]["id"]
    assert first != base
    name(pointer, write_adapter(pointer.parent / "adapters" / "two", seed=2))
    serves(candidate, "two")
    assert candidate.text(QUESTION) not in (base, first)
    pointer.unlink()
    serves(candidate, None)
    assert candidate.text(QUESTION) == base


def test_an_adapter_written_anew_in_its_place_is_loaded_anew(candidate, pointer):
    write_adapter(pointer, seed=1)
    serves(candidate, pointer.name)
    first = candidate.text(QUESTION)
    write_adapter(pointer.parent / "new", seed=2)
    (pointer.parent / "new" / "adapter.gguf").replace(pointer / "adapter.gguf")
    until(lambda: candidate.text(QUESTION) != first, 10)


def test_a_request_that_runs_ends_on_the_model_that_it_began_with(candidate, pointer):
    with candidate.stream("Tell me a very long story.", tokens=250) as lines:
        next(lines)
        pointer.symlink_to(write_adapter(pointer.parent / "adapters" / "three", seed=3))
        serves(candidate, "three")
        rest = list(lines)
    assert rest[-1] == "data: [DONE]"
    assert f'"model":"{BASE}"' in rest[-2]
    assert candidate.ask(QUESTION).json()["model"] == f"{BASE}+three"


@pytest.mark.parametrize("broken", ["garbage", "cut short", "no file"])
def test_a_broken_adapter_leaves_the_old_one_serving_and_health_says_so(candidate, pointer, broken):
    name(pointer, write_adapter(pointer.parent / "adapters" / "good", seed=4))
    serves(candidate, "good")
    before = candidate.text(QUESTION)
    bad = write_adapter(pointer.parent / "adapters" / "bad", seed=5)
    file = bad / "adapter.gguf"
    if broken == "garbage":
        file.write_bytes(b"not a model at all" * 100)
    elif broken == "cut short":
        os.truncate(file, file.stat().st_size // 2)
    else:
        file.unlink()
    name(pointer, bad)
    until(lambda: candidate.health()["status"] == "degraded", 10)
    health = candidate.health()
    assert health["adapter"] == "good" and "bad" in health["error"]
    assert candidate.text(QUESTION) == before
    name(pointer, pointer.parent / "adapters" / "good")
    until(lambda: candidate.health()["status"] == "ok", 10)


def test_a_request_for_another_adapter_is_not_answered_by_this_one(candidate, pointer):
    assert candidate.ask(QUESTION, model=f"{BASE}+elsewhere").status_code == 404
