"""Questions without a model: what a tool's fields and sentences say, in one of several wordings."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from toolscout.text import HANGUL

from services.trainer import synthetic_english, synthetic_korean
from services.trainer.synthetic_points import IT, Point, Question, within
from services.trainer.synthetic_tools import Tool

BY = "templates"
# Of English tools so many are also asked for in Korean.
ABROAD = 0.3


def questions(tool: Tool, most: int, rng: random.Random) -> list[Question]:
    """At most `most`, of what is said first, each of another point; one that many tools fit comes last."""
    language = synthetic_korean if tool.language == "ko" else synthetic_english
    points = language.points(tool)
    specific, generic = ([one for one in points if one.generic is which] for which in (False, True))
    further = [(point, language.asked) for point in _some(generic, 1, rng)]
    if tool.language == "en" and rng.random() < ABROAD:
        further += [(point, synthetic_korean.asked) for point in _some(synthetic_korean.points_abroad(tool), 1, rng)]
    # The first points are the tool's own words for itself, the others what stands somewhere on its pages.
    own = [(point, language.asked) for point in _some(specific[: 2 * most], most - len(further), rng)]
    return [_question(tool, point, asked, rng) for point, asked in [*own, *further]]


def _some(points: Sequence[Point], most: int, rng: random.Random) -> list[Point]:
    return rng.sample(list(points), min(most, len(points)))


def _question(tool: Tool, point: Point, asked: Callable[[Point, int], str], rng: random.Random) -> Question:
    told = (spoken(tool.name, point.told[0]), *point.told[1:])
    needs = point.needs or point.told
    return Question(asked(point, rng.randrange(60)), point.passage, told, BY, needs, point.generic)


def spoken(name: str, sentence: str) -> str:
    """A page's sentence so that it says of which tool it speaks.

    >>> spoken("Zorbo", "It turns text into video."), spoken("Zorbo", "Turn text into video.")
    ('Zorbo turns text into video.', 'Zorbo: Turn text into video.')
    """
    if within(name, sentence):
        return sentence
    if not HANGUL.search(sentence) and (found := IT.match(sentence)):
        return f"{name} {sentence[found.end() :]}"
    return f"{name}: {sentence}"
