"""How the arms of an experiment do, as an operator watches it: figures over sessions and over counted searches."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import sqlalchemy as sa
from toolscout.catalogue import Catalogue, experiments
from toolscout.experiments import ARMS

# Whoever watches shares the figures, which may cost a fifth of a core at most; what is over seldom changes.
KEPT_S, KEPT_TIMES, KEPT_OVER_S = 2.0, 5, 300.0
Z = 1.959964  # 95%


class Live:
    """{stable|candidate: {exposures, searches, …}, apart} by experiment, kept for a moment."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[float, dict[str, Any]]] = {}

    def figures(self, name: str, *, current: bool) -> dict[str, Any]:
        """Blocks while they are computed."""
        with self._lock:
            until, kept = self._kept.get(name, (0.0, {}))
            start = time.monotonic()
            if start < until:
                return kept
            figures = _figures(self._catalogue, name)
            end = time.monotonic()
            self._kept[name] = (end + max(KEPT_S if current else KEPT_OVER_S, KEPT_TIMES * (end - start)), figures)
            return figures


def _figures(catalogue: Catalogue, name: str) -> dict[str, Any]:
    with catalogue.read() as conn:
        sessions = experiments.exposures(conn, name)
        figures: dict[str, Any] = {arm: {"exposures": sessions.get(arm, 0)} | _arm(conn, name, arm) for arm in ARMS}
        return figures | {"apart": experiments.count_searches(conn, name, counted=False)}


def _arm(conn: sa.Connection, name: str, arm: str) -> dict[str, Any]:
    rated, share = experiments.satisfaction(conn, name, arm)
    low, high = wilson(share, rated)
    surveys, survey = experiments.survey(conn, name, arm)
    satisfaction = {"rated": rated, "satisfaction": share, "satisfaction_low": low, "satisfaction_high": high}
    return (
        {"searches": experiments.count_searches(conn, name, (arm,))}
        | satisfaction
        | {"survey": survey, "surveys": surveys}
        | _outcomes(experiments.outcomes(conn, name, arm))
    )


def _outcomes(rows: Sequence[sa.Row]) -> dict[str, Any]:
    """Rates over the searches, None where there was none; times in ms."""
    total = [row.total for row in rows if row.total is not None]
    first_token = [row.first_token for row in rows if row.first_token is not None]
    asked = [row.source == "llm" for row in rows if _asked(row)]
    return {
        "latency_p50_ms": _percentile(total, 50),
        "latency_p95_ms": _percentile(total, 95),
        "first_token_p50_ms": _percentile(first_token, 50),
        "errors": _rate([_failed(row) for row in rows]),
        "grounded": _rate(asked),
        "no_match": _rate([row.no_match for row in rows]),
    }


def _failed(row: sa.Row) -> bool:
    """The arm's model gave nothing; the arm is to blame also where stable stood in for it."""
    return bool(row.fallback) or _gave_nothing(row.reason)


def _asked(row: sa.Row) -> bool:
    return row.source == "llm" or row.reason == "ungrounded" or _gave_nothing(row.reason)


def _gave_nothing(reason: str | None) -> bool:
    return bool(reason) and str(reason).startswith("llm_") and reason != "llm_off"


def _rate(values: Sequence[bool]) -> float | None:
    return sum(values) / len(values) if values else None


def _percentile(values: Sequence[float], percent: float) -> float | None:
    return round(float(np.percentile(values, percent)), 1) if values else None


def wilson(share: float | None, n: int) -> tuple[float | None, float | None]:
    """The 95% interval of a share of n (Wilson 1927); it stays within 0..1 also for few."""
    if share is None or n == 0:
        return None, None
    middle = (share + Z * Z / (2 * n)) / (1 + Z * Z / n)
    half = Z / (1 + Z * Z / n) * math.sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)
