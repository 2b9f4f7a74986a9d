"""vLLM: a LoRA is loaded beside the base while the server runs, and is asked for by its name.

vLLM answers wrong where a name is used again for another adapter: every deployment has a new one.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from services.trainer.drivers import smoke
from services.trainer.drivers.driver import PREFIX, Deployed, DeployFailed, Driver, in_use, ours
from services.trainer.drivers.server import Server, said
from services.trainer.job import Job

LOAD, UNLOAD = "/v1/load_lora_adapter", "/v1/unload_lora_adapter"


class Vllm(Driver):
    name = "vllm"

    @contextmanager
    def deploy(self, adapter: Path, job: Job) -> Iterator[Deployed]:
        server = Server(self.settings)
        name = f"{PREFIX}{adapter.name}-{secrets.token_hex(2)}"
        job.progress(f"loading {name}")
        before = ours(self.settings, server.listed())
        self._load(server, name, self._seen_there(adapter))
        where = server.endpoint(name)
        try:
            smoke.ask(where, self.settings)
            yield Deployed(where)
        except BaseException:
            server.try_to("POST", UNLOAD, json={"lora_name": name})
            raise
        for old in before:
            if old not in in_use(self.settings):
                server.try_to("POST", UNLOAD, json={"lora_name": old})

    def _load(self, server: Server, name: str, path: str) -> None:
        response = server.send("POST", LOAD, json={"lora_name": name, "lora_path": path})
        if response.status_code == 404 and "adapter" not in response.text.lower():
            raise DeployFailed(
                f"The server at {server.host} loads no adapters while it runs.",
                reason="no_such_api",
                remedy="Start vLLM with --enable-lora and VLLM_ALLOW_RUNTIME_LORA_UPDATING=True.",
            )
        if response.status_code == 404:
            raise DeployFailed(
                f"The server at {server.host} finds no adapter at {path}.",
                reason="adapter_not_seen",
                remedy="Let it see models/, and set TOOLSCOUT_DEPLOY_MODELS_DIR to the path that models/ has there.",
            )
        if response.status_code >= 400:
            raise server.refused(f"to load {path}", said(response))

    def _seen_there(self, adapter: Path) -> str:
        models = self.settings.models_dir
        if not self.settings.deploy_models_dir:
            return str(adapter.absolute())
        return f"{self.settings.deploy_models_dir.rstrip('/')}/{adapter.relative_to(models).as_posix()}"
