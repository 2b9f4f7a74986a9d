"""Starts a run of Toolscout's pipeline by its HTTP API and, with --wait, follows it to its end.

Needs nothing but Python. The admin key comes from TOOLSCOUT_ADMIN_KEY: arguments can be seen by everybody on a machine.

Ends with 0: done (or started, without --wait); 1: the run failed or was cancelled; 2: the gateway refuses what was
asked; 75: try again later, another run is open or the gateway is away. Ctrl-C and SIGTERM cancel the run.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

BASE = "http://127.0.0.1:8080"
RUNS = "/api/v1/pipeline/runs"
KINDS = ("crawl", "process", "train", "full")
# States of a run that has not ended.
OPEN = ("queued", "running")
# What a proxy or a gateway says that may be well in a minute.
PASSING = (429, 502, 503, 504)


class Problem(Exception):
    """A run that did not come to a good end; `code` is what the script ends with."""

    code = 1


class Failed(Problem):
    """The run failed or was cancelled."""


class Refused(Problem):
    """Asking again would change nothing: a wrong key, an unknown step, not a gateway."""

    code = 2


class Later(Problem):
    """Another run is open, or the gateway is away."""

    code = 75  # EX_TEMPFAIL


class _Stay(urllib.request.HTTPRedirectHandler):
    """urllib would carry the key along to wherever a redirect leads."""

    def redirect_request(self, *_: Any) -> None:
        return None


class Gateway:
    """The runs of one gateway. Every call may raise Refused or Later."""

    def __init__(self, base: str, key: str, timeout_s: float = 30) -> None:
        if not base.startswith(("http://", "https://")):
            raise Refused(f"{base!r} is no address of a gateway: give one like {BASE}")
        # Checked here, since the error of http.client would quote it.
        if not key or not key.isascii() or not key.isprintable():
            raise Refused("TOOLSCOUT_ADMIN_KEY must hold the admin key: the first start of Toolscout printed it")
        self.base, self._key, self._timeout_s = base.rstrip("/"), key, timeout_s
        # The key goes to the gateway and nowhere else: no proxy, no redirect.
        self._open = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Stay).open

    def start(self, kind: str, steps: Sequence[str] = ()) -> dict[str, Any]:
        """The new run. Asked twice it never makes two: while one is open the gateway refuses, which raises Later."""
        return self._ask("POST", "", {"kind": kind, "steps": list(steps)})

    def get(self, run_id: str) -> dict[str, Any]:
        return self._ask("GET", f"/{run_id}")

    def cancel(self, run_id: str) -> dict[str, Any]:
        """Ends the run; one that has ended stays as it is."""
        return self._ask("POST", f"/{run_id}/cancel")

    def _ask(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.base + RUNS + path, data, headers, method=method)  # noqa: S310 - see __init__
        try:
            with self._open(request, timeout=self._timeout_s) as answer:
                return _run(json.load(answer))
        except urllib.error.HTTPError as error:
            raise _problem(error) from None
        except (OSError, http.client.HTTPException) as error:
            raise Later(f"The gateway {self.base} is away: {error}") from error
        except ValueError as error:
            raise Refused(f"{self.base} does not answer like a gateway of Toolscout: {error}") from error


def _run(found: Any) -> dict[str, Any]:
    if not isinstance(found, dict) or "state" not in found:
        raise ValueError("that is no run")
    return found


def _problem(error: urllib.error.HTTPError) -> Problem:
    """What an error of the API means: problem+json with `reason`, `detail` and `remedy`."""
    try:
        said = json.load(error)
        text, reason = f"{said['detail']} {said['remedy']}", said["reason"]
    except (OSError, http.client.HTTPException, ValueError, TypeError, KeyError):
        text, reason = f"The gateway answered {error.code} {error.reason}", ""
    later = reason == "run_open" or error.code in PASSING
    return Later(text) if later else Refused(text)


def judge(run: dict[str, Any]) -> None:
    """Raises Failed, with the step's reason and remedy, unless the run is done."""
    if run["state"] != "done":
        broken = [step for step in run["steps"] if step["state"] == "failed"]
        why = [f"{step['name']}: {step['reason']}. {step['detail'] or ''}" for step in broken]
        raise Failed("\n".join([f"Run {run['id']} is {run['state']}; /admin/pipeline shows it.", *why]))


def report(run: dict[str, Any]) -> str:
    """The run's state, and a line a step: how it ended, and why it was skipped or failed."""
    lines = [f"run {run['id']}: {run['state']}"]
    for step in run["steps"]:
        why = f" ({step['reason']})" if step["reason"] else ""
        lines.append(f"  {step['name']}: {step['state']}{why}")
    return "\n".join(lines)


def progress(run: dict[str, Any]) -> str:
    """How far an open run is, in a line."""
    step = next((step for step in run["steps"] if step["state"] == "running"), None)
    if step is None:
        return f"run {run['id']}: {run['state']}"
    so_far = f" {step['done']} of {step['total']}" if step["total"] else ""
    return f"run {run['id']}: {step['name']}{so_far}"


def follow(
    gateway: Gateway, run_id: str, every_s: float, patience_s: float, say: Callable[[str], None]
) -> dict[str, Any]:
    """The run, once it has ended. Raises Later if the gateway stays away for longer than `patience_s`."""
    seen, said = time.monotonic(), ""
    while True:
        try:
            run = gateway.get(run_id)
        except Later as away:
            # A gateway that restarts ends no run.
            if time.monotonic() - seen > patience_s:
                raise Later(f"{away}. Run {run_id} goes on without us.") from away
        else:
            seen = time.monotonic()
            if run["state"] not in OPEN:
                say(report(run))
                return run
            if progress(run) != said:
                said = progress(run)
                say(said)
        time.sleep(every_s)


class _Stopped(BaseException):
    """A signal asks us to end."""

    def __init__(self, number: int) -> None:
        self.number = number


SIGNALS = (signal.SIGINT, signal.SIGTERM)


def _stop(number: int, _: object) -> NoReturn:
    # A second one ends the script at once.
    for one in SIGNALS:
        signal.signal(one, signal.SIG_DFL)
    raise _Stopped(number)


def run(gateway: Gateway, options: argparse.Namespace) -> None:
    """Starts a run, and follows it where that is wanted."""
    # Held back until we know the run's id: a run of unknown id could not be cancelled.
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    for one in SIGNALS:
        signal.signal(one, _stop)
    run_id = ""
    try:
        try:
            made = gateway.start(options.kind, options.step)
            run_id = made["run_id"]
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        _say(f"run {run_id}: started")
        if made.get("waits_for"):
            print(f"There is no worker: the run waits for `{made['waits_for']}`", file=sys.stderr)
        if options.wait:
            judge(follow(gateway, run_id, options.every, options.patience, _say))
    except _Stopped as stopped:
        if run_id:
            _cancel(gateway, run_id)
        sys.exit(128 + stopped.number)


def _cancel(gateway: Gateway, run_id: str) -> None:
    try:
        state = gateway.cancel(run_id)["state"]
    except Problem as problem:
        print(f"{problem}\nRun {run_id} may go on: toolscout train --cancel {run_id}", file=sys.stderr)
    else:
        print(f"Run {run_id} was asked to end and is {state}.", file=sys.stderr)


def _say(line: str) -> None:
    print(time.strftime("%Y-%m-%d %H:%M:%S"), line, flush=True)


def seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 86_400:
        raise ValueError
    return value


def parser() -> argparse.ArgumentParser:
    about, _, ends = (__doc__ or "").partition("\n\n")
    form = argparse.RawDescriptionHelpFormatter
    found = argparse.ArgumentParser(description=about, epilog=ends, formatter_class=form)
    found.add_argument("--base", default=BASE, metavar="URL", help=f"of the gateway; {BASE} if not given")
    found.add_argument("--kind", choices=KINDS, required=True)
    found.add_argument("--step", action="append", default=[], metavar="NAME", help="only this one; may be repeated")
    found.add_argument("--wait", action="store_true", help="until the run has ended")
    found.add_argument("--every", type=seconds, default=5, metavar="SECONDS", help="between two looks; 5 if not given")
    found.add_argument(
        "--patience", type=seconds, default=300, metavar="SECONDS", help="the gateway may be away; 300 if not given"
    )
    return found


def main() -> None:
    options = parser().parse_args()
    try:
        run(Gateway(options.base, os.environ.get("TOOLSCOUT_ADMIN_KEY", "").strip()), options)
    except Problem as problem:
        print(problem, file=sys.stderr)
        sys.exit(problem.code)


if __name__ == "__main__":
    main()
