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


_HOSTILE = "a\nforged line\r\n\x1b[31mred\u2028\x85\x00"
_HOSTILE_PROGRAM = """
import logging, sys, structlog
from app.core import logs
logs.configure(process="app", json_lines={json_lines})
text = {text!r}
structlog.get_logger("ours").info("an event", name=text)
structlog.get_logger("ours").info(text)
logging.getLogger("theirs").warning("a request for %s", text)
"""


@pytest.mark.parametrize("json_lines", [True, False])
def test_a_hostile_text_stays_on_one_line(json_lines: bool) -> None:
    """A value, the text of an event, and what a library inserts into its message."""
    program = _HOSTILE_PROGRAM.format(json_lines=json_lines, text=_HOSTILE)
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=True)
    lines = done.stderr.decode().removesuffix("\n").split("\n")
    assert len(lines) == 3
    for line in lines:
        assert line.isprintable()
        assert "forged line" in line
        assert "app" in line
