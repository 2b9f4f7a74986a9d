"""Nothing is switched: a person is told what to do on whichever server there is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from services.trainer.drivers import steps
from services.trainer.drivers.driver import Deployed, Driver
from services.trainer.job import Job


class Manual(Driver):
    name = "manual"

    @contextmanager
    def deploy(self, adapter: Path, job: Job) -> Iterator[Deployed]:
        yield Deployed(steps=steps.manual(adapter, self.settings))
