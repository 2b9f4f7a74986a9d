"""A PEFT folder as a GGUF adapter: names, the order of rows, what is refused; llama.cpp loads it. No torch here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import orjson
import pytest
from safetensors.numpy import save_file
from toolscout.adapters import Adapter, find

from services.llm.model import Model
from services.llm.wire import ChatRequest, Message
from services.trainer.gguf_adapter import Unfit, convert

RANK = 4
SMALL = {
    "model_type": "llama",
    "num_hidden_layers": 1,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "hidden_size": 32,
}
# Of SmolLM2-135M, which the embedded server has.
SMOLLM2 = SMALL | {
    "num_hidden_layers": 30,
    "num_attention_heads": 9,
    "num_key_value_heads": 3,
    "hidden_size": 576,
}
PLAIN = {"peft_type": "LORA", "r": RANK, "lora_alpha": 8, "bias": "none", "use_rslora": False, "use_dora": False}


def halves(model: Mapping[str, Any], modules: Mapping[str, int], strength: float = 0.1) -> dict[str, np.ndarray]:
    """Random A and B of attention's modules; `modules` are their widths."""
    rng = np.random.default_rng(1)
    found = {}
    for layer in range(model["num_hidden_layers"]):
        for name, width in modules.items():
            stem = f"base_model.model.model.layers.{layer}.self_attn.{name}"
            found[f"{stem}.lora_A.weight"] = rng.normal(0, strength, (RANK, model["hidden_size"])).astype(np.float32)
            found[f"{stem}.lora_B.weight"] = rng.normal(0, strength, (width, RANK)).astype(np.float32)
    return found


def folders(
    tmp_path: Path, model: Mapping[str, Any], weights: Mapping[str, np.ndarray], **config: Any
) -> tuple[Path, Path]:
    """(adapter, base) as PEFT and transformers would have written them."""
    adapter, base = tmp_path / "adapter", tmp_path / "base"
    for folder in (adapter, base):
        folder.mkdir(exist_ok=True)
    save_file(dict(weights), adapter / "adapter_model.safetensors")
    (adapter / "adapter_config.json").write_bytes(orjson.dumps(PLAIN | config))
    (base / "config.json").write_bytes(orjson.dumps(dict(model)))
    return adapter, base


def read(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    reader = gguf.GGUFReader(path)
    fields = {name: field.contents() for name, field in reader.fields.items()}
    return fields, {tensor.name: np.array(tensor.data) for tensor in reader.tensors}


def test_each_matrix_gets_llama_cpps_name_and_alpha_stays(tmp_path: Path) -> None:
    weights = halves(SMALL, {"q_proj": 32, "k_proj": 16, "v_proj": 16, "o_proj": 32})
    adapter, base = folders(tmp_path, SMALL, weights)
    assert convert(adapter, base, tmp_path / "adapter.gguf") == 8
    fields, tensors = read(tmp_path / "adapter.gguf")
    assert (fields["general.type"], fields["adapter.type"], fields["general.architecture"]) == (
        "adapter",
        "lora",
        "llama",
    )
    assert fields["adapter.lora.alpha"] == 8.0
    names = {f"blk.0.attn_{name}.weight.lora_{side}" for name in ("q", "k", "v", "output") for side in "ab"}
    assert tensors.keys() == names
    stem = "base_model.model.model.layers.0.self_attn.v_proj"
    assert np.array_equal(tensors["blk.0.attn_v.weight.lora_a"], weights[f"{stem}.lora_A.weight"])
    assert np.array_equal(tensors["blk.0.attn_v.weight.lora_b"], weights[f"{stem}.lora_B.weight"])


@pytest.mark.parametrize(("module", "heads", "name"), [("q_proj", 4, "attn_q"), ("k_proj", 2, "attn_k")])
def test_pairs_of_rows_that_rotate_together_lie_side_by_side(
    tmp_path: Path, module: str, heads: int, name: str
) -> None:
    width = heads * 8
    weights = halves(SMALL, {module: width})
    adapter, base = folders(tmp_path, SMALL, weights)
    convert(adapter, base, tmp_path / "adapter.gguf")
    theirs = weights[f"base_model.model.model.layers.0.self_attn.{module}.lora_B.weight"]
    ours = read(tmp_path / "adapter.gguf")[1][f"blk.0.{name}.weight.lora_b"]
    for head in range(heads):
        for i in range(4):
            for half in range(2):
                assert np.array_equal(ours[head * 8 + 2 * i + half], theirs[head * 8 + half * 4 + i])


def test_qwen_rotates_as_transformers_does(tmp_path: Path) -> None:
    model = SMALL | {"model_type": "qwen2"}
    weights = halves(model, {"q_proj": 32})
    adapter, base = folders(tmp_path, model, weights)
    convert(adapter, base, tmp_path / "adapter.gguf")
    fields, tensors = read(tmp_path / "adapter.gguf")
    theirs = weights["base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight"]
    assert fields["general.architecture"] == "qwen2"
    assert np.array_equal(tensors["blk.0.attn_q.weight.lora_b"], theirs)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"use_rslora": True}, "use_rslora"),
        ({"use_dora": True}, "use_dora"),
        ({"modules_to_save": ["lm_head"]}, "modules_to_save"),
        ({"alpha_pattern": {"q_proj": 2}}, "alpha_pattern"),
        ({"bias": "all"}, "bias"),
        ({"init_lora_weights": "pissa"}, "init_lora_weights=pissa"),
        ({"peft_type": "LOHA"}, "LOHA"),
    ],
)
def test_what_is_no_plain_lora_is_refused(tmp_path: Path, config: dict[str, Any], said: str) -> None:
    adapter, base = folders(tmp_path, SMALL, halves(SMALL, {"q_proj": 32}), **config)
    with pytest.raises(Unfit, match=said):
        convert(adapter, base, tmp_path / "adapter.gguf")
    assert not (tmp_path / "adapter.gguf").exists()


def test_weights_that_mean_nothing_are_refused(tmp_path: Path) -> None:
    whole = halves(SMALL, {"q_proj": 32})
    a, b = sorted(whole)
    mixed = whole | {name.replace("q_proj", "o_proj"): half[: len(half) // 2] for name, half in whole.items()}
    for weights, said in (
        ({a: whole[a]}, "one half"),
        ({}, "empty"),
        (whole | {b: np.full_like(whole[b], np.nan)}, "no number"),
        ({"base_model.model.model.layers.0.conv.lora_A.weight": whole[a]}, "no place"),
        (mixed, "several ranks"),
    ):
        adapter, base = folders(tmp_path, SMALL, weights)
        with pytest.raises(Unfit, match=said):
            convert(adapter, base, tmp_path / "adapter.gguf")
    adapter, base = folders(tmp_path, SMALL | {"model_type": "mamba"}, whole)
    with pytest.raises(Unfit, match="mamba"):
        convert(adapter, base, tmp_path / "adapter.gguf")
    (adapter / "adapter_model.safetensors").write_bytes(b"broken")
    (base / "config.json").write_bytes(orjson.dumps(SMALL))
    with pytest.raises(Unfit, match="can't be read"):
        convert(adapter, base, tmp_path / "adapter.gguf")


def test_the_embedded_server_loads_it_and_writes_something_else(tmp_path: Path) -> None:
    weights = halves(SMOLLM2, {"q_proj": 576, "k_proj": 192, "v_proj": 192}, strength=0.3)
    adapter, base = folders(tmp_path, SMOLLM2, weights)
    convert(adapter, base, adapter / "adapter.gguf")
    assert written(find(adapter)) != written(None)


def written(adapter: Adapter | None) -> str:
    request = ChatRequest(messages=[Message(role="user", content="Name a colour.")], max_tokens=12, temperature=0)
    found: list[str] = []

    def heard(piece: Any) -> bool:
        found.append(piece.text)
        return False

    Model(adapter, threads=1, limit=350).write(request, False, heard)
    return "".join(found)
