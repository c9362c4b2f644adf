"""Programs that use one database from several processes."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.preloaded_python import Process, shared
from tests.stack import ROOT


def two_at_once(program: str, url: str) -> list[Process]:
    """Start two processes that run ``program`` with the database URL, and let them continue at the same time.

    ``program`` opens what it needs, prints ``ready``, and continues once it has read a line.
    """
    started = [_start(program, url) for _ in range(2)]
    for process, _ in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for _, stdin in started:
        os.write(stdin, b"go\n")
        os.close(stdin)
    return [process for process, _ in started]


def output_of(process: Process) -> str:
    """What a process prints until it ends, with success, and within two minutes: at most 64 KiB, as a pipe holds."""
    assert process.stdout is not None
    with process.stdout:
        assert process.wait(120) == 0
        return process.stdout.read()


def _start(program: str, url: str) -> tuple[Process, int]:
    read_end, write_end = os.pipe()
    process = shared().start(
        ["tests.db.program", program, url],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=read_end,
        stdout=subprocess.PIPE,
        stderr=sys.__stderr__,
    )
    os.close(read_end)
    return process, write_end
