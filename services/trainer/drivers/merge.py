"""The base's weights with an adapter in them, as one GGUF: for servers that take no LoRA."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path

from toolscout.settings import Settings

from services.trainer import base_model
from services.trainer.drivers.commands import run
from services.trainer.job import Job, Skip

NEEDED = ("torch", "transformers", "peft")
CONVERTER = "convert_hf_to_gguf.py"
WEIGHTS, FILE = "merged", "merged.gguf"


def gguf(adapter: Path, job: Job) -> Path | None:
    """merged.gguf in the adapter's folder; None where no converter is there: then the weights lie in merged/.

    Either is there whole or not at all, and made once. Raises Skip without torch.
    """
    made, weights = adapter / FILE, adapter / WEIGHTS
    if made.exists():
        return made
    if not weights.is_dir():
        job.progress(f"merging {adapter.name}")
        _merge(adapter, weights, job.settings)
    converter = job.settings.gguf_converter or shutil.which(CONVERTER)
    if not converter:
        return None
    new = made.with_name(f".{FILE}.new")
    try:
        argv = [sys.executable, converter, str(weights), "--outfile", str(new), "--outtype", "f16"]
        run(argv, lambda: job.progress(f"converting {adapter.name}"))
        new.replace(made)
    finally:
        new.unlink(missing_ok=True)
    shutil.rmtree(weights)
    return made


def forget(adapter: Path) -> None:
    """A server has its own copy now."""
    (adapter / FILE).unlink(missing_ok=True)
    shutil.rmtree(adapter / WEIGHTS, ignore_errors=True)


def _merge(adapter: Path, to: Path, settings: Settings) -> None:
    absent = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if absent:
        raise Skip(
            f"This server takes merged weights only, and {', '.join(absent)} is not installed.",
            reason="no_torch",
            remedy="Run: make run TRAINER=1",
        )
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    base = base_model.trainable(settings)
    new = to.with_name(f".{to.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    try:
        model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base, dtype="auto"), str(adapter))
        model.merge_and_unload().save_pretrained(new)
        AutoTokenizer.from_pretrained(base).save_pretrained(new)
        new.rename(to)
    finally:
        shutil.rmtree(new, ignore_errors=True)
