"""A/B experiments without I/O: who gets which arm, and how an experiment may go on.

An arm is an endpoint, a model, a prompt version and a query adapter. The unit is the session.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from toolscout.domain import CANDIDATE, STABLE
from toolscout.errors import Conflict

ARMS = (STABLE, CANDIDATE)
RUNNING, PAUSED, PROMOTED, ROLLED_BACK = "running", "paused", "promoted", "rolled_back"
ENDED = frozenset({PROMOTED, ROLLED_BACK})

# action → (states in which it may be taken, state that it leads to)
ACTIONS = {
    "pause": (frozenset({RUNNING}), PAUSED),
    "resume": (frozenset({PAUSED}), RUNNING),
    "promote": (frozenset({RUNNING, PAUSED}), PROMOTED),
    "rollback": (frozenset({RUNNING, PAUSED, PROMOTED}), ROLLED_BACK),
}


@dataclass(frozen=True, slots=True)
class Experiment:
    """`share` (0..1) of the new sessions get the candidate; `stage` counts the shares that it has had.

    `arms`: {stable|candidate: {endpoint, model, prompt, adapter}}; times in Unix seconds.
    """

    id: str
    salt: str
    share: float
    stage: int
    state: str
    arms: dict[str, dict[str, Any]]
    created_at: float = 0.0
    changed_at: float = 0.0

    @property
    def ended(self) -> bool:
        return self.state in ENDED


def chance(salt: str, session: str) -> float:
    """A number in [0, 1) that is the session's own: evenly spread, and another one under another salt."""
    digest = sha256(f"{salt}:{session}".encode()).digest()
    return int.from_bytes(digest[:8]) / 2**64


def group_of(experiment: Experiment, session: str) -> str:
    """The arm that the hash gives. While the share grows, nobody goes back from candidate to stable."""
    return CANDIDATE if chance(experiment.salt, session) < experiment.share else STABLE


def state_after(state: str, action: str) -> str:
    """Raises Conflict where the action does not apply."""
    states, result = ACTIONS[action]
    if state in states:
        return result
    possible = [name for name, (some, _) in ACTIONS.items() if state in some]
    remedy = f"From here one can {' or '.join(possible)}." if possible else "Set another candidate to open a new one."
    raise Conflict(f"The experiment is {state}: it cannot {action}.", reason="experiment_state", remedy=remedy)
