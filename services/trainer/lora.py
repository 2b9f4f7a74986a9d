"""LoRA by PEFT and TRL: what a machine can do, loading, training that goes on where it was killed. Needs torch."""

from __future__ import annotations

import logging
import math
import random
import resource
import sys
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import datasets
import orjson
import torch
import transformers
from peft import LoraConfig, PeftModel, get_peft_model
from toolscout import events, logs
from toolscout.settings import cores
from transformers import AutoModelForCausalLM, AutoTokenizer, EarlyStoppingCallback, PrinterCallback, TrainerCallback
from trl import KTOConfig, KTOTrainer, SFTConfig, SFTTrainer

from services.trainer.checkpoints import Checkpoints
from services.trainer.job import Job

RANK, ALPHA = 16, 32
# Ten times what full fine-tuning takes, after "LoRA Without Regret" (Schulman et al., 2025); KTO's is TRL's advice.
SFT_RATE, KTO_RATE = 2e-4, 5e-6
# A model of few parameters learns the same only five times as fast: on 133 pages of unseen hosts 320 rows brought it
# +.475 of field accuracy at this rate, and 256 rows +.185 (42 pages) at the other (docs/decisions/0016).
SMALL, SMALL_RATE = 1_000_000_000, 1e-3
# Rows of one step of the optimiser, and how many a processor holds at once: a CPU is fastest with few.
EFFECTIVE, AT_ONCE = 8, {"cpu": 2, "cuda": 8, "mps": 4}
# Evaluations without a better loss before it stops, and the rows of each.
PATIENCE, MEASURED = 3, 64
# Steps from one checkpoint to the next, at most.
STRIDE = 20
# A base of more parameters keeps no activations of its layers: they are computed a second time.
LARGE = 1e9

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Machine:
    """`bf16`: multiplies in bfloat16; LoRA's own weights and the optimiser stay float32."""

    device: str
    bf16: bool

    @classmethod
    def here(cls) -> Machine:
        torch.set_num_threads(cores())
        if torch.cuda.is_available():
            return cls("cuda", torch.cuda.is_bf16_supported())
        if torch.backends.mps.is_available():
            return cls("mps", torch.backends.mps.is_macos_or_newer(14, 0))
        # A CPU without instructions for it emulates bfloat16, several times slower than float32.
        able = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
        return cls("cpu", bool(able.get("avx512_bf16") or able.get("amx_bf16")))

    def peak_mib(self) -> int:
        """The most memory that was in use: of the GPU where there is one, else of this process."""
        if self.device == "cuda":
            return torch.cuda.max_memory_allocated() >> 20
        # In KiB, but on macOS in bytes.
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> (20 if sys.platform == "darwin" else 10)


@dataclass(frozen=True, slots=True)
class Plan:
    """How much to train, and where what is reached so far is kept."""

    seed: int
    epochs: float
    max_steps: int
    folder: Path
    fingerprint: str


def quiet() -> None:
    """Bars and advice go nowhere: progress goes to the job, and errors are raised."""
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    datasets.disable_progress_bars()
    # What they will name otherwise one day.
    warnings.filterwarnings("ignore", category=FutureWarning, module="(transformers|trl|peft)")
    logging.getLogger("trl").setLevel(logging.ERROR)


def load(base: Path, machine: Machine, seed: int) -> tuple[PeftModel, Any]:
    """(the model with a LoRA that changes nothing yet, its tokenizer)."""
    transformers.set_seed(seed)
    # Only a GPU's base is rounded: the CPU's is small, and llama.cpp multiplies with what is in it.
    dtype = torch.bfloat16 if machine.bf16 and machine.device == "cuda" else torch.float32
    model = AutoModelForCausalLM.from_pretrained(base, dtype=dtype)
    model.config.use_cache = False
    tokenizer = AutoTokenizer.from_pretrained(base)
    lora = LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules="all-linear", task_type="CAUSAL_LM")
    return get_peft_model(model, lora), tokenizer


def lengths(tokenizer: Any, rows: Sequence[Row]) -> list[int]:
    """Tokens of each row, prompt and completion."""
    texts = [tokenizer.apply_chat_template(row["prompt"] + row["completion"], tokenize=False) for row in rows]
    return [len(ids) for ids in tokenizer(texts, add_special_tokens=False)["input_ids"]] if texts else []


def sft(
    model: PeftModel, tokenizer: Any, rows: Sequence[Row], held: Sequence[Row], longest: int, plan: Plan, job: Job
) -> dict[str, Any]:
    """Learns the completions of `rows`, and keeps what was best on `held`; {steps, train_loss, eval_loss_before, …}."""
    machine = Machine.here()
    rate = SMALL_RATE if model.num_parameters() < SMALL else SFT_RATE
    options = _options(machine, model, len(rows), plan, "sft", rate) | {
        "max_length": longest,
        "completion_only_loss": True,
        "train_sampling_strategy": "group_by_length",
    }
    follow = Follow(job, "sft", Checkpoints(plan.folder / "sft", plan.fingerprint))
    callbacks: list[TrainerCallback] = [follow]
    if held:
        options |= {"eval_strategy": "steps", "eval_steps": options["save_steps"], "load_best_model_at_end": True}
        callbacks.append(EarlyStoppingCallback(PATIENCE))
    trainer = SFTTrainer(
        model=model,
        args=SFTConfig(**options),
        train_dataset=_dataset(rows, "prompt", "completion"),
        eval_dataset=_dataset(held[:MEASURED], "prompt", "completion") if held else None,
        processing_class=tokenizer,
        callbacks=callbacks,
    )
    # It prints to stdout, where our own events go.
    trainer.remove_callback(PrinterCallback)
    before = trainer.evaluate()["eval_loss"] if held else None
    figures = _train(trainer, follow)
    after = trainer.evaluate()["eval_loss"] if held else None
    return figures | {"eval_loss_before": before, "eval_loss_after": after}


def kto(model: PeftModel, tokenizer: Any, rows: Sequence[Row], longest: int, plan: Plan, job: Job) -> dict[str, Any]:
    """Moves away from answers that were rated down, towards those rated up, and not far from what it is."""
    options = _options(Machine.here(), model, len(rows), plan, "kto", KTO_RATE) | {
        "max_length": longest,
        "num_train_epochs": 1,
    }
    # KTO compares each row with the completion of its neighbour in the batch, in the order in which they come.
    mixed = random.Random(f"{plan.seed} kto").sample(list(rows), len(rows))
    follow = Follow(job, "kto", Checkpoints(plan.folder / "kto", plan.fingerprint))
    trainer = KTOTrainer(
        model=model,
        args=KTOConfig(**options),
        train_dataset=_dataset(mixed, "prompt", "completion", "label"),
        processing_class=tokenizer,
        callbacks=[follow],
    )
    trainer.remove_callback(PrinterCallback)
    return _train(trainer, follow)


def save(model: PeftModel, folder: Path, base_id: str) -> None:
    """PEFT's two files of the adapter, without what KTO compared with."""
    model.save_pretrained(str(folder), selected_adapters=["default"], save_embedding_layers=False)
    (folder / "README.md").unlink(missing_ok=True)
    path = folder / "adapter_config.json"
    config = orjson.loads(path.read_bytes())
    # The name by which servers know it, and not a folder of this machine. PEFT would ask the hub for it while training.
    config["base_model_name_or_path"] = base_id
    # PEFT lists each layer, in the order of a set; servers look for the names of the modules.
    config["target_modules"] = sorted({name.rpartition(".")[2] for name in config["target_modules"]})
    path.write_bytes(orjson.dumps(config, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n")


def _options(machine: Machine, model: Any, rows: int, plan: Plan, phase: str, rate: float) -> dict[str, Any]:
    """Arguments of a trainer that SFT and KTO share."""
    at_once = AT_ONCE[machine.device]
    steps = plan.max_steps if plan.max_steps > 0 else math.ceil(rows / EFFECTIVE * plan.epochs)
    return {
        "output_dir": str(plan.folder / phase),
        "seed": plan.seed,
        "num_train_epochs": plan.epochs,
        "max_steps": plan.max_steps,
        "learning_rate": rate,
        "lr_scheduler_type": "cosine",
        "warmup_steps": steps // 20,
        "per_device_train_batch_size": at_once,
        "per_device_eval_batch_size": at_once,
        "gradient_accumulation_steps": EFFECTIVE // at_once,
        "gradient_checkpointing": model.num_parameters() > LARGE,
        "bf16": machine.bf16,
        "use_cpu": machine.device == "cpu",
        "dataloader_pin_memory": machine.device == "cuda",
        "save_strategy": "steps",
        "save_steps": max(1, min(STRIDE, steps // 4)),
        "save_total_limit": 2,
        "logging_steps": 1,
        "report_to": "none",
        "disable_tqdm": True,
    }


def _dataset(rows: Sequence[Row], *columns: str) -> datasets.Dataset:
    return datasets.Dataset.from_list([{name: row[name] for name in columns} for row in rows])


def _train(trainer: Any, follow: Follow) -> dict[str, Any]:
    """Trains to the end, from the newest checkpoint that is whole."""
    found = follow.checkpoints.newest()
    trainer.train(resume_from_checkpoint=str(found) if found else None)
    losses = [one["loss"] for one in trainer.state.log_history if "loss" in one]
    last = losses[-max(1, len(losses) // 10) :]
    return {
        "steps": trainer.state.global_step,
        "epochs": round(trainer.state.epoch or 0, 2),
        "train_loss": sum(last) / len(last) if last else None,
        "resumed_at": int(found.name.rpartition("-")[2]) if found else 0,
        "rows_per_s": follow.rows_per_s,
    }


class Follow(TrainerCallback):
    """Tells how far it is after each batch, and stops the training by an exception where the job is to stop."""

    def __init__(self, job: Job, phase: str, checkpoints: Checkpoints) -> None:
        self.job = job
        self.phase = phase
        self.checkpoints = checkpoints
        self.first = 0
        self.began = time.monotonic()
        self.rows_per_s: float | None = None
        self.left_s: float | None = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.first, self.began = state.global_step, time.monotonic()

    def on_substep_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        left = f", {spoken(self.left_s)} left" if self.left_s is not None else ""
        self.job.progress(f"training ({self.phase}){left}", state.global_step, state.max_steps)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        took = time.monotonic() - self.began
        done = (state.global_step - self.first) * args.per_device_train_batch_size * args.gradient_accumulation_steps
        self.rows_per_s = round(done / took, 3)
        self.left_s = took / (state.global_step - self.first) * (state.max_steps - state.global_step)
        self.on_substep_end(args, state, control)

    def on_prediction_step(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.job.progress("measuring", state.global_step, state.max_steps or None)

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any) -> None:
        found = logs or {}
        if "loss" in found or "eval_loss" in found:
            self._tell(state, found)

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.checkpoints.seal(state.global_step)

    def _tell(self, state: Any, found: dict[str, float]) -> None:
        logs.emit(
            events.TrainingProgressed(
                run_id=self.job.run_id,
                phase=self.phase,
                training_step=state.global_step,
                training_steps=state.max_steps,
                loss=found.get("loss"),
                eval_loss=found.get("eval_loss"),
                eta_s=self.left_s,
                rows_per_s=self.rows_per_s,
            )
        )


def spoken(seconds: float) -> str:
    """A length of time as a person says it: 40 s, 12 min, 3 h 05 min."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"
