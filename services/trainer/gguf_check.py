"""Whether a GGUF adapter on llama.cpp means the same as its PEFT original on transformers: by their logprobs."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from toolscout.settings import cores

Messages = list[dict[str, str]]
# Mean absolute difference of logprobs, in nats, that the two may have.
MOST = 0.02
TOKENS = 16


@dataclass(frozen=True, slots=True)
class Difference:
    """Of the logprobs of the tokens that llama.cpp wrote, in nats."""

    mean: float
    largest: float
    tokens: int


@dataclass(frozen=True, slots=True)
class Written:
    """Tokens after a prompt and the logprob of each, as llama.cpp had them."""

    prompt: list[int]
    tokens: list[int]
    logprobs: list[float]


def check(
    base: Path, weights: Path, adapter: Path, prompts: Sequence[Messages], tokens: int = TOKENS
) -> dict[str, Any]:
    """The adapter's difference beside the base's own; `agrees` says that the first is at most MOST.

    `base` is a folder of transformers, `weights` the GGUF that it was made of, `adapter` holds both forms of the LoRA.
    Both sides multiply with the same float32 numbers: the GGUF is dequantised, so that what llama.cpp rounds on the fly
    does not count. `changed` is the share of prompts after which the adapter writes something else than the base, and
    `moved` how far it moves the logprobs of what it writes: agreement about an adapter that moves nothing says nothing.
    """
    with tempfile.TemporaryDirectory(dir=adapter.parent) as beside:
        plain = Path(beside) / "base.gguf"
        dequantise(weights, plain)
        texts = _tokenised(base, prompts)
        bare, with_it = (written(plain, lora, texts, tokens) for lora in (None, adapter / "adapter.gguf"))
    before, after = (difference(base, lora, some) for lora, some in ((None, bare), (adapter, with_it)))
    moved = difference(base, None, with_it)
    changed = sum(one.tokens != other.tokens for one, other in zip(bare, with_it, strict=True))
    return {
        "prompts": len(prompts),
        "adapter": asdict(after),
        "base": asdict(before),
        "moved": moved.mean,
        "changed": changed / len(prompts),
        "most": MOST,
        "agrees": after.mean <= MOST,
    }


def dequantise(weights: Path, to: Path) -> None:
    """The same GGUF with every weight in float32."""
    reader = gguf.GGUFReader(weights)
    writer = gguf.GGUFWriter(to, reader.fields[gguf.Keys.General.ARCHITECTURE].contents())
    for name, one in reader.fields.items():
        if not name.startswith("GGUF.") and name not in (gguf.Keys.General.ARCHITECTURE, gguf.Keys.General.FILE_TYPE):
            kind = one.types[0]
            inner = one.types[-1] if kind is gguf.GGUFValueType.ARRAY else None
            writer.add_key_value(name, one.contents(), kind, inner)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    for tensor in reader.tensors:
        # Its `shape` is ggml's, from the inside out.
        numbers = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
        writer.add_tensor(tensor.name, numbers.reshape(tensor.shape[::-1]).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def written(weights: Path, lora: Path | None, prompts: Sequence[list[int]], tokens: int = TOKENS) -> list[Written]:
    """What llama.cpp writes greedily after each prompt. Raises RuntimeError where it can't load the adapter."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(weights)
    if lora:
        params.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(str(lora), 1.0)]
    params.n_ctx = max(map(len, prompts)) + tokens + 1
    params.n_parallel = 1
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = cores()
    params.n_gpu_layers = 0
    params.fit_params = False
    params.verbosity = 1
    server = xllamacpp.Server(params)
    asked = {"n_predict": tokens, "temperature": 0, "n_probs": 1, "cache_prompt": False}
    found = []
    for prompt in prompts:
        reply = server.handle_completions(asked | {"prompt": prompt})
        said = reply["choices"][0]["logprobs"]["content"]
        found.append(Written(prompt, [one["id"] for one in said], [one["logprob"] for one in said]))
    return found


def difference(base: Path, lora: Path | None, texts: Sequence[Written]) -> Difference:
    """How far the logprobs are from those that transformers has for the same tokens."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    model: Any = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    if lora:
        model = PeftModel.from_pretrained(model, lora)
    model.eval()
    gaps = []
    for one in texts:
        ids = torch.tensor([one.prompt + one.tokens])
        with torch.inference_mode():
            logits = model(input_ids=ids).logits[0, len(one.prompt) - 1 : -1]
        logprobs = logits.log_softmax(-1).gather(1, torch.tensor(one.tokens)[:, None])[:, 0]
        gaps.append(np.abs(logprobs.numpy() - np.array(one.logprobs)))
    every = np.concatenate(gaps)
    return Difference(float(every.mean()), float(every.max()), len(every))


def _tokenised(base: Path, prompts: Sequence[Messages]) -> list[list[int]]:
    from transformers import AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(base)
    return [tokenizer.apply_chat_template(p, add_generation_prompt=True, return_dict=False) for p in prompts]
