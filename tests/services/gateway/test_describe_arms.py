"""What the arms are: whatever a visitor's answers depend on, and no credentials of it in any row."""

from pathlib import Path

import pytest
from toolscout.catalogue import Catalogue, experiments
from toolscout.settings import Settings

from services.gateway.describe_arms import describe_arms

BASE = {"llm_api_base": "http://127.0.0.1:1/v1", "llm_model": "a"}
NEW = {"llm_api_base_new_model": "http://me:secret@127.0.0.1:2/v1", "llm_model_new_model": "b"}


@pytest.mark.parametrize("values", [{}, BASE, {"llm": "off"}])
def test_without_a_candidate_there_are_no_arms(settings: Settings, tmp_path: Path, values: dict[str, str]):
    assert describe_arms(settings.model_copy(update=values | {"models_dir": tmp_path})) is None


@pytest.mark.parametrize("values", [NEW, BASE | NEW, NEW | {"llm": "off"}])
def test_a_candidates_address_makes_two_arms(settings: Settings, values: dict[str, str]):
    arms = describe_arms(settings.model_copy(update=values))
    assert arms and arms["candidate"]["model"] == "b" and arms["stable"]["prompt"] == arms["candidate"]["prompt"]


def test_no_row_holds_credentials(settings: Settings, sqlite_catalogue: Catalogue):
    with sqlite_catalogue.write() as conn:
        made = experiments.sync(conn, describe_arms(settings.model_copy(update=BASE | NEW)), 0.1, 1.0)
    assert made and made.arms["candidate"]["endpoint"] == "http://127.0.0.1:2/v1"


@pytest.mark.parametrize("kind", ["directory", "link", "text"])
def test_an_adapter_that_passed_its_gate_makes_the_embedded_candidate(settings: Settings, tmp_path: Path, kind: str):
    pointer, target = tmp_path / "finetuned_adapter", tmp_path / "adapters" / "a1"
    (pointer if kind == "directory" else target).mkdir(parents=True)
    if kind == "link":
        pointer.symlink_to("adapters/a1")
    elif kind == "text":
        pointer.write_text("adapters/a1\n")
    arms = describe_arms(settings.model_copy(update={"models_dir": tmp_path}))
    assert arms and arms["stable"]["adapter"] is None
    assert arms["candidate"]["adapter"] == ("finetuned_adapter" if kind == "directory" else "a1")
