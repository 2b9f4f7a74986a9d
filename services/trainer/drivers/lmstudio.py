"""LM Studio: it takes no LoRA, so that the merged weights are imported by its command `lms`, where that is here."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import orjson

from services.trainer.drivers import merge, smoke, steps
from services.trainer.drivers.commands import run
from services.trainer.drivers.driver import PREFIX, Deployed, DeployFailed, Driver, in_use, ours
from services.trainer.drivers.server import Server
from services.trainer.job import Job

# Prompts of 6000 tokens and replies of 700.
CONTEXT = 8192


class LmStudio(Driver):
    name = "lmstudio"

    @contextmanager
    def deploy(self, adapter: Path, job: Job) -> Iterator[Deployed]:
        server, lms = Server(self.settings), shutil.which("lms")
        name = f"{PREFIX}{adapter.name}"
        before = server.listed()
        made = name not in before
        file = merge.gguf(adapter, job) if made else None
        if made and (file is None or lms is None):
            yield Deployed(steps=steps.lmstudio(adapter, name, file, self.settings))
            return
        where = server.endpoint(name)
        try:
            if file and lms:
                self._load(lms, name, file, job)
                self._check_it_is_there(server, name)
            smoke.ask(where, self.settings)
            yield Deployed(where)
        except BaseException:
            if made and lms:
                self._unload(lms, name)
            raise
        merge.forget(adapter)
        for old in ours(self.settings, before):
            if lms and old != name and old not in in_use(self.settings):
                self._unload(lms, old)

    def _load(self, lms: str, name: str, file: Path, job: Job) -> None:
        def tell() -> None:
            job.progress(f"loading {name}")

        repo = f"toolscout/{name}"
        run([lms, "import", str(file), "--user-repo", repo, "-y", "--copy"], tell)
        listed = orjson.loads(run([lms, "ls", "--json"], tell))
        key = next((one["modelKey"] for one in listed if repo in one.get("path", "").replace("\\", "/")), None)
        if key is None:
            raise DeployFailed(f"LM Studio does not list {repo}, which it has imported.")
        run([lms, "load", key, "--identifier", name, "--context-length", str(CONTEXT), "-y"], tell)

    def _check_it_is_there(self, server: Server, name: str) -> None:
        if name not in server.listed():
            raise DeployFailed(
                f"{name} was loaded into the LM Studio of this machine, and {server.host} has no such model.",
                reason="another_server",
                remedy="Run this step where LLM_API_BASE's LM Studio runs, or set TOOLSCOUT_DEPLOY=manual.",
            )

    def _unload(self, lms: str, name: str) -> None:
        with suppress(DeployFailed):
            run([lms, "unload", name])
