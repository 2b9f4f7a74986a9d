"""THE event catalogue: every log event as a type. Mappings, dashboards and docs/events.md derive from it.

A field lands at `toolscout.<name>` unless its metadata names an ECS path. Names are past tense; text in events is
scrubbed before it gets here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar


def ecs(path: str, unit: str = "", default: Any = None) -> Any:
    return field(default=default, metadata={"path": path, "unit": unit})


def figure(unit: str, default: Any = None) -> Any:
    return field(default=default, metadata={"unit": unit})


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Fields that any event may carry. `duration_ms` becomes ECS' event.duration in nanoseconds."""

    action: ClassVar[str] = ""
    outcome: str = ecs("event.outcome", default="success")
    reason: str | None = ecs("event.reason")
    duration_ms: float | None = ecs("event.duration", unit="ns")
    error: str | None = ecs("error.message")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceStarted(Event):
    """A process is up and ready for work."""

    action: ClassVar[str] = "service_started"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceStopped(Event):
    """A process ends in order."""

    action: ClassVar[str] = "service_stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestServed(Event):
    """One HTTP request, whatever its outcome."""

    action: ClassVar[str] = "request_served"
    method: str | None = ecs("http.request.method")
    route: str | None = ecs("url.path")
    status: int | None = ecs("http.response.status_code")


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchServed(Event):
    """A search was answered (or failed): what `/api/v1/search` did and how long its parts took."""

    action: ClassVar[str] = "search_served"
    search_id: str | None = None
    query: str | None = None
    results: int = figure("results", 0)
    no_match: bool = False
    top_score: float | None = figure("score")
    answer_source: str | None = None
    grounded: bool | None = None
    citations: int = figure("citations", 0)
    index_version: int | None = figure("version")
    ntotal: int | None = figure("chunks")
    latency_ms: float | None = figure("ms")
    embed_ms: float | None = figure("ms")
    retrieve_ms: float | None = figure("ms")
    answer_ms: float | None = figure("ms")
    experiment: str | None = None
    counted: bool | None = None
    served_by: str | None = None
    model: str | None = None
    prompt: str | None = None
    query_adapter: str | None = None
    fallback: str | None = None
    support: float | None = figure("0-1")
    sentences_dropped: int | None = figure("sentences")
    first_token_ms: float | None = figure("ms")
    shown: list[str] | None = figure("tool:score:chunks")
    answer: str | None = None
    cited: list[str] | None = figure("number:chunk:tool")
    passages: list[int] | None = figure("chunks")
    network: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LlmCalled(Event):
    """One call of a language model, whatever came of it; `reason` says what went wrong."""

    action: ClassVar[str] = "llm_called"
    model: str | None = None
    arm: str | None = None
    purpose: str | None = None
    tokens_in: int = figure("tokens", 0)
    tokens_out: int = figure("tokens", 0)
    tokens_estimated: bool = False
    cost_usd: float | None = figure("US$")
    first_token_ms: float | None = figure("ms")
    tokens_per_second: float | None = figure("tokens/s")
    attempts: int = figure("calls", 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmExposed(Event):
    """A session met an experiment for the first time: its group is fixed from here on."""

    action: ClassVar[str] = "arm_exposed"
    experiment: str | None = None
    share: float | None = figure("0-1")
    stage: int | None = figure("stage")
    rule: str | None = None
    counted: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentChanged(Event):
    """Somebody (or the judge) changed an experiment."""

    action: ClassVar[str] = "experiment_changed"
    experiment: str | None = None
    change: str | None = None
    share: float | None = figure("0-1")
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolDescribed(Event):
    """A language model filled in what a tool's pages do not state outright."""

    action: ClassVar[str] = "tool_described"
    tool_id: int | None = None
    model: str | None = None
    fields_filled: int = figure("fields", 0)
    fields_refused: int = figure("fields", 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyAnswered(Event):
    """A visitor answered the one question (or closed it: then without a score)."""

    action: ClassVar[str] = "survey_answered"
    search_id: str | None = None
    score: int | None = figure("1-5")


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionMarked(Event):
    """An operator said what a missed question should have found."""

    action: ClassVar[str] = "question_marked"
    search_id: str | None = None
    verdict: str | None = None
    tool_id: int | None = None
    search_ids: list[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepEnded(Event):
    """A step of a pipeline run ended: what it made, and how much it left out."""

    action: ClassVar[str] = "step_ended"
    run_id: str | None = None
    step: str | None = None
    state: str | None = None
    rows: int = figure("rows", 0)
    dropped: int = figure("rows", 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingProgressed(Event):
    """A step of fine-tuning a language model, or a measurement of its loss on held-out rows."""

    action: ClassVar[str] = "training_progressed"
    run_id: str | None = None
    phase: str | None = None
    training_step: int = figure("steps", 0)
    training_steps: int = figure("steps", 0)
    loss: float | None = figure("nats/token")
    eval_loss: float | None = figure("nats/token")
    eta_s: float | None = figure("s")
    rows_per_s: float | None = figure("rows/s")


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterDeployed(Event):
    """Adapters that passed their gates became the candidate's: of the language model, of queries, or of both."""

    action: ClassVar[str] = "adapter_deployed"
    run_id: str | None = None
    driver: str | None = None
    adapter: str | None = None
    query_adapter: str | None = None
    model: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UrlsSubmitted(Event):
    """`process_url` took a request."""

    action: ClassVar[str] = "urls_submitted"
    job_id: str | None = None
    urls: int = figure("urls", 0)
    refused: int = figure("urls", 0)
    to_fetch: int = figure("urls", 0)
    to_process: int = figure("urls", 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class InputRefused(Event):
    """An entry point rejected what it was given; `reason` says why."""

    action: ClassVar[str] = "input_refused"
    url: str | None = ecs("url.full")
    status: int | None = ecs("http.response.status_code")


@dataclass(frozen=True, slots=True, kw_only=True)
class PageFetched(Event):
    """The crawler asked for a page."""

    action: ClassVar[str] = "page_fetched"
    url: str | None = ecs("url.full")
    host: str | None = ecs("url.domain")
    status: int | None = ecs("http.response.status_code")
    bytes: int | None = ecs("http.response.body.bytes", unit="bytes")
    page_id: int | None = None
    state: str | None = None
    redirects: int = figure("hops", 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class PageProcessed(Event):
    """The processor read a page: its text became passages, or the reason why not."""

    action: ClassVar[str] = "page_processed"
    url: str | None = ecs("url.full")
    page_id: int | None = None
    tool_id: int | None = None
    state: str | None = None
    method: str | None = None
    language: str | None = None
    chunks: int = figure("chunks", 0)
    chunks_reused: int = figure("chunks", 0)
    extract_ms: float | None = figure("ms")


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchProcessed(Event):
    """One `processor.process_pages` task."""

    action: ClassVar[str] = "batch_processed"
    pages: int = figure("pages", 0)
    chunks: int = figure("chunks", 0)
    extract_ms: float | None = figure("ms")
    embed_ms: float | None = figure("ms")
    commit_ms: float | None = figure("ms")


@dataclass(frozen=True, slots=True, kw_only=True)
class PagesSwept(Event):
    """Pages that stood still were queued again."""

    action: ClassVar[str] = "pages_swept"
    to_fetch: int = figure("pages", 0)
    to_process: int = figure("pages", 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class WakeFailed(Event):
    """The task queue was away when a task should have been sent; the sweeper sends it later."""

    action: ClassVar[str] = "wake_failed"
    outcome: str = ecs("event.outcome", default="failure")
    task: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskEnded(Event):
    """A Celery task ended."""

    action: ClassVar[str] = "task_ended"
    task: str | None = None
    task_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexUpdated(Event):
    """A gateway applied changes of the catalogue to its index."""

    action: ClassVar[str] = "index_updated"
    added: int = figure("chunks", 0)
    deleted: int = figure("chunks", 0)
    ntotal: int = figure("chunks", 0)
    index_version: int = figure("version", 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryAdapterRefused(Event):
    """The query adapter that an arm is to serve is broken: its searches go on without one."""

    action: ClassVar[str] = "query_adapter_refused"
    outcome: str = ecs("event.outcome", default="failure")
    arm: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackReceived(Event):
    """Somebody rated an answer or a result."""

    action: ClassVar[str] = "feedback_received"
    search_id: str | None = None
    rating: str | None = None
    score: int | None = figure("1-5")
    tool_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultClicked(Event):
    """Somebody opened a result."""

    action: ClassVar[str] = "result_clicked"
    search_id: str | None = None
    tool_id: int | None = None
    position: int | None = figure("rank")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessEnded(Event):
    """The supervisor saw one of its processes end without being asked, and starts it again."""

    action: ClassVar[str] = "process_ended"
    outcome: str = ecs("event.outcome", default="failure")
    process: str | None = None
    exit_code: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogsDropped(Event):
    """The log queue was full: so many events are missing before this one."""

    action: ClassVar[str] = "logs_dropped"
    outcome: str = ecs("event.outcome", default="failure")
    dropped: int = figure("events", 0)


def catalogue() -> list[type[Event]]:
    """Every event type, by action."""
    # dataclass(slots=True) makes a second class; the first one, without slots, is listed until it is collected.
    made = [event for event in Event.__subclasses__() if "__slots__" in vars(event)]
    return sorted(made, key=lambda event: event.action)


def fields(event: type[Event]) -> Iterator[tuple[str, str, str, str]]:
    """(attribute, path in the document, type, unit) of each field."""
    for f in dataclasses.fields(event):
        kind = str(f.type).replace(" | None", "")
        yield f.name, f.metadata.get("path", f"toolscout.{f.name}"), kind, f.metadata.get("unit", "")


def _plan(event: type[Event]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple((name, tuple(path.split("."))) for name, path, _, _ in fields(event))


_plans: dict[type[Event], tuple[tuple[str, tuple[str, ...]], ...]] = {}


def document(event: Event) -> dict[str, Any]:
    """The event as nested ECS objects, without empty fields."""
    kind = type(event)
    plan = _plans.get(kind) or _plans.setdefault(kind, _plan(kind))
    out: dict[str, Any] = {"event": {"action": kind.action}}
    for name, path in plan:
        value = getattr(event, name)
        if value is None:
            continue
        if name == "duration_ms":
            value = round(value * 1e6)
        at = out
        for part in path[:-1]:
            at = at.setdefault(part, {})
        at[path[-1]] = value
    return out
