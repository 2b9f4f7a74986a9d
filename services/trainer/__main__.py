"""`python -m services.trainer`: the worker that makes training data and trains."""

from __future__ import annotations

from toolscout.worker import run

from services.trainer.tasks import create_worker

if __name__ == "__main__":
    # One at a time: a run wants the whole machine.
    run("trainer", create_worker, concurrency=1)
