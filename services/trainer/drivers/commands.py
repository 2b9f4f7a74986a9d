"""Other programs that a driver runs."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from services.trainer.drivers.driver import DeployFailed

LOOK_S = 0.1
LAST_CHARS = 300


def run(argv: Sequence[str], tell: Callable[[], None] = lambda: None) -> str:
    """What it prints. `tell` is called while it runs; where that raises, it is killed. Raises DeployFailed."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=errors) as process:
            try:
                while process.poll() is None:
                    tell()
                    time.sleep(LOOK_S)
            except BaseException:
                process.kill()
                raise
        for file in (out, errors):
            file.seek(0)
        printed, complaint = (file.read().decode(errors="replace").strip() for file in (out, errors))
    if process.returncode:
        raise DeployFailed(
            f"{Path(argv[0]).name} {' '.join(argv[1:3])} ended with {process.returncode}:"
            f" {(complaint or printed)[-LAST_CHARS:]}",
            reason="command_failed",
            remedy="When that is mended: toolscout train --step deploy",
        )
    return printed
