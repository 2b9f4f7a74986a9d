"""The search log as the data streams in Elasticsearch hold it: the same searches, read from the events."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

import elasticsearch
from elasticsearch.helpers import ScanError, scan
from toolscout.errors import ConfigError, ToolscoutError
from toolscout.settings import Settings

from services.trainer.searchlog import ANSWER, BATCH, Logged, vote

STREAMS = "logs-toolscout.*-*"
TIMEOUT_S = 60


@dataclass(slots=True)
class _Signals:
    """What was said of one search."""

    survey: int | None = None
    votes: dict[int, int] = field(default_factory=dict)
    clicked: set[int] = field(default_factory=set)
    verdict: str | None = None
    should_find: int | None = None

    @property
    def any(self) -> bool:
        return bool(self.votes or self.survey is not None or self.verdict)


class ElasticLog:
    """Reads search_served and what was said of it: feedback_received, survey_answered, result_clicked, question_marked.

    Raises ConfigError where no Elasticsearch is named, ToolscoutError where it does not answer.
    """

    def __init__(self, settings: Settings) -> None:
        if not settings.elasticsearch_url:
            raise ConfigError(
                "No Elasticsearch is named to read from.",
                remedy="Set TOOLSCOUT_ELASTICSEARCH_URL, or leave out --source elasticsearch.",
            )
        self._client = elasticsearch.Elasticsearch(settings.elasticsearch_url, request_timeout=TIMEOUT_S)

    def counts(self) -> dict[str, int]:
        try:
            every, counted = self._count(), self._count({"term": {"toolscout.counted": True}})
        except (elasticsearch.ApiError, elasticsearch.TransportError) as error:
            raise _away(error) from error
        used = sum(signals.any for signals in self._signals.values())
        return {"searches": every, "not_counted": every - counted, "no_signal": max(0, counted - used)}

    def _count(self, *terms: dict[str, Any]) -> int:
        query = {"bool": {"filter": [{"term": {"event.action": "search_served"}}, *terms]}}
        return int(self._client.count(index=STREAMS, query=query, ignore_unavailable=True)["count"])

    def batches(self) -> Iterator[list[Logged]]:
        batch: list[Logged] = []
        for event in self._events(["search_served"]):
            said = event["toolscout"]
            signals = self._signals.get(said.get("search_id", ""))
            if not said.get("counted") or not signals or not signals.any:
                continue
            batch.append(_logged(event, signals))
            if len(batch) == BATCH:
                yield batch
                batch = []
        if batch:
            yield batch

    @cached_property
    def _signals(self) -> dict[str, _Signals]:
        """By search, in the order of time: the last word counts."""
        found: dict[str, _Signals] = {}
        groups: dict[str, list[str]] = {}
        names = ["feedback_received", "survey_answered", "result_clicked", "question_marked"]
        for event in self._events(names):
            said = event["toolscout"]
            one = found.setdefault(said["search_id"], _Signals())
            match event["event"]["action"]:
                case "feedback_received":
                    one.votes[said.get("tool_id") or ANSWER] = vote(said.get("rating"), said.get("score"))
                case "survey_answered":
                    one.survey = said.get("score")
                case "result_clicked":
                    one.clicked.add(said["tool_id"])
                case "question_marked":
                    _mark(found, groups, said)
        return found

    def _events(self, actions: list[str]) -> Iterator[dict[str, Any]]:
        """Documents of these events, oldest first."""
        body = {"query": {"terms": {"event.action": actions}}, "sort": ["@timestamp"]}
        try:
            for hit in scan(self._client, index=STREAMS, query=body, preserve_order=True, ignore_unavailable=True):
                yield hit["_source"]
        except (elasticsearch.ApiError, elasticsearch.TransportError, ScanError) as error:
            raise _away(error) from error


def _mark(found: dict[str, _Signals], groups: dict[str, list[str]], said: dict[str, Any]) -> None:
    """A mark holds for every search of its group, until it is taken back."""
    verdict = said.get("verdict")
    taken_back = verdict == "taken_back"
    ids = groups.pop(said["search_id"], []) if taken_back else said.get("search_ids") or [said["search_id"]]
    for search in ids:
        one = found.setdefault(search, _Signals())
        one.verdict = None if taken_back else verdict
        one.should_find = None if taken_back else said.get("tool_id")
    if not taken_back:
        groups[said["search_id"]] = ids


def _logged(event: dict[str, Any], signals: _Signals) -> Logged:
    said = event["toolscout"]
    votes = dict(signals.votes)
    if signals.survey is not None and ANSWER not in votes:
        votes[ANSWER] = vote(None, signals.survey)
    return Logged(
        id=said["search_id"],
        at=datetime.fromisoformat(event["@timestamp"]).timestamp(),
        session=event.get("session", {}).get("id", ""),
        network=said.get("network"),
        group=event.get("labels", {}).get("ab_group", ""),
        query=said.get("query", ""),
        no_match=bool(said.get("no_match")),
        shown=[_shown(one) for one in said.get("shown") or []],
        answer=said.get("answer") or "",
        source=said.get("answer_source") or "",
        cited={int(n): int(chunk) for n, chunk, _ in (one.split(":") for one in said.get("cited") or [])},
        passages=[int(chunk) for chunk in said.get("passages") or []],
        votes=votes,
        clicked=signals.clicked,
        verdict=signals.verdict,
        should_find=signals.should_find,
    )


def _shown(said: str) -> tuple[int, float, list[int]]:
    """
    >>> _shown("7:0.61:12,13")
    (7, 0.61, [12, 13])
    """
    tool, score, chunks = said.split(":")
    return int(tool), float(score), [int(chunk) for chunk in chunks.split(",") if chunk]


def _away(error: Exception) -> ToolscoutError:
    return ToolscoutError(
        f"Elasticsearch does not answer as it should: {str(error)[:300]}",
        reason="elasticsearch_away",
        remedy="See whether TOOLSCOUT_ELASTICSEARCH_URL is right and it runs, or leave out --source elasticsearch.",
    )
