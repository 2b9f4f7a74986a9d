"""Trains a query adapter on pairs of queries and passages, and says whether it may serve: numpy alone.

Loss: InfoNCE (van den Oord, Li and Vinyals, 2018). For a query q with u = (W·q + b)/|W·q + b|, the passage that answers
it competes with those of the other pairs of its batch, with passages drawn from the pool, and with explicit negatives,
by softmax of scale·u·p. W starts at identity, and a pull towards it is added: pull·(|W − I|² + |b|²).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
from toolscout.encoder import DIM
from toolscout.query_adapter import QueryAdapter

# Vectors nearer than that are of the same text: float16 and the company in a batch of the encoder change less.
SAME = 0.995
# Means over time of Adam (Kingma and Ba, 2015).
FIRST, SECOND = 0.9, 0.999


@dataclass(frozen=True, slots=True)
class Options:
    """How to train; chosen by cross-validation (docs/decisions/0014).

    `share` of the learnt change is kept: W = I + share·(W − I), and b likewise. `damping` is Adam's epsilon: so large
    that entries whose gradients are mostly noise stay where they are.
    """

    epochs: int = 10
    batch: int = 128
    drawn: int = 512
    scale: float = 10.0
    rate: float = 1e-2
    damping: float = 3e-3
    pull: float = 1e-3
    share: float = 0.6

    def asdict(self) -> dict[str, Any]:
        return asdict(self)


# Where the catalogue is another one than was learnt from, less of the change gains more (docs/decisions/0014).
FOREIGN = Options(share=0.4)


@dataclass(slots=True)
class Pairs:
    """What to learn from; every vector is float32 of length one.

    `queries` and `positives` are (n, 384): row i of one is answered by row i of the other. `pool` (m, 384) holds
    passages to draw negatives from. `weights` (n,) count pairs more or less, 1 by default. `negatives` (n, k, 384) are
    passages that do not answer; a row of zeros is none. Passages of different corpora never compete in a ranking:
    `groups` (n,) and `pool_groups` (m,) number the corpora, and a batch is of one of them; all are of one by default.
    """

    queries: np.ndarray
    positives: np.ndarray
    pool: np.ndarray
    weights: np.ndarray | None = None
    negatives: np.ndarray | None = None
    groups: np.ndarray | None = None
    pool_groups: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.queries)


class Batch(NamedTuple):
    """`queries` (n, 384); `passages` (m, 384) that compete, of which the first n are theirs; `weights` (n,) around one;
    `masked` (n, m), those that do not compete for a query; explicit `negatives` (n, k, 384) or None.
    """

    queries: np.ndarray
    passages: np.ndarray
    weights: np.ndarray
    masked: np.ndarray
    negatives: np.ndarray | None


def train(pairs: Pairs, seed: int = 0, options: Options | None = None, name: str = "new") -> QueryAdapter:
    """The same bytes for the same pairs, seed and machine. Weights are rounded to float16, as they are kept.

    Raises ValueError where there is no pair, or the arrays do not fit together.
    """
    options = options or Options()
    _check(pairs)
    rng = np.random.default_rng(seed)
    weight, bias = np.eye(DIM, dtype=np.float32), np.zeros(DIM, np.float32)
    adam = [_Adam(weight, options), _Adam(bias, options)]
    plan = [rows for _ in range(options.epochs) for rows in _batches(pairs, options.batch, rng)]
    for step, batch in enumerate(_filled(pairs, plan, options.drawn, rng)):
        _, *gradients = loss_and_gradients(weight, bias, batch, options.scale, options.pull)
        # The rate falls to zero, so that the last batches decide no more than others.
        weight, bias = (
            one.step(value, gradient, 1 - step / len(plan))
            for one, value, gradient in zip(adam, (weight, bias), gradients, strict=True)
        )
    eye = np.eye(DIM, dtype=np.float32)
    kept = eye + options.share * (weight - eye), options.share * bias
    return QueryAdapter(name, *(part.astype("<f2").astype(np.float32) for part in kept))


def loss_and_gradients(
    weight: np.ndarray, bias: np.ndarray, batch: Batch, scale: float, pull: float
) -> tuple[float, np.ndarray, np.ndarray]:
    """(loss, its gradient by W, its gradient by b), of the dtype of what is given."""
    n = len(batch.queries)
    moved = batch.queries @ weight.T + bias
    lengths = np.linalg.norm(moved, axis=1, keepdims=True)
    units = moved / lengths
    logits = np.where(batch.masked, -np.inf, scale * (units @ batch.passages.T))
    if batch.negatives is not None:
        against = scale * np.einsum("nd,nkd->nk", units, batch.negatives)
        logits = np.concatenate([logits, np.where(batch.negatives.any(2), against, -np.inf)], 1)
    logits -= logits.max(1, keepdims=True)
    chances = np.exp(logits)
    chances /= chances.sum(1, keepdims=True)
    own = np.arange(n)
    eye = np.eye(len(weight), dtype=weight.dtype)
    loss = -float(batch.weights @ np.log(chances[own, own])) / n
    loss += pull * float(((weight - eye) ** 2).sum() + (bias**2).sum())
    # By logits: chance minus what should be; then through the product, and through the division by the length.
    chances[own, own] -= 1
    chances *= scale * batch.weights[:, None] / n
    by_units = chances[:, : len(batch.passages)] @ batch.passages
    if batch.negatives is not None:
        by_units += np.einsum("nk,nkd->nd", chances[:, len(batch.passages) :], batch.negatives)
    by_moved = (by_units - units * (by_units * units).sum(1, keepdims=True)) / lengths
    return loss, by_moved.T @ batch.queries + 2 * pull * (weight - eye), by_moved.sum(0) + 2 * pull * bias


class _Adam:
    """Adam for one array."""

    def __init__(self, like: np.ndarray, options: Options) -> None:
        self.first, self.second = np.zeros_like(like), np.zeros_like(like)
        self.rate, self.damping, self.steps = options.rate, options.damping, 0

    def step(self, value: np.ndarray, gradient: np.ndarray, share: float) -> np.ndarray:
        """`value` moved by `share` of the rate."""
        self.steps += 1
        self.first = FIRST * self.first + (1 - FIRST) * gradient
        self.second = SECOND * self.second + (1 - SECOND) * gradient**2
        mean = self.first / (1 - FIRST**self.steps)
        spread = np.sqrt(self.second / (1 - SECOND**self.steps))
        return value - self.rate * share * mean / (spread + self.damping)


def _check(pairs: Pairs) -> None:
    n, m = len(pairs), len(pairs.pool)
    if not n:
        raise ValueError("there is no pair to learn from")
    for part, shape in (
        (pairs.queries, (n, DIM)),
        (pairs.positives, (n, DIM)),
        (pairs.pool, (m, DIM)),
        (pairs.weights, (n,)),
        (pairs.groups, (n,)),
        (pairs.pool_groups, (m,)),
        (None if pairs.negatives is None else pairs.negatives[:, 0], (n, DIM)),
    ):
        if part is not None and (part.shape != shape or not np.isfinite(part).all()):
            raise ValueError(f"an array of {shape} finite numbers is needed, and one of {part.shape} came")


def _filled(pairs: Pairs, plan: Sequence[np.ndarray], drawn: int, rng: np.random.Generator) -> Iterator[Batch]:
    """The batches of these rows, each with `drawn` passages of its group, or all of a small one."""
    groups, pools = _groups(pairs.groups, len(pairs)), _groups(pairs.pool_groups, len(pairs.pool))
    weights = np.ones(len(pairs)) if pairs.weights is None else pairs.weights
    weights = (weights / weights.mean()).astype(np.float32)
    among = {group: np.flatnonzero(pools == group) for group in np.unique(groups)}
    for rows in plan:
        some = among[groups[rows[0]]]
        yield _batch(pairs, rows, rng.choice(some, drawn) if len(some) > drawn else some, weights)


def _batches(pairs: Pairs, size: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Row numbers in random order, in batches of about `size`, each of one group."""
    groups = _groups(pairs.groups, len(pairs))
    order = rng.permutation(len(pairs))
    found: list[np.ndarray] = []
    for group in np.unique(groups):
        rows = order[groups[order] == group]
        found += np.array_split(rows, math.ceil(len(rows) / size))
    return [found[i] for i in rng.permutation(len(found))]


def _batch(pairs: Pairs, rows: np.ndarray, drawn: np.ndarray, weights: np.ndarray) -> Batch:
    """What is the same passage, or answers the same query, does not compete."""
    queries, own = pairs.queries[rows], pairs.positives[rows]
    passages = np.concatenate([own, pairs.pool[drawn]])
    masked = own @ passages.T > SAME
    masked[:, : len(rows)] |= queries @ queries.T > SAME
    np.fill_diagonal(masked, False)
    negatives = None if pairs.negatives is None else pairs.negatives[rows]
    return Batch(queries, passages, weights[rows], masked, negatives)


def _groups(given: np.ndarray | None, n: int) -> np.ndarray:
    return np.zeros(n, np.int64) if given is None else given


@dataclass(frozen=True, slots=True)
class Gate:
    """Whether an adapter may serve, by nDCG@10 of the same held-out queries without it and with it.

    It passes if the mean gain over the sets reaches `gain`, its 95% interval lies above zero, and no set's own
    interval lies wholly below `floor`. Intervals are paired bootstraps over queries, within each set.
    """

    gain: float = 0.0
    floor: float = -0.005
    resamples: int = 4000
    seed: int = 0

    def judge(self, before: Mapping[str, np.ndarray], after: Mapping[str, np.ndarray]) -> dict[str, Any]:
        """The report, plain: passed, why_not, gain, interval, sets. Both map a set's name to one figure a query.

        Raises ValueError where the two are not of the same queries, or hold what is no number.
        """
        if not before or before.keys() != after.keys():
            raise ValueError("both sides of a comparison need the same sets, one at least")
        means, sets = [], {}
        for name, old in before.items():
            new = after[name]
            if not len(old) or old.shape != new.shape or not (np.isfinite(old).all() and np.isfinite(new).all()):
                raise ValueError(f"the figures of {name} can't be compared query by query")
            means.append(self._means(new - old))
            sets[name] = _set(old, new, means[-1])
        gain = float(np.mean([(after[name] - before[name]).mean() for name in before]))
        report = {"gain": _short(gain), "interval": _interval(np.mean(means, 0)), "sets": sets}
        why_not = self._why_not(gain, report)
        return {"passed": not why_not, "why_not": why_not, **report, "rule": asdict(self)}

    def _means(self, gains: np.ndarray) -> np.ndarray:
        """Means of the gains of queries drawn with replacement, float64 (resamples,)."""
        rng = np.random.default_rng(self.seed)
        return np.array([gains[rng.integers(0, len(gains), len(gains))].mean() for _ in range(self.resamples)])

    def _why_not(self, gain: float, report: dict[str, Any]) -> list[str]:
        why = [] if gain >= self.gain else [f"the mean gain {gain:.4f} is below {self.gain}"]
        if report["interval"][0] <= 0:
            why.append("the mean gain may be chance: its interval reaches zero")
        worse = [name for name, one in report["sets"].items() if one["interval"][1] < self.floor]
        return why + [f"{name} is worse by more than {-self.floor}" for name in worse]


def _set(before: np.ndarray, after: np.ndarray, means: np.ndarray) -> dict[str, Any]:
    return {
        "queries": len(before),
        "before": _short(before.mean()),
        "after": _short(after.mean()),
        "gain": _short((after - before).mean()),
        "interval": _interval(means),
    }


def _interval(means: np.ndarray) -> list[float]:
    return [_short(bound) for bound in np.quantile(means, (0.025, 0.975))]


def _short(value: float) -> float:
    return round(float(value), 5)
