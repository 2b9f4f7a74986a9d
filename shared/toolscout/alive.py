"""`python -m toolscout.alive`: a container's health check: whether its worker answers over the queue within seconds."""

from __future__ import annotations

import re
import socket
import sys
from pathlib import Path

from toolscout import queue
from toolscout.settings import Settings

TIMEOUT_S = 8.0
_SERVICE = re.compile(r"services\.(\w+)")


def main() -> None:
    # The container's first process says whose worker it is.
    found = _SERVICE.search(Path("/proc/1/cmdline").read_text(encoding="utf-8", errors="replace"))
    if not found:
        sys.exit("no worker is the first process here")
    name = f"{found[1]}@{socket.gethostname()}"
    app = queue.create_celery(Settings())
    try:
        answered = app.control.ping(destination=[name], timeout=TIMEOUT_S)
    except queue.AWAY as error:
        sys.exit(f"the queue does not answer: {error}")
    if not answered:
        sys.exit(f"{name} does not answer")


if __name__ == "__main__":
    main()
