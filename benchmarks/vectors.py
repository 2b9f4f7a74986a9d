"""Vectors of many texts, computed once a machine."""

from __future__ import annotations

import hashlib
import inspect
import json
import tempfile
from pathlib import Path

import numpy as np
import toolscout.encoder
from toolscout.encoder import Encoder


def vectors_of(encoder: Encoder, texts: list[str]) -> np.ndarray:
    """float32 (texts, 384); kept in the machine's temporary folder for the next run."""
    # How texts are batched changes int8 vectors a little, so the code counts too.
    code = inspect.getsource(toolscout.encoder)
    key = hashlib.sha256(json.dumps([encoder.sha, code, texts]).encode()).hexdigest()[:24]
    kept = Path(tempfile.gettempdir()) / f"toolscout-vectors-{key}.npy"
    if kept.exists():
        return np.load(kept)
    vectors = encoder.encode(texts)
    new = kept.with_suffix(".new.npy")
    np.save(new, vectors)
    new.replace(kept)
    return vectors
