"""Log lines: each names the process, also those of libraries."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.stack import ROOT

_PROGRAM = """
import logging, structlog
from app.core import logs
logs.configure(process="api", json_lines={json_lines})
structlog.get_logger("ours").info("one of ours")
logging.getLogger("theirs").info("one of a library")
"""


@pytest.mark.parametrize("json_lines", [True, False])
def test_every_line_says_which_process_wrote_it(json_lines: bool) -> None:
    program = _PROGRAM.format(json_lines=json_lines)
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    lines = done.stderr.splitlines()
    assert len(lines) == 2
    if json_lines:
        assert [json.loads(line)["process"] for line in lines] == ["api", "api"]
    else:
        assert all("process=api" in line for line in lines)
