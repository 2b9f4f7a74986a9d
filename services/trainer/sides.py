"""Where the two models of a gate answer: the one that serves, and the one with the adapter that wants to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from toolscout.adapters import POINTERS, find
from toolscout.catalogue import experiments
from toolscout.domain import CANDIDATE, STABLE
from toolscout.endpoints import Endpoint, endpoint
from toolscout.errors import LlmError

from services.trainer.asking import Asker
from services.trainer.drivers import STEPS, driver_of
from services.trainer.job import Job
from services.trainer.served import BrokenAdapter, NotServed, Served, served

BEFORE, AFTER = "before", "after"


@dataclass(frozen=True, slots=True)
class Sides:
    stable: Served
    candidate: Served

    def each(self) -> Iterator[tuple[str, Endpoint]]:
        yield BEFORE, self.stable.endpoint
        yield AFTER, self.candidate.endpoint


class _Over(Exception):
    """Ends a driver's block as a failure would: then the server is as it was before."""


@contextmanager
def sides(job: Job, adapter: Path) -> Iterator[Sides]:
    """Both answer in the block; `adapter` is a folder in models/adapters.

    Raises NotServed where nobody can be asked, BrokenAdapter where the candidate answers without its adapter.
    """
    settings = job.settings
    with ExitStack() as stack:
        if settings.llm_mode != "external" and not settings.trainer_base:
            yield _embedded(job, adapter, stack)
            return
        stable = _stable(job)
        if settings.llm_api_base_new_model:
            candidate = _by_name(job, adapter)
        else:
            candidate = stack.enter_context(_tried(job, adapter))
        yield Sides(stable, candidate)


def _embedded(job: Job, adapter: Path, stack: ExitStack) -> Sides:
    """Where stable's own adapter can't be loaded, its visitors get the base, and so do these rows."""
    serving = find(job.settings.models_dir / POINTERS[STABLE])
    stable = stack.enter_context(served(job.settings, serving.file.parent if serving else None))
    candidate = stack.enter_context(served(job.settings, adapter))
    if candidate.error:
        raise BrokenAdapter(f"Adapter {adapter.name} can't be served: {candidate.error}")
    return Sides(stable, candidate)


def _stable(job: Job) -> Served:
    where = endpoint(job.settings, STABLE)
    if where is None:
        raise NotServed("The language models are off.", remedy="Set LLM_API_BASE, or unset TOOLSCOUT_LLM.")
    return Served(where, where.model or next(iter(_listed(job, where)), ""))


def _by_name(job: Job, adapter: Path) -> Served:
    """The model of LLM_API_BASE_NEW_MODEL that has the adapter's id in its name: no other can be taken for it."""
    where = endpoint(job.settings, CANDIDATE)
    named = next((name for name in _listed(job, where) if adapter.name in name), "") if where else ""
    if where is None or not named:
        raise NotServed(
            f"The server of LLM_API_BASE_NEW_MODEL lists no model {adapter.name}.",
            remedy=f"Serve the adapter there under a name with {adapter.name} in it, or unset LLM_API_BASE_NEW_MODEL.",
        )
    return Served(replace(where, model=named), named)


@contextmanager
def _tried(job: Job, adapter: Path) -> Iterator[Served]:
    """Put onto its server by the driver that would deploy it, and taken away again."""
    driver = driver_of(job.settings)
    if driver.name == "llamacpp":
        _check_nobody_is_on_it(job)
    try:
        with driver.deploy(adapter, job) as made:
            if made.endpoint is None:
                if made.steps:
                    job.write_text(STEPS, made.steps)
                raise NotServed(
                    f"Nothing serves adapter {adapter.name}, and the driver {driver.name} can't have it served.",
                    remedy=f"Serve it (steps.md says how) under a name with {adapter.name} in it, set"
                    " LLM_API_BASE_NEW_MODEL to that server, and run: toolscout train --step evaluate",
                )
            yield Served(made.endpoint, made.endpoint.model or adapter.name)
            raise _Over
    except _Over:
        pass


def _check_nobody_is_on_it(job: Job) -> None:
    """llama.cpp's server has one adapter at a time, for all who ask it."""
    with job.catalogue.read() as conn:
        now = experiments.current(conn)
    if now and not now.ended and now.share > 0:
        raise NotServed(
            f"Experiment {now.id} sends sessions to the candidate's server, whose adapter would be another.",
            remedy="Wait for its end, or set its share to 0.",
        )


def _listed(job: Job, where: Endpoint) -> list[str]:
    with Asker(job.settings, where) as asker:
        try:
            return asker.listed(where)
        except LlmError as error:
            raise NotServed(error.detail, remedy="Once it answers, run this step again.") from error
