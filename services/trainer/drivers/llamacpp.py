"""llama.cpp's server: it reads LoRAs when it starts, and lets their scales be set while it runs.

Scales are of the whole server, so that it must not be the one that stable's answers come from.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from toolscout.adapters import FILE
from toolscout.domain import STABLE
from toolscout.endpoints import endpoint
from toolscout.errors import ConfigError

from services.trainer.drivers import smoke, steps
from services.trainer.drivers.driver import Deployed, DeployFailed, Driver
from services.trainer.drivers.server import Server
from services.trainer.job import Job

ADAPTERS = "/lora-adapters"


class LlamaCpp(Driver):
    name = "llamacpp"

    @contextmanager
    def deploy(self, adapter: Path, job: Job) -> Iterator[Deployed]:
        server = Server(self.settings)
        self._not_stables(server)
        job.progress(f"switching {server.host} to {adapter.name}")
        before = self._scales(server)
        place = next((n for n, path in before if _names(path[0], adapter)), None)
        if place is None:
            yield Deployed(steps=steps.llamacpp(adapter, self.settings))
            return
        where = server.endpoint("")
        try:
            self._set(server, {n: float(n == place) for n, _ in before})
            smoke.ask(where, self.settings)
            yield Deployed(where)
        except BaseException:
            server.try_to("POST", ADAPTERS, json=_body({n: scale for n, (_, scale) in before}))
            raise

    def _not_stables(self, server: Server) -> None:
        stable = endpoint(self.settings, STABLE)
        if stable and stable.base.rstrip("/") == server.base.rstrip("/"):
            raise ConfigError(
                f"Stable's answers come from {server.host}, and an adapter there would change them.",
                reason="stables_server",
                remedy="Start a second llama-server with the same model for the candidate, and set"
                " TOOLSCOUT_DEPLOY_API_BASE to it.",
            )

    def _scales(self, server: Server) -> list[tuple[int, tuple[str, float]]]:
        """[(id, (path, scale))] of the LoRAs that it has read."""
        return [(one["id"], (one["path"], one["scale"])) for one in _listed(server.call("GET", ADAPTERS))]

    def _set(self, server: Server, scales: dict[int, float]) -> None:
        """It says yes to ids that it does not know: looked up afterwards."""
        server.call("POST", ADAPTERS, json=_body(scales))
        if {n: scale for n, (_, scale) in self._scales(server)} != scales:
            raise DeployFailed(f"The server at {server.host} did not take the scales of its adapters.")


def _listed(reply: Any) -> Sequence[dict[str, Any]]:
    if not isinstance(reply, list):
        raise DeployFailed("The list of LoRA adapters is none.", reason="no_such_api", remedy="Is it a llama-server?")
    return reply


def _body(scales: dict[int, float]) -> list[dict[str, Any]]:
    return [{"id": n, "scale": scale} for n, scale in scales.items()]


def _names(path: str, adapter: Path) -> bool:
    """Whether a path of the server's is this adapter's, wherever models/ lies there."""
    return PurePosixPath(path.replace("\\", "/")).parts[-2:] == (adapter.name, FILE)
