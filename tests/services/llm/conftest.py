"""The real model behind the real app on loopback, and adapters that change what it writes."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gguf
import httpx
import numpy as np
import pytest
import uvicorn
from toolscout.settings import Settings

from services.llm.serve import Llm, create_app

# SmolLM2-135M: (in, out) of the weights that the adapters of these tests change.
SHAPES = {"attn_q": (576, 576), "attn_v": (576, 192)}
BLOCKS, RANK = 30, 4


@dataclass
class Running:
    """A server under test: `llm` is its inside, `http` asks it."""

    base: str
    settings: Settings
    llm: Llm
    http: httpx.Client

    def ask(self, text: str, background: bool = False, **more: Any) -> httpx.Response:
        headers = {"X-Toolscout-Purpose": "describe"} if background else {}
        body = {"messages": [{"role": "user", "content": text}], "max_tokens": 12, "temperature": 0, **more}
        return self.http.post("/chat/completions", json=body, headers=headers)

    def text(self, text: str, **more: Any) -> str:
        return self.ask(text, **more).json()["choices"][0]["message"]["content"]

    @contextmanager
    def stream(self, text: str, background: bool = False, tokens: int = 500) -> Iterator[Iterator[str]]:
        """Lines of a long reply while it is written."""
        headers = {"X-Toolscout-Purpose": "describe"} if background else {}
        body = {"messages": [{"role": "user", "content": text}], "max_tokens": tokens, "stream": True}
        with self.http.stream("POST", "/chat/completions", json=body, headers=headers) as response:
            assert response.status_code == 200, response.read()
            yield (line for line in response.iter_lines() if line)

    def health(self) -> dict[str, Any]:
        return self.http.get(self.base.removesuffix("/v1") + "/health").json()


def until(condition: Callable[[], object], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.02)


@contextmanager
def serving(settings: Settings, arm: str = "stable") -> Iterator[Running]:
    with socket.create_server(("127.0.0.1", 0)) as door:
        base = f"http://127.0.0.1:{door.getsockname()[1]}/v1"
        app = create_app(settings, arm, base)
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [door]})
        thread.start()
        until(lambda: server.started or not thread.is_alive(), 20)
        with httpx.Client(base_url=base, timeout=60, trust_env=False) as http:
            yield Running(base, settings, app.state.llm, http)
        app.state.llm.end_soon()
        server.should_exit = True
        thread.join(10)
        assert not thread.is_alive()


def write_adapter(directory: Path, seed: int = 1, strength: float = 0.2) -> Path:
    """A real LoRA of random weights in directory/adapter.gguf, strong enough to change every greedy reply."""
    directory.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    writer = gguf.GGUFWriter(directory / "adapter.gguf", "llama")
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", float(RANK))
    for block in range(BLOCKS):
        for name, (width_in, width_out) in SHAPES.items():
            down = random.normal(0, strength, (RANK, width_in)) / width_in**0.5
            up = random.normal(0, strength, (width_out, RANK))
            writer.add_tensor(f"blk.{block}.{name}.weight.lora_a", down.astype(np.float32))
            writer.add_tensor(f"blk.{block}.{name}.weight.lora_b", up.astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return directory


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One of the stable arm, without an adapter; two requests may wait."""
    tmp = tmp_path_factory.mktemp("llm")
    settings = Settings(_env_file=None, data_dir=tmp / "data", models_dir=tmp / "models", log_stdout=False, llm_queue=2)
    with serving(settings) as running:
        yield running


@pytest.fixture
def idle(server: Running) -> Running:
    """The server once nothing runs on it."""
    until(lambda: server.health()["running"] == server.health()["waiting"] == 0, 10)
    return server
