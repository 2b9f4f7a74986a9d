"""Ollama: it takes no LoRA any more, so that the merged weights become a model of their own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from services.trainer.drivers import merge, smoke, steps
from services.trainer.drivers.driver import PREFIX, Deployed, Driver, in_use, ours
from services.trainer.drivers.server import Server, said
from services.trainer.job import Job, sha256_of


class Ollama(Driver):
    name = "ollama"

    @contextmanager
    def deploy(self, adapter: Path, job: Job) -> Iterator[Deployed]:
        server = Server(self.settings)
        name = f"{PREFIX}{adapter.name}"
        before = self._names(server)
        made = name not in before
        if made:
            file = merge.gguf(adapter, job)
            if file is None:
                yield Deployed(steps=steps.convert(adapter, self.settings))
                return
            job.progress(f"handing {name} over")
            self._create(server, name, file)
        where = server.endpoint(name)
        try:
            smoke.ask(where, self.settings)
            yield Deployed(where)
        except BaseException:
            if made:
                self._delete(server, name)
            raise
        merge.forget(adapter)
        for old in ours(self.settings, before):
            if old not in in_use(self.settings):
                self._delete(server, old)

    def _names(self, server: Server) -> list[str]:
        """As they are asked for: without the tag that stands for none."""
        found = server.call("GET", "/api/tags")
        return [one["name"].removesuffix(":latest") for one in found["models"]]

    def _create(self, server: Server, name: str, file: Path) -> None:
        digest = f"sha256:{sha256_of(file)}"
        if server.send("HEAD", f"/api/blobs/{digest}").status_code != 200:
            with file.open("rb") as content:
                server.call("POST", f"/api/blobs/{digest}", content=content)
        body = {"model": name, "files": {file.name: digest}, "stream": False}
        response = server.send("POST", "/api/create", json=body)
        if response.status_code >= 400 or response.json().get("status") != "success":
            raise server.refused(f"to create {name}", said(response))

    def _delete(self, server: Server, name: str) -> None:
        server.try_to("DELETE", "/api/delete", json={"model": name})
