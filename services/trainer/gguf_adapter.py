"""A LoRA of PEFT as a GGUF adapter for llama.cpp, without torch.

The layout is that of llama.cpp's convert_lora_to_gguf.py: for each weight NAME the matrices NAME.lora_a (rank, in) and
NAME.lora_b (out, rank), and `adapter.lora.alpha`; llama.cpp adds alpha/rank·B·A to the weight.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import orjson
from safetensors import SafetensorError
from safetensors.numpy import load_file
from toolscout.errors import ToolscoutError

WEIGHTS, CONFIG = "adapter_model.safetensors", "adapter_config.json"
# Families whose weights lie in a GGUF as they lie in transformers, but for the rows of q and k in llama's.
FAMILIES = {
    "llama": gguf.MODEL_ARCH.LLAMA,
    "mistral": gguf.MODEL_ARCH.LLAMA,
    "qwen2": gguf.MODEL_ARCH.QWEN2,
    "qwen3": gguf.MODEL_ARCH.QWEN3,
}
# What a plain LoRA has not: no server loads it, or it loads it and scales wrong without a word.
NOT_PLAIN = (
    "use_rslora",
    "use_dora",
    "use_qalora",
    "modules_to_save",
    "alpha_pattern",
    "rank_pattern",
    "lora_bias",
    "fan_in_fan_out",
    "layer_replication",
    "target_parameters",
    "trainable_token_indices",
)
_NAME = re.compile(r"base_model\.model\.(?P<module>.+)\.lora_(?P<side>[AB])\.weight")


class Unfit(ToolscoutError):
    """This adapter can't be made a GGUF that means the same."""

    status, reason, title = 422, "adapter_unfit", "The adapter can't be converted"
    remedy = "Train a plain LoRA of linear layers: `toolscout train --step finetune_model`."


def convert(adapter: Path, base: Path, to: Path) -> int:
    """Writes the PEFT folder `adapter`, trained on the model in the folder `base`; returns the number of its tensors.

    Raises Unfit.
    """
    model = orjson.loads((base / "config.json").read_bytes())
    config = orjson.loads((adapter / CONFIG).read_bytes())
    _check(config, model)
    tensors = dict(_tensors(_load(adapter / WEIGHTS), model))
    _check_pairs(tensors)
    architecture = FAMILIES[model["model_type"]]
    writer = gguf.GGUFWriter(to, gguf.MODEL_ARCH_NAMES[architecture])
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, float(config["lora_alpha"]))
    for name, tensor in sorted(tensors.items()):
        writer.add_tensor(name, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return len(tensors)


def _check(config: Mapping[str, Any], model: Mapping[str, Any]) -> None:
    if model.get("model_type") not in FAMILIES:
        raise Unfit(f"Its base is of the family {model.get('model_type')!r}; known are {', '.join(FAMILIES)}.")
    if config.get("peft_type") != "LORA":
        raise Unfit(f"It is a {config.get('peft_type')!r}, and no LORA.")
    odd = [name for name in NOT_PLAIN if config.get(name)]
    if config.get("bias", "none") != "none":
        odd.append("bias")
    # PiSSA, OLoRA and their like change the base's weights too.
    if config.get("init_lora_weights", True) not in (True, False, "gaussian"):
        odd.append(f"init_lora_weights={config['init_lora_weights']}")
    if odd:
        raise Unfit(f"It is no plain LoRA: it has {', '.join(odd)}.")


def _load(path: Path) -> dict[str, np.ndarray]:
    try:
        return {name: tensor.astype(np.float32) for name, tensor in load_file(path).items()}
    except (SafetensorError, OSError, TypeError) as error:
        raise Unfit(f"{path.name} can't be read: {error}") from error


def _tensors(weights: Mapping[str, np.ndarray], model: Mapping[str, Any]) -> Iterator[tuple[str, np.ndarray]]:
    """(llama.cpp's name, float32 matrix) of each."""
    names = gguf.get_tensor_name_map(FAMILIES[model["model_type"]], model["num_hidden_layers"])
    for name, tensor in weights.items():
        found = _NAME.fullmatch(name)
        known = names.get_name(f"{found['module']}.weight", try_suffixes=(".weight",)) if found else None
        if found is None or known is None:
            raise Unfit(f"llama.cpp knows no place for its {name}.")
        if not np.isfinite(tensor).all():
            raise Unfit(f"Its {name} holds what is no number.")
        if found["side"] == "B":
            tensor = _as_rotated(found["module"], tensor, model)
        yield f"{known}.lora_{found['side'].lower()}", np.ascontiguousarray(tensor)


def _as_rotated(module: str, up: np.ndarray, model: Mapping[str, Any]) -> np.ndarray:
    """(out, rank) with the rows of q and k in the order in which llama.cpp rotates them.

    transformers pairs row i of a head with row i + half, llama.cpp's LLAMA with the next one.
    """
    heads = {"q_proj": "num_attention_heads", "k_proj": "num_key_value_heads"}.get(module.rpartition(".")[2])
    if heads is None or FAMILIES[model["model_type"]] is not gguf.MODEL_ARCH.LLAMA:
        return up
    n = model.get(heads) or model["num_attention_heads"]
    return up.reshape(n, 2, len(up) // n // 2, -1).swapaxes(1, 2).reshape(up.shape)


def _check_pairs(tensors: Mapping[str, np.ndarray]) -> None:
    """Each lora_a of rank r has its lora_b, and the rank is everywhere the same: there is one alpha for all."""
    stems = {name.rpartition(".")[0] for name in tensors}
    alone = [stem for stem in stems if not {f"{stem}.lora_a", f"{stem}.lora_b"} <= tensors.keys()]
    if alone or not stems:
        raise Unfit(f"It has but one half for {sorted(alone)[0]}." if alone else "It is empty.")
    ranks = {len(tensors[f"{stem}.lora_a"]) for stem in stems} | {tensors[f"{stem}.lora_b"].shape[1] for stem in stems}
    if len(ranks) > 1:
        raise Unfit(f"Its matrices are of several ranks: {sorted(ranks)}.")
