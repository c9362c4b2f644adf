"""Programs that use one database from several processes."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.stack import ROOT


def two_at_once(code: str, url: str) -> list[subprocess.Popen[str]]:
    """Start two processes that run ``code`` with the database URL, and let them continue at the same time.

    ``code`` opens what it needs, prints ``ready``, and continues once it has read a line.
    """
    processes = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", code, url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        for _ in range(2)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    return processes
