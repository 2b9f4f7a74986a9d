"""The event catalogue: names that never change their meaning, fields that nest as ECS wants."""

import re

import pytest
from toolscout import events
from toolscout.docs import events_markdown
from toolscout.events import Event


def test_every_event_has_a_name_of_its_own_in_past_tense() -> None:
    names = [event.action for event in events.catalogue()]
    assert len(names) == len(set(names)) > 10
    assert all(re.fullmatch(r"[a-z]+_[a-z_]*[a-z]+(ed|pt|nt)", name) for name in names), names


@pytest.mark.parametrize("event", events.catalogue(), ids=lambda event: event.action)
def test_every_event_says_what_it_means_and_needs_no_field(event: type[Event]) -> None:
    assert event.__doc__
    assert events.document(event())["event"]["action"] == event.action


def test_a_field_has_one_type_wherever_it_appears() -> None:
    types: dict[str, set[str]] = {}
    for event in events.catalogue():
        for _, path, kind, _ in events.fields(event):
            types.setdefault(path, set()).add(kind)
    assert {path: kinds for path, kinds in types.items() if len(kinds) > 1} == {}


def test_no_field_is_both_a_value_and_an_object() -> None:
    paths = {path for event in events.catalogue() for _, path, _, _ in events.fields(event)}
    assert not [p for p in paths if any(other.startswith(f"{p}.") for other in paths)]


def test_a_document_nests_its_fields_and_leaves_empty_ones_out() -> None:
    event = events.PageFetched(url="https://a.example/", status=200, bytes=0, page_id=7, duration_ms=1.5)
    assert events.document(event) == {
        "event": {"action": "page_fetched", "outcome": "success", "duration": 1_500_000},
        "url": {"full": "https://a.example/"},
        "http": {"response": {"status_code": 200, "body": {"bytes": 0}}},
        "toolscout": {"page_id": 7, "redirects": 0},
    }


def test_two_documents_share_nothing() -> None:
    first = events.document(events.ServiceStarted())
    first["event"]["id"] = "x"
    assert "id" not in events.document(events.ServiceStarted())["event"]


def test_the_docs_name_every_event_and_field() -> None:
    text = events_markdown()
    for event in events.catalogue():
        assert f"## {event.action}\n" in text
        assert all(f"`{path}`" in text for _, path, _, _ in events.fields(event))
