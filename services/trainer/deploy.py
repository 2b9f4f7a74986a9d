"""Makes adapters that passed their gates the candidate's, both at once: of the language model and of queries. Each is
tried first, and nothing moves while visitors are in an experiment."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from toolscout import adapters, endpoints, events, logs, query_adapter
from toolscout.catalogue import experiments
from toolscout.domain import CANDIDATE, STABLE
from toolscout.encoder import Encoder
from toolscout.errors import ConfigError, ToolscoutError
from toolscout.experiments import ROLLED_BACK
from toolscout.pointers import point_all

from services.trainer import base_model, steps
from services.trainer.drivers import STEPS, Deployed, Driver, driver_of
from services.trainer.job import Job, Skip, sha256_of

PROVENANCE, REPORT = "provenance.json", "report.json"
# Whatever servers read of an adapter.
FILES = (adapters.FILE, "adapter_model.safetensors", "adapter_config.json", PROVENANCE)
TUNE_AGAIN = "Make it again: toolscout train --step finetune_model"


@dataclass(frozen=True, slots=True)
class Choice:
    """The folder of an adapter that may go out, or why none may."""

    folder: Path | None = None
    why_not: str = ""

    @property
    def id(self) -> str | None:
        return self.folder.name if self.folder else None


def run(job: Job) -> None:
    driver = driver_of(job.settings)
    lora, ranker = _lora(job, driver), _ranker(job)
    job.figures |= {"driver": driver.name, "deployed": False, "left_out": _left_out(lora, ranker)}
    if not (lora.folder or ranker.folder):
        raise Skip(
            f"Language model: {lora.why_not}. Queries: {ranker.why_not}.",
            reason="nothing_passed",
            remedy="What is wanted of an adapter stands in its report.",
        )
    if ranker.folder or driver.name != "manual":
        with job.catalogue.read() as conn:
            _check_nobody_is_in(experiments.current(conn))
    if ranker.folder:
        _check_ranker(job, ranker.folder)
    if lora.folder:
        _check_lora(job, lora.folder)
    start = time.perf_counter()
    with ExitStack() as stack:
        made = None
        if lora.folder:
            made, lora = _tried(job, driver, stack, lora, ranker)
        _go_out(job, made, lora, ranker)
    if job.figures["deployed"]:
        _tell(job, driver, made, lora, ranker, time.perf_counter() - start)


def _left_out(lora: Choice, ranker: Choice) -> dict[str, str]:
    choices = {"adapter": lora, "query_adapter": ranker}
    return {name: one.why_not for name, one in choices.items() if one.why_not}


# What may go out.


def _ranker(job: Job) -> Choice:
    """The query adapter of this run, else of the newest that made one."""
    models = job.settings.models_dir
    found = job.find("train_query_adapter", query_adapter.WEIGHTS)
    if found is None:
        return Choice(why_not="none was trained")
    folder = (models / found["path"]).parent
    if not query_adapter.passed(folder):
        return Choice(why_not=f"its gate did not let {folder.name} pass")
    return _unless_known(job, folder, query_adapter.POINTERS, query_adapter.WEIGHTS, "query_adapter")


def _lora(job: Job, driver: Driver) -> Choice:
    """The adapter of the language model that finetune_model made last, if evaluate let this very one pass."""
    found, report = job.find("finetune_model", adapters.FILE), job.find("evaluate", REPORT)
    if found is None:
        return Choice(why_not="none was trained")
    folder = (job.settings.models_dir / found["path"]).parent
    told = _json(job.settings.models_dir / report["path"]) if report else {}
    if told.get("adapter") != folder.name:
        return Choice(why_not=f"{folder.name} was not evaluated")
    if told.get("passed") is not True:
        return Choice(why_not=f"its gate did not let {folder.name} pass")
    if job.settings.llm_api_base_new_model and driver.name != "manual":
        return Choice(why_not="LLM_API_BASE_NEW_MODEL names the candidate: unset it to have adapters deployed")
    return _unless_known(job, folder, adapters.POINTERS, adapters.FILE, "adapter")


def _unless_known(job: Job, folder: Path, pointers: Mapping[str, str], file: str, kind: str) -> Choice:
    """What serves need not go out, and what was rolled back must not come again."""
    for arm in (STABLE, CANDIDATE):
        served = adapters.find(job.settings.models_dir / pointers[arm], file)
        if served and served.id == folder.name:
            return Choice(why_not=f"{folder.name} is what {arm} serves already")
    with job.catalogue.read() as conn:
        past = [one for one in experiments.items(conn) if one.state == ROLLED_BACK]
    for one in past:
        if one.arms[CANDIDATE].get(kind) == folder.name:
            return Choice(why_not=f"{folder.name} was rolled back in {one.id}")
    return Choice(folder)


def _json(path: Path) -> dict[str, Any]:
    try:
        told = orjson.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ToolscoutError(
            f"{path.name} of {path.parent.name} can't be read: {error}",
            reason="artefact_changed",
            remedy="Run the step that makes it again.",
        ) from error
    return told if isinstance(told, dict) else {}


def _check_nobody_is_in(now: experiments.Experiment | None) -> None:
    """Sessions must not see their arm change."""
    if now and not now.ended and now.share > 0:
        raise Skip(
            f"Experiment {now.id} is {now.state} with a share of {now.share:g}.",
            reason="experiment_runs",
            remedy="End it on /admin, or set its share to 0; then: toolscout train --step deploy",
        )


# Whether it is what it says.


def _check_ranker(job: Job, folder: Path) -> None:
    """Raises ConfigError where it is broken, for another encoder, or was measured against another stable."""
    encoder = Encoder(job.settings.encoder_dir, threads=1)
    query_adapter.load(folder, encoder.sha)
    served = query_adapter.serving(job.settings.models_dir, STABLE, encoder.sha)
    start, now = query_adapter.provenance_of(folder).get("start"), served.id if served else None
    if start != now:
        raise ConfigError(
            f"The query adapter {folder.name} was measured against {start or 'none'}, and stable serves"
            f" {now or 'none'}.",
            reason="stable_changed",
            remedy="Train on what stable serves now: toolscout train --step train_query_adapter --step deploy",
        )


def _check_lora(job: Job, folder: Path) -> None:
    """Raises ToolscoutError where a file is not as it was made, or the adapter is for another base."""
    for name in FILES:
        noted = job.find("finetune_model", name)
        if noted and (not (folder / name).is_file() or sha256_of(folder / name) != noted["sha256"]):
            raise ToolscoutError(
                f"{name} of adapter {folder.name} is not as it was made.", reason="adapter_broken", remedy=TUNE_AGAIN
            )
    base_model.check(job.settings)
    made_for, now = _json(folder / PROVENANCE).get("base") or {}, base_model.identity(job.settings)
    if made_for.get("sha256") != now["sha256"]:
        raise ConfigError(
            f"Adapter {folder.name} is for {made_for.get('id')}, and {now['id']} is another model.",
            reason="another_base",
            remedy=f"Set TOOLSCOUT_TRAINER_BASE to what is served. {TUNE_AGAIN}",
        )


# The switch.


def _tried(job: Job, driver: Driver, stack: ExitStack, lora: Choice, ranker: Choice) -> tuple[Deployed | None, Choice]:
    """What the driver made of the language model's adapter; where that can't be done here, the other goes out alone."""
    assert lora.folder
    try:
        return stack.enter_context(driver.deploy(lora.folder, job)), lora
    except Skip as error:
        if not ranker.folder:
            raise
        lora = Choice(why_not=f"{error.detail} {error.remedy}")
        job.figures["left_out"] = _left_out(lora, ranker)
        return None, lora


def _go_out(job: Job, made: Deployed | None, lora: Choice, ranker: Choice) -> None:
    models, moves = job.settings.models_dir, {}
    if made and made.steps:
        job.write_text(STEPS, made.steps)
        job.figures["to_do"] = f"models/{job.artefacts[-1]['path']}: until then the model's arm stays as it is"
    elif made and lora.folder:
        if made.endpoint:
            endpoints.note(lora.folder, made.endpoint.base, made.endpoint.model, job.settings)
        moves[models / adapters.POINTERS[CANDIDATE]] = lora.folder
    if ranker.folder:
        moves[models / query_adapter.POINTERS[CANDIDATE]] = ranker.folder
    if moves:
        job.progress("switching")
        _switch(job, moves)


def _switch(job: Job, moves: Mapping[Path, Path]) -> None:
    """Under the lock under which shares are changed and experiments opened: gateways see both adapters or neither."""
    with job.catalogue.write() as conn:
        _check_nobody_is_in(experiments.hold(conn))
        point_all(moves)
    job.figures["deployed"] = True


def _tell(job: Job, driver: Driver, made: Deployed | None, lora: Choice, ranker: Choice, took_s: float) -> None:
    switched = lora.id if made and not made.steps else None
    out = {"adapter": switched, "query_adapter": ranker.id}
    job.figures |= {name: value for name, value in out.items() if value}
    logs.emit(
        events.AdapterDeployed(
            run_id=job.run_id,
            driver=driver.name,
            adapter=switched,
            query_adapter=ranker.id,
            model=made.endpoint.model if made and made.endpoint else None,
            duration_ms=took_s * 1000,
        )
    )


if __name__ == "__main__":
    steps.script(__name__)
