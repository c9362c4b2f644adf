"""A Python process that has imported the libraries and forks a child for each run of pytest.

Starting Python and importing Streamlit, Flask, SQLAlchemy and pandas takes longer than most tests of a guard take.
The process imports libraries only, never a module of the project: each child imports those from its own folder. It is
run by path, as ``python preloaded_python.py``, reads one JSON request a line and answers with one JSON line.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

LIBRARIES: Final = (
    "pytest", "hypothesis", "_pytest.assertion.rewrite", "streamlit", "streamlit.testing.v1", "streamlit.starlette",
    "streamlit.web.bootstrap", "streamlit.runtime.runtime", "flask", "flask_openapi3", "sqlalchemy", "alembic.command",
    "starlette.testclient", "uvicorn", "websockets", "pydantic", "pydantic_settings", "requests", "jwt", "joserfc",
    "authlib", "cryptography.x509", "pandas", "structlog", "limits", "gunicorn", "prometheus_client",
)  # fmt: skip
PACKAGES: Final = ("app", "component", "db", "pages", "remote_api", "tests")
_POLL_SECONDS: Final = 0.02
_ARGUMENTS: Final = ("-W", "ignore::pytest.PytestAssertRewriteWarning")
"""Libraries that are plugins of pytest too (anyio, Hypothesis) are imported before pytest could rewrite assertions."""


@dataclass(frozen=True, slots=True)
class Completed:
    """How a run of pytest ended: its exit status (None when it did not end in time) and everything it printed."""

    status: int | None
    output: str


class PreloadedPython:
    """Runs pytest in forked children, one at a time. A context manager: the process ends with it."""

    def __init__(self, home: Path) -> None:
        """``home``: a folder of its own, for ``HOME`` and the output of runs."""
        self._output = home / "output"
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__))],
            cwd=home,
            env={"PATH": "/usr/bin:/bin", "HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        """Return itself; the libraries are imported while the caller continues."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()

    def pytest(self, arguments: list[str], *, folder: Path, env: dict[str, str], timeout_seconds: float) -> Completed:
        """Run ``pytest`` with ``arguments`` in ``folder``, from which the project's modules are imported."""
        request = {"arguments": arguments, "folder": str(folder), "env": env, "output": str(self._output)}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request | {"timeout_seconds": timeout_seconds}) + "\n")
        self._process.stdin.flush()
        status = json.loads(self._process.stdout.readline())["status"]
        return Completed(status, self._output.read_text(encoding="utf-8", errors="replace"))


def _child(request: dict[str, object]) -> None:
    """In the child: run pytest and exit with its status."""
    os.setsid()
    output = os.open(str(request["output"]), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for descriptor in (1, 2):
        os.dup2(output, descriptor)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    folder = str(request["folder"])
    os.environ.update(dict(request["env"]))  # type: ignore[call-overload]
    os.chdir(folder)
    sys.path.insert(0, folder)
    import pytest

    status = pytest.main([*_ARGUMENTS, *(str(argument) for argument in request["arguments"])])  # type: ignore[attr-defined]
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(int(status))


def _serve() -> None:
    """Fork a child for each request on standard input."""
    answers = os.fdopen(os.dup(1), "w")
    sys.path[:] = [path for path in sys.path if Path(path).resolve() != Path(__file__).resolve().parent]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for library in LIBRARIES:
            importlib.import_module(library)
    # Streamlit looks for components in every installed package at the start of each runtime: here, once for all.
    scanner = importlib.import_module("streamlit.components.v2.manifest_scanner")
    components = scanner.scan_component_manifests()
    scanner.scan_component_manifests = lambda *_, **__: components  # type: ignore[attr-defined]
    project_modules = [name for name in sys.modules if name.partition(".")[0] in PACKAGES]
    assert not project_modules, f"modules of the project in the process that forks: {project_modules}"
    assert threading.active_count() == 1, f"threads do not survive a fork: {threading.enumerate()}"
    for line in sys.stdin:
        request = json.loads(line)
        process = os.fork()
        if process == 0:
            _child(request)
        answers.write(json.dumps({"status": _wait(process, request["timeout_seconds"])}) + "\n")
        answers.flush()


def _wait(process: int, timeout_seconds: float) -> int | None:
    """Wait for the child and return its exit status; None when it was killed for taking too long."""
    deadline = time.monotonic() + timeout_seconds
    status: int | None = None
    while status is None and time.monotonic() < deadline:
        ended, code = os.waitpid(process, os.WNOHANG)
        if ended:
            status = os.waitstatus_to_exitcode(code)
        else:
            time.sleep(_POLL_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(process, signal.SIGKILL)  # processes that the test left running, and the child when it hangs
    if status is None:
        os.waitpid(process, 0)
    return status


if __name__ == "__main__":
    _serve()
