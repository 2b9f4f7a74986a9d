"""What a test needs and a machine may lack."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def missing(what: str) -> NoReturn:
    """Skips with the reason printed; in CI that is a failure."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what} must be there in CI")
    print(f"{what} is not here")
    pytest.skip(f"{what} is not here")
