"""Whether an adapter may go on, by what it and the stable model said to the same prompts; and why not."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from toolscout.settings import Settings

from services.trainer.query_adapter import Gate
from services.trainer.scores import ANSWER, EXTRACTION, KINDS, REFUSAL

# What must not get worse, and whose figure it is.
GUARDS = {
    "json_valid": EXTRACTION,
    "fits_form": EXTRACTION,
    "citation_precision": ANSWER,
    "supported": ANSWER,
    "not_refused": ANSWER,
    "refused": REFUSAL,
}
SAID = {
    "json_valid": "valid JSON",
    "fits_form": "replies that fit the form",
    "citation_precision": "citation precision",
    "supported": "sentences that their passages support",
    "not_refused": "answers where there is one",
    "refused": "refusals where nothing fits",
}
LATENCY = (0.5, 0.95)

Asked = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Thresholds:
    """`rows` at least; the mean gain that is needed, its interval above zero; how much worse a guarded figure may be,
    as a share, before its interval says that it is; and how many times as long a reply may take.
    """

    rows: int
    gain: float
    worse: float
    slower: float

    @classmethod
    def of(cls, settings: Settings) -> Thresholds:
        return cls(settings.gate_rows, settings.gate_gain, settings.gate_worse, settings.gate_slower)


def judged(rows: Sequence[Asked], allowed: Thresholds) -> dict[str, Any]:
    """The report's figures: passed, why_not, gain, interval, kinds, metrics, latency_ms, tokens, judge, rows.

    `rows`: {kind, before, after, verdict}, where both sides hold figures, ms, tokens_in and tokens_out. Intervals are
    95% paired bootstraps over rows, seeded.
    """
    pooled = _compared({"all": _pairs(rows, "score")}, Gate(gain=allowed.gain, floor=-math.inf))
    kinds = {kind: _pairs([row for row in rows if row["kind"] == kind], "score") for kind in KINDS}
    guards = {
        name: _pairs([row for row in rows if row["kind"] == kind], _figure(name)) for name, kind in GUARDS.items()
    }
    found = {name: pairs for name, pairs in _others(rows).items() if len(pairs[0])}
    guarded = _compared({name: pairs for name, pairs in guards.items() if len(pairs[0])}, Gate(floor=-allowed.worse))
    slower = _compared({"slower": _speeds(rows)}, Gate(floor=-math.log2(allowed.slower)))["sets"]["slower"]
    why_not = list(pooled["why_not"])
    why_not += [f"{SAID[name]} got worse: {_told(one)}" for name, one in _worse(guarded, allowed.worse)]
    if slower["interval"][1] < -math.log2(allowed.slower):
        why_not.append(f"it takes {2 ** -slower['gain']:.1f} times as long")
    return {
        "passed": not why_not,
        "why_not": why_not,
        "rows": len(rows),
        "gain": pooled["gain"],
        "interval": pooled["interval"],
        "before": pooled["sets"]["all"]["before"],
        "after": pooled["sets"]["all"]["after"],
        "kinds": _compared({kind: pairs for kind, pairs in kinds.items() if len(pairs[0])}, Gate())["sets"],
        "metrics": guarded["sets"] | (_compared(found, Gate())["sets"] if found else {}),
        "latency_ms": {side: _quantiles([row[side]["ms"] for row in rows]) for side in ("before", "after")},
        "tokens": {side: _tokens([row[side] for row in rows]) for side in ("before", "after")},
        "judge": _wins([row["verdict"] for row in rows if row.get("verdict") is not None]),
    }


def _figure(name: str) -> str:
    return "score" if name == "refused" else name


def _pairs(rows: Sequence[Asked], figure: str) -> tuple[np.ndarray, np.ndarray]:
    before, after = (np.array([row[side][figure] for row in rows], float) for side in ("before", "after"))
    return before, after


def _others(rows: Sequence[Asked]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Every further figure, of the rows that have it."""
    names = {name for row in rows for name in row["before"]}
    told = {"score", "ms", "tokens_in", "tokens_out", *GUARDS}
    return {name: _pairs([row for row in rows if name in row["before"]], name) for name in sorted(names - told)}


def _compared(pairs: Mapping[str, tuple[np.ndarray, np.ndarray]], gate: Gate) -> dict[str, Any]:
    """As Gate.judge says it; nothing of nothing. Its `queries` are rows here."""
    if not pairs:
        return {"sets": {}, "why_not": []}
    found = gate.judge({name: one for name, (one, _) in pairs.items()}, {name: one for name, (_, one) in pairs.items()})
    sets = {name: {"rows": one.pop("queries"), **one} for name, one in found["sets"].items()}
    return found | {"sets": sets}


def _speeds(rows: Sequence[Asked]) -> tuple[np.ndarray, np.ndarray]:
    """-log2 of the times, so that a gain of -1 means twice as long."""
    before, after = _pairs(rows, "ms")
    return -np.log2(np.maximum(before, 1)), -np.log2(np.maximum(after, 1))


def _worse(guarded: Mapping[str, Any], worse: float) -> list[tuple[str, Mapping[str, Any]]]:
    return [(name, one) for name, one in guarded["sets"].items() if one["interval"][1] < -worse]


def _told(one: Mapping[str, Any]) -> str:
    low, high = one["interval"]
    return f"{one['before']:.3f} → {one['after']:.3f} ({low:+.3f} to {high:+.3f})"


def _quantiles(times: Sequence[float]) -> dict[str, float]:
    return {f"p{round(q * 100)}": round(float(np.quantile(times, q)), 1) for q in LATENCY}


def _tokens(sides: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Means of a reply."""
    return {name: round(float(np.mean([side[name] for side in sides])), 1) for name in ("tokens_in", "tokens_out")}


def _wins(verdicts: Sequence[float]) -> dict[str, Any] | None:
    """Ties are half a win each."""
    if not verdicts:
        return None
    rate = _compared({"wins": (np.full(len(verdicts), 0.5), np.array(verdicts, float))}, Gate())["sets"]["wins"]
    low, high = rate["interval"]
    counts = {"won": verdicts.count(1.0), "tie": verdicts.count(0.5), "lost": verdicts.count(0.0)}
    return {"win_rate": rate["after"], "interval": [round(0.5 + low, 5), round(0.5 + high, 5)], **counts}


def markdown(report: Mapping[str, Any]) -> str:
    """The report for people."""
    passed = "It may serve." if report["passed"] else "It may not serve: " + "; ".join(report["why_not"]) + "."
    lines = [
        f"# Gate of adapter {report['adapter']}",
        "",
        passed,
        "",
        f"`{report['candidate']}` against `{report['stable']}`, both served, {report['rows']} rows held out or frozen,"
        f" the same prompts. Before, after and gain are means of 0..1; intervals are 95% paired bootstraps over rows.",
        "",
        "| | rows | before | after | gain, 95% |",
        "|---|---|---|---|---|",
        _line("all", {**report, "rows": report["rows"]}),
        *(_line(kind, one) for kind, one in report["kinds"].items()),
        "",
        "| figure | rows | before | after | gain, 95% |",
        "|---|---|---|---|---|",
        *(_line(name, one) for name, one in report["metrics"].items()),
        "",
        "| | before | after |",
        "|---|---|---|",
    ]
    for name in ("latency_ms", "tokens"):
        before, after = report[name]["before"], report[name]["after"]
        lines += [f"| {name} {key} | {before[key]} | {after[key]} |" for key in before]
    if wins := report["judge"]:
        low, high = wins["interval"]
        lines += [
            "",
            f"The judge preferred it in {wins['win_rate']:.0%} ({low:.0%} to {high:.0%}), ties counting half.",
        ]
    if report.get("left_out"):
        lines += ["", "Left out: " + ", ".join(f"{name} {n}" for name, n in report["left_out"].items()) + "."]
    return "\n".join(lines) + "\n"


def _line(name: str, one: Mapping[str, Any]) -> str:
    low, high = one["interval"]
    figures = f"{one['before']:.3f} | {one['after']:.3f} | {one['gain']:+.3f} ({low:+.3f} to {high:+.3f})"
    return f"| {name} | {one['rows']} | {figures} |"
