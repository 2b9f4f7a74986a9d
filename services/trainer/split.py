"""Which rows train and which measure: like questions stay together, and the newest ones measure."""

from __future__ import annotations

from hashlib import sha256

TRAIN, VALIDATION, TEST = "train", "validation", "test"
SPLITS = (TRAIN, VALIDATION, TEST)
# Shares of the clusters that do not train.
VALIDATED, TESTED = 0.1, 0.1


class Splitter:
    """Clusters with the time of their first row; `settle` divides them once all are known.

    Of clusters that came in time (what visitors asked) the newest tenth tests, as a served model meets newer questions
    than it was trained on; of the others, and for validation, a hash of the seed decides.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._began: dict[int, float | None] = {}
        self._keys: dict[int, str] = {}
        self._splits: dict[int, str] = {}

    def add(self, cluster: int, key: str, at: float | None) -> None:
        """`key` names the cluster whatever its number; `at` is None where time means nothing."""
        known = self._began.setdefault(cluster, at)
        self._keys.setdefault(cluster, key)
        if at is not None and (known is None or at < known):
            self._began[cluster] = at

    def settle(self) -> None:
        timed = sorted((at, self._keys[n], n) for n, at in self._began.items() if at is not None)
        newest = {n for _, _, n in timed[len(timed) - round(TESTED * len(timed)) :]}
        for n, at in self._began.items():
            chance = self._chance(self._keys[n])
            if n in newest or (at is None and chance >= 1 - TESTED):
                self._splits[n] = TEST
            else:
                self._splits[n] = VALIDATION if chance < VALIDATED else TRAIN

    def split_of(self, cluster: int) -> str:
        return self._splits[cluster]

    def _chance(self, key: str) -> float:
        """0..1, the same for the same key and seed."""
        return int.from_bytes(sha256(f"{self._seed}:{key}".encode()).digest()[:8]) / 2**64
