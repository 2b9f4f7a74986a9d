"""Drivers against doubles of vLLM, Ollama and LM Studio (deploying.py), and against the real llama.cpp server."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import xllamacpp
from pydantic import SecretStr
from toolscout.catalogue import Catalogue
from toolscout.endpoints import endpoint
from toolscout.settings import Settings

from services.llm.model import weights
from tests.services.llm.conftest import write_adapter
from tests.services.trainer.conftest import Trainer
from tests.services.trainer.deploying import Double, LmStudio, Ollama, Vllm, evaluated, lms, served_base, tuned

Deploy = Callable[..., dict[str, Any]]


@pytest.fixture
def on(settings: Settings, sqlite_catalogue: Catalogue, tmp_path: Path) -> Callable[..., Settings]:
    """Settings of a stable model on a server, with adapter a1 made for it and let pass."""

    def made(driver: str, base: str, **more: Any) -> Settings:
        values = {"llm_api_base": base, "llm_model": "base-1", "deploy": driver}
        values["trainer_base"] = str(served_base(tmp_path / "base"))
        found = settings.model_copy(update=values | more)
        tuned(found, sqlite_catalogue)
        evaluated(found, sqlite_catalogue)
        return found

    return made


@pytest.fixture
def deploy(sqlite_catalogue: Catalogue) -> Callable[[Settings], dict[str, Any]]:
    return lambda settings: Trainer(settings, sqlite_catalogue)("deploy")


def pointer(settings: Settings) -> Path:
    return settings.models_dir / "finetuned_adapter"


def steps_of(settings: Settings, ended: dict[str, Any]) -> str:
    """What is left to a person."""
    assert (ended["state"], ended["figures"]["deployed"]) == ("done", False), ended
    assert not pointer(settings).exists()
    [one] = ended["artefacts"]
    assert one["name"] == "steps.md" and one["path"] in ended["figures"]["to_do"]
    return (settings.models_dir / one["path"]).read_text()


# vLLM.


def test_vllm_gets_a_new_name_each_time_and_forgets_the_old(
    on: Callable[..., Settings], deploy: Deploy, sqlite_catalogue: Catalogue
) -> None:
    with Vllm() as server:
        settings = on("vllm", server.base)
        assert deploy(settings)["figures"]["deployed"]
        [first] = [name for name in server.models if name != "base-1"]
        assert server.admin == [
            ("load_lora_adapter", {"lora_name": first, "lora_path": str(settings.models_dir / "adapters" / "a1")})
        ]
        assert server.asked_models == [first, first]
        tuned(settings, sqlite_catalogue, "a2")
        evaluated(settings, sqlite_catalogue, "a2")
        assert deploy(settings)["figures"]["deployed"]
        [second] = [name for name in server.models if name != "base-1"]
        assert second.startswith("toolscout-a2-")
        assert endpoint(settings, "candidate").model == second


def test_vllm_sees_models_at_a_path_of_its_own(
    on: Callable[..., Settings], deploy: Deploy, settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "mounted").symlink_to(settings.models_dir)
    with Vllm() as server:
        seen = on("vllm", server.base, deploy_models_dir=f"{tmp_path}/mounted/")
        assert deploy(seen)["figures"]["deployed"]
        assert server.admin[0][1]["lora_path"] == f"{tmp_path}/mounted/adapters/a1"
    with Vllm() as server:
        blind = seen.model_copy(update={"llm_api_base": server.base, "deploy_models_dir": "/nowhere"})
        pointer(blind).unlink()
        ended = deploy(blind)
        assert (ended["state"], ended["reason"]) == ("failed", "adapter_not_seen")
        assert "TOOLSCOUT_DEPLOY_MODELS_DIR" in ended["detail"] and not pointer(blind).exists()


@pytest.mark.parametrize(
    ("how", "reason", "says"),
    [
        ({"updating": False}, "no_such_api", "VLLM_ALLOW_RUNTIME_LORA_UPDATING"),
        ({"refusal_text": "LoRA rank 64 is greater than max_lora_rank 16."}, "deploy_failed", "max_lora_rank 16"),
        ({"modes": ["broken"]}, "smoke_test_failed", "toolscout-a1-"),
        ({"modes": ["silent"]}, "smoke_test_failed", "can be read"),
        ({"modes": ["never_json"]}, "smoke_test_failed", "form"),
    ],
)
def test_vllm_that_does_not_take_it_leaves_everything_as_it_was(
    on: Callable[..., Settings], deploy: Deploy, how: dict[str, Any], reason: str, says: str
) -> None:
    with Vllm(**how) as server:
        settings = on("vllm", server.base)
        ended = deploy(settings)
        assert (ended["state"], ended["reason"]) == ("failed", reason), ended
        assert says in ended["detail"]
        assert server.models == ["base-1"] and not pointer(settings).exists()


@pytest.mark.parametrize("driver", ["vllm", "ollama", "lmstudio", "llamacpp"])
def test_a_server_that_is_away_or_another_one(on: Callable[..., Settings], deploy: Deploy, driver: str) -> None:
    gone = on(driver, "http://127.0.0.1:9/v1", deploy_api_base="http://localhost:9/v1")
    ended = deploy(gone)
    assert (ended["state"], ended["reason"]) == ("failed", "server_away")
    with Double() as plain:
        if driver != "lmstudio":
            ended = deploy(gone.model_copy(update={"deploy_api_base": plain.base}))
            assert (ended["state"], ended["reason"]) == ("failed", "no_such_api")
    assert not pointer(gone).exists()


def test_the_key_goes_to_the_server(on: Callable[..., Settings], deploy: Deploy) -> None:
    with Vllm(key="s3cret") as server:
        settings = on("vllm", server.base)
        ended = deploy(settings)
        assert ended["state"] == "failed" and "s3cret" not in str(ended)
        assert deploy(settings.model_copy(update={"llm_api_key": SecretStr("s3cret")}))["figures"]["deployed"]


# Ollama and LM Studio: a GGUF of the merged weights.


def merged(settings: Settings, name: str = "a1") -> Path:
    """As merging and converting leave it."""
    file = settings.models_dir / "adapters" / name / "merged.gguf"
    file.write_bytes(b"GGUF and more")
    return file


def test_ollama_gets_the_merged_weights_as_a_model(
    on: Callable[..., Settings], deploy: Deploy, sqlite_catalogue: Catalogue
) -> None:
    with Ollama() as server:
        settings = on("ollama", server.base)
        file = merged(settings)
        assert deploy(settings)["figures"]["deployed"]
        assert server.models == ["base-1", "toolscout-a1"] and len(server.blobs) == 1
        assert endpoint(settings, "candidate").model == "toolscout-a1"
        assert not file.exists()
        tuned(settings, sqlite_catalogue, "a2")
        evaluated(settings, sqlite_catalogue, "a2")
        merged(settings, "a2")
        assert deploy(settings)["figures"]["deployed"]
        assert (server.models, server.deleted) == (["base-1", "toolscout-a2"], ["toolscout-a1"])


@pytest.mark.parametrize("how", [{"refusal_text": "unsupported architecture"}, {"modes": ["broken"]}])
def test_ollama_that_does_not_take_it_leaves_everything_as_it_was(
    on: Callable[..., Settings], deploy: Deploy, how: dict[str, Any]
) -> None:
    with Ollama(**how) as server:
        settings = on("ollama", server.base)
        merged(settings)
        ended = deploy(settings)
        assert ended["state"] == "failed" and ended["reason"] in ("deploy_failed", "smoke_test_failed")
        assert server.models == ["base-1"] and not pointer(settings).exists()


@pytest.fixture
def studio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LmStudio]:
    folder = tmp_path / "lms"
    lms(folder, sys.executable)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    with LmStudio(folder=folder) as server:
        yield server


def test_lm_studio_imports_and_loads(on: Callable[..., Settings], deploy: Deploy, studio: LmStudio) -> None:
    settings = on("lmstudio", studio.base)
    file = merged(settings)
    assert deploy(settings)["figures"]["deployed"]
    assert (studio.folder / "commands.txt").read_text().splitlines() == [
        f"import {file} --user-repo toolscout/toolscout-a1 -y --copy",
        "ls --json",
        "load key-of-it --identifier toolscout-a1 --context-length 8192 -y",
    ]
    assert endpoint(settings, "candidate").model == "toolscout-a1"


def test_lm_studio_that_does_not_answer_unloads(on: Callable[..., Settings], deploy: Deploy, studio: LmStudio) -> None:
    studio.modes = ["broken"]
    settings = on("lmstudio", studio.base)
    merged(settings)
    assert deploy(settings)["reason"] == "smoke_test_failed"
    assert (studio.folder / "commands.txt").read_text().splitlines()[-1] == "unload toolscout-a1"
    assert not pointer(settings).exists()


def test_a_gguf_that_lms_refuses(on: Callable[..., Settings], deploy: Deploy, studio: LmStudio) -> None:
    settings = on("lmstudio", studio.base)
    merged(settings).write_bytes(b"half")
    ended = deploy(settings)
    assert (ended["state"], ended["reason"]) == ("failed", "command_failed")
    assert "not a model file" in ended["detail"] and not pointer(settings).exists()


def test_without_lms_the_steps_are_told_and_the_next_deploy_goes_on(
    on: Callable[..., Settings], deploy: Deploy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    (tmp_path / "loaded.json").write_text("[]")
    with LmStudio(folder=tmp_path) as server:
        settings = on("lmstudio", server.base)
        file = merged(settings)
        told = steps_of(settings, deploy(settings))
        assert f"lms import {file} --user-repo toolscout/toolscout-a1 -y --copy" in told
        assert "lms load KEY --identifier toolscout-a1" in told
        (tmp_path / "loaded.json").write_text('["toolscout-a1"]')
        assert deploy(settings)["figures"]["deployed"]


def test_by_hand_nothing_is_switched(on: Callable[..., Settings], deploy: Deploy) -> None:
    settings = on("manual", "http://127.0.0.1:9/v1")
    told = steps_of(settings, deploy(settings))
    for part in (
        "load_lora_adapter",
        "llama-server",
        "lms import",
        "ollama create",
        "LLM_MODEL_NEW_MODEL=toolscout-a1",
    ):
        assert part in told


# llama.cpp: the real server, as it is inside the package xllamacpp.


@contextmanager
def llama_server(*adapters: Path, applied: bool = False) -> Iterator[str]:
    params = xllamacpp.CommonParams()
    params.model.path = str(weights())
    params.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(str(one / "adapter.gguf"), 1.0) for one in adapters]
    params.lora_init_without_apply = not applied
    params.n_ctx, params.n_parallel, params.n_gpu_layers = 1024, 1, 0
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.fit_params, params.verbosity = False, 1
    server = xllamacpp.Server(params)
    yield f"{server.listening_address}/v1"


def scales(base: str) -> list[float]:
    return [one["scale"] for one in httpx.get(f"{base.removesuffix('/v1')}/lora-adapters", trust_env=False).json()]


def test_llama_cpp_switches_to_the_adapter_that_it_has_read(
    on: Callable[..., Settings], deploy: Deploy, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = write_adapter(settings.models_dir / "adapters" / "a1", strength=0.02)
    with llama_server(write_adapter(tmp_path / "other"), wanted) as base:
        before = scales(base)
        made = on("llamacpp", "http://127.0.0.1:9/v1", deploy_api_base=base)

        def fail(*_: object) -> None:
            raise RuntimeError("as if it did not answer")

        with monkeypatch.context() as patch:
            patch.setattr("services.trainer.drivers.smoke.ask", fail)
            assert deploy(made)["state"] == "failed"
        assert scales(base) == before and not pointer(made).exists()
        assert deploy(made)["figures"]["deployed"]
        assert scales(base) == [0.0, 1.0]
        assert endpoint(made, "candidate").base == base


def test_llama_cpp_has_to_be_started_with_the_adapter(on: Callable[..., Settings], deploy: Deploy) -> None:
    with llama_server() as base:
        settings = on("llamacpp", "http://127.0.0.1:9/v1", deploy_api_base=base)
        told = steps_of(settings, deploy(settings))
        assert f"--lora {settings.models_dir}/adapters/a1/adapter.gguf" in told
        ended = deploy(settings.model_copy(update={"deploy_api_base": "", "llm_api_base": base}))
        assert (ended["state"], ended["reason"]) == ("failed", "stables_server")


# Merging.


@pytest.mark.filterwarnings("ignore")
@pytest.mark.xdist_group("torch")
def test_weights_are_merged_and_converted_once(
    on: Callable[..., Settings], deploy: Deploy, tmp_path: Path, sqlite_catalogue: Catalogue
) -> None:
    pytest.importorskip("peft", reason="torch is not here: make .venv/trainer")
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    from tests.services.trainer.finetuning import small_base

    base = small_base(tmp_path / "small")
    with Ollama() as server:
        settings = on("ollama", server.base).model_copy(update={"trainer_base": str(base)})
        adapter = settings.models_dir / "adapters" / "a1"
        lora = LoraConfig(r=2, target_modules="all-linear", task_type="CAUSAL_LM", init_lora_weights=False)
        get_peft_model(AutoModelForCausalLM.from_pretrained(base), lora).save_pretrained(str(adapter))
        tuned(settings, sqlite_catalogue)
        evaluated(settings, sqlite_catalogue)
        told = steps_of(settings, deploy(settings))
        assert f"{adapter}/merged" in told and "--convert" in told
        assert (adapter / "merged" / "tokenizer.json").exists()
        assert not (adapter / "merged" / "adapter_config.json").exists()

        converter = tmp_path / "convert_hf_to_gguf.py"
        converter.write_text(CONVERTER)
        ended = deploy(settings.model_copy(update={"gguf_converter": str(converter)}))
        assert ended["figures"]["deployed"], ended
        assert server.models == ["base-1", "toolscout-a1"]
        assert not (adapter / "merged").exists() and not (adapter / "merged.gguf").exists()


# A double of llama.cpp's: the same arguments.
CONVERTER = """
import argparse, pathlib
parser = argparse.ArgumentParser()
parser.add_argument("model", type=pathlib.Path)
parser.add_argument("--outfile", type=pathlib.Path)
parser.add_argument("--outtype")
options = parser.parse_args()
assert (options.model / "config.json").exists() and options.outtype == "f16"
options.outfile.write_bytes(b"GGUF")
"""
