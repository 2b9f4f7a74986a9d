"""Runs the flow in Prefect's test harness, once for each argument, {options, wait_s, key}; prints how each ended.

In the environment of its own where Prefect is installed: imports nothing of ours but the example.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))

import prefect_flow
from prefect.testing.utilities import prefect_test_harness


def ended(options: dict[str, Any]) -> dict[str, str]:
    try:
        return {"returned": prefect_flow.pipeline(**options)}
    except Exception as error:  # noqa: BLE001 - whatever it is, the test looks at it
        return {"raised": type(error).__name__, "text": str(error)}


def main() -> None:
    start, wait = prefect_flow.start, prefect_flow.wait
    with prefect_test_harness(server_startup_timeout=180):
        for argument in map(json.loads, sys.argv[1:]):
            os.environ["TOOLSCOUT_ADMIN_KEY"] = argument["key"]
            # The flow's own retries and conditions, only sooner.
            prefect_flow.start = start.with_options(retry_delay_seconds=0.1)
            prefect_flow.wait = wait.with_options(timeout_seconds=argument["wait_s"])
            print("ENDED", json.dumps(ended(argument["options"])), flush=True)


main()
