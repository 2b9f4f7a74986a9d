"""The model inside the package: tried on a server of its own first. `toolscout up` then starts or moves the
candidate's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from services.trainer.drivers import smoke
from services.trainer.drivers.driver import Deployed, Driver
from services.trainer.job import Job
from services.trainer.served import BrokenAdapter, served


class Embedded(Driver):
    name = "embedded"

    @contextmanager
    def deploy(self, adapter: Path, job: Job) -> Iterator[Deployed]:
        job.progress(f"trying {adapter.name}")
        with served(self.settings, adapter) as model:
            if model.error:
                raise BrokenAdapter(f"{adapter.name} can't be loaded: {model.error}")
            smoke.ask(model.endpoint, self.settings)
        yield Deployed()
