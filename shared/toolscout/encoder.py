"""Text to vectors: MiniLM by ONNX Runtime, without torch."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import onnxruntime as ort
from tokenizers import Tokenizer

from toolscout.errors import ConfigError

DIM = 384
MAX_TOKENS = 256
# Characters that can matter: a token is rarely longer than a word.
MAX_CHARS = 8000
# Texts × tokens of one run: what stays in the caches of a core; eight times as much is a sixth slower.
BATCH_TOKENS = 512
# A text goes with others whose length is this share of its own at least. int8 scales by what is in a batch, so company
# changes a vector (cosine .993 on average); short texts among long ones suffer most.
ALIKE = 0.8
CACHED_QUERIES = 1024


class Encoder:
    """Opens the model at its first use, so that a process may fork before it; `threads` within one run."""

    def __init__(self, directory: Path, threads: int = 1) -> None:
        self.directory = directory
        self.threads = threads
        self._queries: OrderedDict[str, np.ndarray] = OrderedDict()
        self._lock = threading.Lock()

    @cached_property
    def sha(self) -> str:
        """Identifies what vectors are made by: the first 16 hex digits of the sha256 of model and tokenizer."""
        digest = hashlib.sha256()
        for name in ("model.onnx", "tokenizer.json"):
            digest.update(self._file(name).read_bytes())
        return digest.hexdigest()[:16]

    def _file(self, name: str) -> Path:
        path = self.directory / name
        if not path.exists():
            raise ConfigError(f"The encoder's {name} is missing.", remedy="Run `make encoder`.")
        return path

    @cached_property
    def _session(self) -> ort.InferenceSession:
        options = ort.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        # Waiting threads must not burn the cores that other processes need.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        return ort.InferenceSession(self._file("model.onnx"), options, providers=["CPUExecutionProvider"])

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        tokenizer = Tokenizer.from_file(str(self._file("tokenizer.json")))
        tokenizer.no_padding()
        tokenizer.enable_truncation(MAX_TOKENS)
        return tokenizer

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """float32 (texts, 384), each of length one. Texts beyond 256 tokens are read that far."""
        out = np.empty((len(texts), DIM), np.float32)
        tokens = [e.ids for e in self._tokenizer.encode_batch([text[:MAX_CHARS] for text in texts])]
        for rows in _batches(tokens):
            out[rows] = self._run([tokens[i] for i in rows])
        return out

    def encode_query(self, text: str) -> np.ndarray:
        """float32 (384,); the last queries are remembered."""
        with self._lock:
            if text in self._queries:
                self._queries.move_to_end(text)
                return self._queries[text]
        vector = self.encode([text])[0]
        vector.setflags(write=False)
        with self._lock:
            self._queries[text] = vector
            if len(self._queries) > CACHED_QUERIES:
                self._queries.popitem(last=False)
        return vector

    def _run(self, tokens: Sequence[Sequence[int]]) -> np.ndarray:
        """One batch, padded to its own longest."""
        shape = (len(tokens), max(map(len, tokens)))
        ids, mask = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        for row, some in enumerate(tokens):
            ids[row, : len(some)] = some
            mask[row, : len(some)] = 1
        return self._session.run(["embedding"], {"input_ids": ids, "attention_mask": mask})[0]


def _batches(tokens: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """Row numbers by length, so that a batch pads little, as many as BATCH_TOKENS holds."""
    batch: list[int] = []
    for i in sorted(range(len(tokens)), key=lambda i: len(tokens[i])):
        full = (len(batch) + 1) * len(tokens[i]) > BATCH_TOKENS
        if batch and (full or len(tokens[batch[0]]) < ALIKE * len(tokens[i])):
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch


def pack(vectors: np.ndarray) -> list[bytes]:
    """Rows as 384 float16, little endian: what the catalogue keeps."""
    return [row.tobytes() for row in np.asarray(vectors).astype("<f2")]


def unpack(rows: Sequence[bytes]) -> np.ndarray:
    """float32 (rows, 384) of what pack() made."""
    return np.frombuffer(b"".join(rows), "<f2").reshape(len(rows), DIM).astype(np.float32)
