"""A test run whose worker crashes ends and names the test, instead of waiting for the worker without an end."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.stack import ROOT

TESTS = """
import os
from pathlib import Path
import pytest

CRASHED = Path(__file__).with_name("crashed")

@pytest.mark.parametrize("number", range(40))
def test_one(number):
    if number == 30 and not CRASHED.exists():
        CRASHED.touch()
        os.abort()
"""


def test_a_crashed_worker_ends_the_run(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text("from tests.conftest import pytest_configure\n")
    (tmp_path / "test_crash.py").write_text(TESTS)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-n",
            "3",
            "--dist",
            "loadgroup",
            "-p",
            "no:cacheprovider",
            str(tmp_path),
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1, done.stdout
    assert "crashed while running 'test_crash.py::test_one[30]'" in done.stdout
