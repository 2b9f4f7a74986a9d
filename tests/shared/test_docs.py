"""Documents say what the code says."""

import re
from pathlib import Path

import pytest
from toolscout.docs import derived
from toolscout.events import catalogue
from toolscout.settings import ROOT, Settings


@pytest.mark.parametrize("path", derived(), ids=lambda path: path.name)
def test_derived_documents_are_up_to_date(path):
    assert path.read_text(encoding="utf-8") == derived()[path], "run `make docs`"


def test_every_setting_and_event_is_documented():
    settings = (ROOT / "docs" / "settings.md").read_text()
    assert all(
        f"`TOOLSCOUT_{name.upper()}`" in settings or f"`{name.upper()}`" in settings for name in Settings.model_fields
    )
    events = (ROOT / "docs" / "events.md").read_text()
    assert all(f"## {event.action}\n" in events for event in catalogue())


@pytest.mark.parametrize("name", ["README.md", "README.ko.md"])
def test_the_readmes_name_only_files_that_are_there(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:shared|services|docs|benchmarks|tests)/[\w./-]+)`", text))
    assert named
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_both_readmes_have_the_same_shape():
    def shape(name):
        lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
        return [line.split(" ")[0] for line in lines if line.startswith(("#", "```", "- ", "|"))]

    assert shape("README.md") == shape("README.ko.md")


def test_every_make_target_of_the_readme_exists():
    makefile = (ROOT / "Makefile").read_text()
    used = set(re.findall(r"\bmake ([a-z]+)", (ROOT / "README.md").read_text()))
    assert all(re.search(rf"^{target}:", makefile, re.M) for target in used)


def test_no_source_file_is_too_long():
    sources = [p for folder in ("shared", "services", "benchmarks", "tests") for p in Path(ROOT / folder).rglob("*.py")]
    assert [str(p.relative_to(ROOT)) for p in sources if len(p.read_text().splitlines()) > 400] == []
