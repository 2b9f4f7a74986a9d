"""What every driver is, and the errors that they share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from toolscout.adapters import POINTERS
from toolscout.domain import CANDIDATE, STABLE
from toolscout.endpoints import Endpoint, noted
from toolscout.errors import ToolscoutError
from toolscout.settings import Settings

from services.trainer.job import Job

# Names under which servers have our adapters begin so.
PREFIX = "toolscout-"


class DeployFailed(ToolscoutError):
    """A server did not take an adapter, or does not answer with it. What serves now goes on."""

    status, reason, title = 502, "deploy_failed", "The adapter could not be deployed"


@dataclass(frozen=True, slots=True)
class Deployed:
    """An adapter that answers at `endpoint`, beside what serves now; None: the embedded server follows its pointer.

    With `steps` it does not answer yet: these are for a person to do, in Markdown.
    """

    endpoint: Endpoint | None = None
    steps: str = ""


class Driver(ABC):
    name: str

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @abstractmethod
    def deploy(self, adapter: Path, job: Job) -> AbstractContextManager[Deployed]:
        """Has the server serve the adapter of a folder, and asks it something. In the block the candidate is switched.

        Entering raises ToolscoutError where that fails. Whatever fails there or in the block, the server is as it was
        before; after the block it is rid of adapters that nobody needs any more.
        """


def in_use(settings: Settings) -> set[str]:
    """Names on servers that an arm asks for, or would after a roll-back."""
    pointers = (POINTERS[STABLE], f"{POINTERS[STABLE]}.previous", POINTERS[CANDIDATE])
    return {told["model"] for name in pointers if (told := noted(settings.models_dir / name))}


def ours(settings: Settings, names: list[str]) -> list[str]:
    """Those names that this system has given: of an adapter in its models/, with whatever after it."""
    folder = settings.models_dir / "adapters"
    made = tuple(f"{PREFIX}{one.name}" for one in folder.iterdir()) if folder.is_dir() else ()
    return [name for name in names if name.startswith(made)] if made else []
