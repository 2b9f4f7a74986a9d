"""The words of the field as plain types: no I/O, no framework."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class State(StrEnum):
    """Where a page (and each URL of a job) stands; the last five are final."""

    QUEUED = "queued"
    FETCHING = "fetching"
    FETCHED = "fetched"
    PROCESSING = "processing"
    INDEXED = "indexed"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        return self in FINAL


FINAL = frozenset({State.INDEXED, State.UNCHANGED, State.SKIPPED, State.FAILED, State.CANCELLED})


def job_state(states: list[State]) -> State:
    """One state for a whole job: the least advanced open URL's; when all ended, the best outcome that one had."""
    open_order = [State.QUEUED, State.FETCHING, State.FETCHED, State.PROCESSING]
    done_order = [State.INDEXED, State.UNCHANGED, State.SKIPPED, State.FAILED, State.CANCELLED]
    for state in open_order + done_order:
        if state in states:
            return state
    return State.FAILED


class Pricing(StrEnum):
    FREE = "free"
    FREEMIUM = "freemium"
    FREE_TRIAL = "free_trial"
    PAID = "paid"
    CONTACT = "contact"
    OPEN_SOURCE = "open_source"


# The two arms of an experiment; a session's A/B group has the same names.
STABLE, CANDIDATE = "stable", "candidate"

# One fixed taxonomy: what a visitor filters by and what the processor may answer.
CATEGORIES = (
    "writing",
    "image",
    "video",
    "audio",
    "code",
    "chat",
    "search",
    "data",
    "productivity",
    "marketing",
    "business",
    "education",
    "design",
    "developer",
    "research",
    "other",
)


@dataclass(slots=True)
class Fact:
    """One field of a tool: its value, where it was read, and how sure that is (0..1)."""

    value: object
    source: str
    confidence: float = 1.0


@dataclass(slots=True)
class Citation:
    """The number in an answer's text, and what it stands for."""

    n: int
    chunk_id: int
    tool_id: int


@dataclass(slots=True)
class Extracted:
    """What a page says, before anyone interprets it.

    `text` holds one paragraph, heading or list item a line; `headings` are those lines that were headings.
    `facts` maps field names of a tool (name, summary, category, pricing, platforms, languages, image) to what
    structured data (JSON-LD, OpenGraph, microdata, meta tags) or visible text states. `links` are (URL, anchor text) of
    links to other hosts, as written.
    """

    title: str = ""
    text: str = ""
    language: str = ""
    headings: list[str] = field(default_factory=list)
    facts: dict[str, Fact] = field(default_factory=dict)
    schema_types: list[str] = field(default_factory=list)
    links: list[tuple[str, str]] = field(default_factory=list)
    noindex: bool = False
    method: str = ""


@dataclass(slots=True)
class Chunk:
    """A passage of a page as it is indexed; the title travels with it but is not part of its text."""

    page_id: int
    ordinal: int
    title: str
    text: str

    @property
    def indexed_text(self) -> str:
        """What both the encoder and the word index see."""
        return f"{self.title}. {self.text}" if self.title else self.text


@dataclass(slots=True)
class Hit:
    """A chunk that a query found: cosine in -1..1, BM25 ≥ 0, score = their fusion."""

    chunk_id: int
    tool_id: int
    score: float
    cosine: float
    bm25: float
