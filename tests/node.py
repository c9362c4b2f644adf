"""Node, for checks of the front end without a browser."""

from __future__ import annotations

import os
import shutil
from typing import Final, NoReturn

import pytest

HINT: Final = "needs node and what `npm ci` in tests/frontend brings; REQUIRE_NODE=1 makes this a failure"


def node() -> str:
    """Where node is; without it the test is skipped, or fails where ``REQUIRE_NODE`` is set, as CI does."""
    return shutil.which("node") or missing("there is no node")


def missing(reason: str) -> NoReturn:
    """Say what is missing. A fresh machine needs Python and make alone, so it is a skip unless node is asked for."""
    if os.environ.get("REQUIRE_NODE"):
        pytest.fail(f"{HINT}: {reason}")
    pytest.skip(f"{HINT}: {reason}")
