"""`/api/v1/process_url`, and the jobs that it starts."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from toolscout import events, logs, queue
from toolscout.catalogue import jobs
from toolscout.catalogue.jobs import Job, Wanted
from toolscout.domain import FINAL
from toolscout.errors import AdminKeyNeeded, NotFound
from toolscout.submit import wanted, with_html

from services.gateway.admin import is_admin, need_local_or_admin
from services.gateway.api.forms import DAY, ProcessForm
from services.gateway.api.reply import reply
from services.gateway.state import Gateway, gateway_of

router = APIRouter(prefix="/api/v1", tags=["pages"])

# How long `wait` holds a request open; the job goes on after that.
WAIT_S = 300.0
POLL_S = 0.1


@router.post("/process_url", status_code=202)
async def process_url(form: ProcessForm, request: Request) -> Response:
    """Has pages fetched, read and indexed. 202 with a job id; with `wait`, 200 and how each URL ended."""
    if (form.html is not None or form.max_age != DAY) and not await is_admin(request):
        raise AdminKeyNeeded("`html`, or another `max_age` than a day, needs the admin key.")
    gateway = gateway_of(request)
    job = await gateway.in_thread(submit, gateway, form, request.state.session)
    if not form.wait:
        return reply({"job_id": job.id}, 202)
    status = await _ended(gateway, job.id, request)
    return reply(status, 200 if status["state"] in FINAL else 202)


def submit(gateway: Gateway, form: ProcessForm, session: str) -> Job:
    """Checks the URLs and makes the job; one bad URL alone is an error, among others it is a failed row."""
    if form.url is not None:
        rows = [wanted(form.url, gateway.guard, strict=True)]
    else:
        rows = [wanted(url, gateway.guard) for url in form.urls or []]
    if form.html is not None:
        rows = [with_html(rows[0], form.html, gateway.store)]
    with gateway.catalogue.write() as conn:
        job = jobs.submit(conn, rows, time.time(), form.max_age, session)
    gateway.store.drop(job.unneeded)
    if gateway.celery:
        queue.wake_pages(gateway.celery, gateway.settings, to_fetch=job.to_fetch, to_process=job.to_process)
    _tell(job, rows)
    return job


def _tell(job: Job, rows: list[Wanted]) -> None:
    refused = [row for row in rows if row.refused]
    for row in refused:
        logs.emit(events.InputRefused(url=row.submitted[:2048], reason=row.refused))
    logs.emit(
        events.UrlsSubmitted(
            job_id=job.id,
            urls=len(rows),
            refused=len(refused),
            to_fetch=len(job.to_fetch),
            to_process=len(job.to_process),
        )
    )


async def _ended(gateway: Gateway, job_id: str, request: Request) -> dict[str, Any]:
    until = time.monotonic() + WAIT_S
    while await gateway.in_thread(_open, gateway, job_id):
        if time.monotonic() > until or await request.is_disconnected():
            break
        await asyncio.sleep(POLL_S)
    return await gateway.in_thread(_status, gateway, job_id)


def _open(gateway: Gateway, job_id: str) -> int:
    with gateway.catalogue.read() as conn:
        return jobs.open_count(conn, job_id)


def _status(gateway: Gateway, job_id: str) -> dict[str, Any]:
    with gateway.catalogue.read() as conn:
        status = jobs.status(conn, job_id)
    if status is None:
        raise NotFound(f"There is no job {job_id[:64]!r}.", remedy="Use the job_id that process_url answered with.")
    return status


@router.get("/jobs/{job_id}", dependencies=[Depends(need_local_or_admin)])
async def job(job_id: str, request: Request) -> Response:
    """How far a job is: one state for the whole, and each URL's own with its reason."""
    gateway = gateway_of(request)
    return reply(await gateway.in_thread(_status, gateway, job_id))


@router.post("/jobs/{job_id}/cancel", dependencies=[Depends(need_local_or_admin)])
async def cancel(job_id: str, request: Request) -> Response:
    """Ends what has not ended yet; what is indexed stays."""
    gateway = gateway_of(request)

    def stop() -> dict[str, Any]:
        with gateway.catalogue.write() as conn:
            jobs.cancel(conn, job_id, time.time())
        return _status(gateway, job_id)

    return reply(await gateway.in_thread(stop))
