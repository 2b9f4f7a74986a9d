"""What keeps training data clean: likeness of texts, queries that are measured on, a cap on what one visitor gives."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import orjson
from datasketch import MinHash, MinHashLSH
from toolscout.encoder import Encoder
from toolscout.errors import InvalidInput
from toolscout.settings import Settings
from toolscout.text import HANGUL

# Texts that share so many of their runs of letters are the same but for spelling, order or politeness.
ALIKE = 0.7
# Queries whose vectors are so near (cosine) ask for the same: MiniLM's paraphrases lie above, neighbours below.
SAME_MEANING = 0.85
RUN, HANGUL_RUN = 4, 2
# Bands of rows: of pairs that are alike by .7, 1 - (1 - .7³)^16 = 99.9% meet in a band (Leskovec et al., Mining of
# Massive Datasets, 3.4).
BANDS, ROWS = 16, 3
_WORD = re.compile(r"\w+")


def shingles(text: str) -> set[str]:
    """Runs of four characters of the text's words, case folded; of Korean, which spaces as it likes, of two."""
    words = _WORD.findall(text.casefold())
    even, run = ("".join(words), HANGUL_RUN) if HANGUL.search(text) else (f" {' '.join(words)} ", RUN)
    return {even[n : n + run] for n in range(max(1, len(even) - run + 1))}


def likeness(a: set[str], b: set[str]) -> float:
    """Jaccard: what is in both of what is in either, 0..1."""
    return len(a & b) / len(a | b) if a or b else 1.0


class Near:
    """Finds a text that is nearly the same among those added before: MinHash proposes, the exact likeness decides."""

    def __init__(self, alike: float = ALIKE) -> None:
        self._alike = alike
        self._lsh = MinHashLSH(num_perm=BANDS * ROWS, params=(BANDS, ROWS))
        self._texts: dict[int, str] = {}

    def find(self, text: str) -> int | None:
        """The number of the first text that is alike, or None."""
        found = shingles(text)
        for n in sorted(self._lsh.query(_minhash(found))):
            if likeness(found, shingles(self._texts[n])) >= self._alike:
                return n
        return None

    def add(self, text: str) -> int:
        """Numbers texts from 0."""
        n = len(self._texts)
        self._texts[n] = text
        self._lsh.insert(n, _minhash(shingles(text)))
        return n


def _minhash(found: set[str]) -> MinHash:
    made = MinHash(num_perm=BANDS * ROWS)
    made.update_batch([one.encode() for one in sorted(found)])
    return made


class Evaluation:
    """The queries of the frozen sets: none of them, nor any that is nearly one, may be trained on."""

    def __init__(self, queries: Iterable[str], encoder: Encoder | None = None) -> None:
        self.queries = sorted(set(queries))
        self._encoder = encoder
        self._near = Near()
        for query in self.queries:
            self._near.add(query)

    @classmethod
    def read(cls, settings: Settings) -> Evaluation:
        """Of every *.jsonl below evaluation_dir: the field `query`, or `text` in files named queries.jsonl."""
        paths = sorted(settings.evaluation_dir.rglob("*.jsonl"))
        return cls((query for path in paths for query in _queries(path)), Encoder(settings.encoder_dir))

    @cached_property
    def _vectors(self) -> np.ndarray:
        assert self._encoder is not None
        return self._encoder.encode(self.queries)

    def overlaps(self, query: str) -> bool:
        """Whether the query is measured on, in these or other words."""
        return self.overlapping([query])[0]

    def overlapping(self, queries: Sequence[str]) -> list[bool]:
        """The same of many, which is faster: those that are not alike by letter are compared by meaning."""
        if not self.queries:
            return [False] * len(queries)
        found = [self._near.find(query) is not None for query in queries]
        open_ = [n for n, hit in enumerate(found) if not hit]
        if self._encoder and open_:
            vectors = self._encoder.encode([queries[n] for n in open_])
            for n, vector in zip(open_, vectors, strict=True):
                found[n] = bool((self._vectors @ vector).max() >= SAME_MEANING)
        return found


def _queries(path: Path) -> Iterator[str]:
    for n, line in enumerate(path.read_bytes().splitlines(), 1):
        try:
            row = orjson.loads(line)
        except ValueError as error:
            raise InvalidInput(f"Line {n} of {path.name} is not JSON.", remedy="Mend or remove it.") from error
        said = row.get("query") or (row.get("text") if path.name == "queries.jsonl" else None)
        if isinstance(said, str):
            yield said


class Caps:
    """How much one session, and one network, has given so far."""

    def __init__(self, settings: Settings) -> None:
        self._most = {"session": settings.train_session_cap, "network": settings.train_network_cap}
        self._given: Counter[tuple[str, str, str]] = Counter()

    def refuses(self, kind: str, session: str, network: str | None) -> str | None:
        """Why another row of a kind is not taken; None, and it is counted, where it is. No network: no such cap."""
        mine = [("session", session), *([("network", network)] if network else [])]
        for what, who in mine:
            if self._given[kind, what, who] >= self._most[what]:
                return f"{what}_cap"
        self._given.update((kind, what, who) for what, who in mine)
        return None
