"""What a tool is for, by the words that speak for each category: one look at each word of the page's beginning."""

from __future__ import annotations

from collections import Counter

from toolscout.categories import categories_in, lower_words
from toolscout.domain import Fact

from services.processor.structured import PageData

LEAD_WORDS = 400
# What a word weighs by where it stands, how often one place may repeat itself, and what a category needs to be named.
TITLE, DESCRIPTION, TEXT, MOST_IN_TEXT, ENOUGH = 4, 2, 1, 4, 4


def category_of(data: PageData, lead: str) -> Fact | None:
    """The category for which the page's words speak most; None where they speak for none."""
    scores: Counter[str] = Counter()
    heads = f"{data.title} {data.heading} {data.tool.get('applicationCategory', '')}"
    for text, weight, most in ((heads, TITLE, 2), (data.description, DESCRIPTION, 2), (lead, TEXT, MOST_IN_TEXT)):
        said = Counter(categories_in(lower_words(text)[:LEAD_WORDS]))
        scores.update({category: weight * min(most, times) for category, times in said.items()})
    if not scores:
        return None
    best, score = scores.most_common(1)[0]
    return Fact(best, "text", min(0.7, 0.2 + score / 25)) if score >= ENOUGH else None
