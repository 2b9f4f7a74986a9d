"""Rows that teach to read a page: its visible text, and the fields that its structured data state."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

from toolscout.form import FIELDS, form, judge_entries
from toolscout.prompts.describe import RULES, build
from toolscout.settings import Settings
from toolscout.text import scrub
from toolscout.untrusted import without_instructions

from services.trainer.synthetic_rows import WEIGHT, LeftOut
from services.trainer.synthetic_templates import BY
from services.trainer.synthetic_tools import Tool

# Where a fact stands that was written for machines to read.
STRUCTURED = frozenset(["json-ld", "microdata", "opengraph", "meta"])
VERSION = hashlib.sha256(RULES.encode()).hexdigest()[:12]
LEAST_TEXT = 80
_SCRUBBED = re.compile(r"\[(?:email|phone|card)\]")


def extraction(tool: Tool, settings: Settings) -> dict[str, Any]:
    """Raises LeftOut. A label that the shown text does not bear out is left away: it would teach to make things up."""
    stated = _stated(tool)
    if not stated:
        raise LeftOut("no_structured_data")
    if len(tool.lead) < LEAST_TEXT:
        raise LeftOut("no_text")
    labels = _borne_out(stated, _shown(_prompt(tool, list(stated), settings)))
    if not labels.keys() - {"name"}:
        raise LeftOut("labels_not_in_text")
    said = json.dumps(labels, ensure_ascii=False)
    form(list(labels)).model_validate_json(said)
    return {
        "kind": "extraction",
        "prompt": _prompt(tool, list(labels), settings),
        "completion": [{"role": "assistant", "content": said}],
        "prompt_version": VERSION,
        "query": None,
        "language": tool.language,
        "source": "synthetic",
        "by": BY,
        "tool_ids": [tool.id],
        "chunk_ids": [passage.id for passage in tool.leading],
        "at": tool.at,
        "weight": WEIGHT,
    }


def _prompt(tool: Tool, wanted: list[str], settings: Settings) -> list[dict[str, str]]:
    # Who is to find the name is not told it: a tool without a name goes by its site.
    return build(tool.site if "name" in wanted else tool.name, tool.lead, wanted, True, settings)


def _shown(prompt: list[dict[str, str]]) -> str:
    """The page's text as the prompt has it, without what is asked of it."""
    return prompt[-1]["content"].rpartition("\n\n")[0]


def _stated(tool: Tool) -> dict[str, Any]:
    """{field: value} that the landing page's structured data state, in the order of the form."""
    stated = {}
    for name in FIELDS:
        fact = tool.facts.get(name)
        if fact and fact["value"] and fact["source"] in STRUCTURED and (value := _clean(fact["value"])):
            stated[name] = value
    return stated


def _clean(value: Any) -> Any:
    if isinstance(value, list):
        return [kept for one in value if (kept := _clean(one))]
    text = scrub(without_instructions(str(value))).strip()
    # What was cut short, or named somebody, is not what the page says.
    return "" if text.endswith("…") or _SCRUBBED.search(text) else text


def _borne_out(stated: dict[str, Any], text: str) -> dict[str, Any]:
    try:
        filled = form(list(stated)).model_validate(stated)
    except ValueError as error:
        raise LeftOut("labels_unfit") from error
    kept = judge_entries(filled, text, BY).facts
    return {name: kept[name].value for name in stated if name in kept}
