"""What requests may say; anything else is refused with the place and the reason."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Depends, Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator
from toolscout.domain import CATEGORIES, Pricing
from toolscout.settings import DAY
from toolscout.text import clean

MAX_QUERY = 1000
MAX_OFFSET = 500
MAX_URLS = 1000
MAX_COMMENT = 2000

Word = Annotated[str, StringConstraints(min_length=1, max_length=40)]
Words = Annotated[list[Word], Field(max_length=20)]


class Form(BaseModel):
    # An unknown field is a typing error that would otherwise be ignored in silence.
    model_config = ConfigDict(extra="forbid")


class Filters(Form):
    """Values of one field are alternatives; fields narrow each other."""

    category: Words = []
    pricing: Words = []
    platform: Words = []
    language: Words = []

    @field_validator("category")
    @classmethod
    def _category(cls, values: list[str]) -> list[str]:
        return _known(values, CATEGORIES)

    @field_validator("pricing")
    @classmethod
    def _pricing(cls, values: list[str]) -> list[str]:
        return _known(values, tuple(Pricing))


def _known(values: list[str], allowed: tuple[str, ...]) -> list[str]:
    for value in values:
        if value not in allowed:
            raise ValueError(f"{value!r} is none of {', '.join(allowed)}")
    return values


def link_filters(
    category: Annotated[Words, Query()] = [],  # noqa: B006 - FastAPI copies it
    pricing: Annotated[Words, Query()] = [],  # noqa: B006
    platform: Annotated[Words, Query()] = [],  # noqa: B006
    language: Annotated[Words, Query()] = [],  # noqa: B006
) -> dict[str, list[str]]:
    """The filters of a link, each as often as it has values."""
    return {"category": category, "pricing": pricing, "platform": platform, "language": language}


LinkFilters = Annotated[dict[str, list[str]], Depends(link_filters)]


class SearchForm(Form):
    query: Annotated[str, Field(max_length=MAX_QUERY, description="What is looked for, in English or Korean")]
    limit: Annotated[int, Field(ge=1, le=50)] = 10
    offset: Annotated[int, Field(ge=0, le=MAX_OFFSET)] = 0
    filters: Filters = Filters()
    answer: bool = True
    stream: bool = False

    @field_validator("query")
    @classmethod
    def _says_something(cls, query: str) -> str:
        query = " ".join(clean(query).split())
        if not query:
            raise ValueError("the query is empty")
        return query


class ProcessForm(Form):
    """Either `url`, perhaps with its `html`, or `urls`."""

    url: str | None = None
    urls: Annotated[list[str], Field(min_length=1, max_length=MAX_URLS)] | None = None
    html: str | None = None
    max_age: Annotated[float, Field(ge=0, le=10 * 365 * DAY)] = DAY
    wait: bool = False

    @model_validator(mode="after")
    def _one_of(self) -> ProcessForm:
        if (self.url is None) == (self.urls is None):
            raise ValueError("give either url or urls")
        if self.html is not None and self.url is None:
            raise ValueError("html goes with one url")
        return self


class FeedbackForm(Form):
    search_id: Annotated[str, Field(min_length=1, max_length=64)]
    rating: Literal["up", "down"] | None = None
    score: Annotated[int, Field(ge=1, le=5)] | None = None
    tool_id: Annotated[int, Field(ge=1, lt=2**63)] | None = None
    comment: Annotated[str, Field(max_length=MAX_COMMENT)] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> FeedbackForm:
        if self.rating is None and self.score is None:
            raise ValueError("give rating, score or both")
        return self


class ClickForm(Form):
    search_id: Annotated[str, Field(min_length=1, max_length=64)]
    tool_id: Annotated[int, Field(ge=1, lt=2**63)]
    position: Annotated[int, Field(ge=0, le=MAX_OFFSET + 50)]
