"""Starts Python modules as processes that do not import the libraries again.

Starting Python and importing Streamlit, Flask, SQLAlchemy and pandas takes more processor time than most tests with
processes take themselves. ``tests/preloading_server.py`` imports them once and forks. What a test starts is a process
as any other, with its own working directory, environment and modules of the project; only the start is quicker.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Self

from tests import preloading_server
from tests.waiting import wait_until

SOCKET_VARIABLE: Final = "PRELOADED_PYTHON"
"""Names the socket of a server that runs already, for tests that run inside of a test."""


class Process:
    """A started module, with the part of ``subprocess.Popen`` that tests use."""

    def __init__(self, connection: socket.socket, pid: int, stdout: IO[str] | None) -> None:
        self._connection = connection
        self.pid = pid
        self.stdout = stdout
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return the exit status if the process has ended; a negative one is a signal.

        Raises:
            RuntimeError: The server has ended, and with it the process.
        """
        if self.returncode is None and select.select([self._connection], [], [], 0)[0]:
            self._read_status()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end, ``timeout`` seconds at most.

        Raises:
            subprocess.TimeoutExpired: It has not ended.
            RuntimeError: The server has ended, and with it the process.
        """
        if self.returncode is None:
            if not select.select([self._connection], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
            self._read_status()
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless the process has ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def close(self) -> None:
        """Give the process up: the server kills it."""
        self._connection.close()

    def _read_status(self) -> None:
        line = self._connection.recv(64)
        self._connection.close()
        if not line:
            msg = "the server of tests/preloading_server.py has ended"
            raise RuntimeError(msg)
        self.returncode = int(line)


class PreloadedPython:
    """The server that forks. A context manager: it ends with it, and with this process, and everything it started."""

    def __init__(self) -> None:
        """Begin to start the server, or use the one that ``SOCKET_VARIABLE`` names."""
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        if path := os.environ.get(SOCKET_VARIABLE):
            self.path = path
            return
        self._folder = tempfile.TemporaryDirectory(prefix="gatehouse-tests-")
        self.path = str(Path(self._folder.name) / "socket")
        self._process = subprocess.Popen(
            [sys.executable, preloading_server.__file__, self.path],
            cwd=self._folder.name,
            env={"PATH": "/usr/bin:/bin", "HOME": self._folder.name, "MALLOC_ARENA_MAX": "2"},
            stdin=subprocess.PIPE,  # ends with this process
            start_new_session=True,  # Ctrl-C is for the tests
        )

    def __enter__(self) -> Self:
        """Return itself; the libraries are imported while the caller continues."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the server."""
        self.close()

    def close(self) -> None:
        """End the server, and with it what it started."""
        if self._process is not None:
            self._process.communicate()
        if self._folder is not None:
            self._folder.cleanup()

    def start(
        self,
        arguments: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        stdin: int | None = None,
        stdout: IO[Any] | int | None = None,
        stderr: IO[Any] | None = None,
        safe_path: bool = False,
    ) -> Process:
        """Run ``python -m`` with ``arguments``, the first of which is the module.

        Args:
            stdin: A descriptor, which the caller closes.
            stdout: A file, or ``subprocess.PIPE`` for the text attribute of the process.
            safe_path: Do not import modules from ``cwd`` (``python -P``).
        """
        request = {"arguments": list(arguments), "cwd": str(cwd), "env": dict(env), "safe_path": safe_path}
        body = json.dumps(request).encode()
        read_end, write_end = os.pipe() if stdout == subprocess.PIPE else (None, None)
        connection = self._connect()
        with Path(os.devnull).open("r+b") as nothing:
            files = (nothing if stdin is None else stdin, write_end or stdout or nothing, stderr or nothing)
            socket.send_fds(
                connection,
                [len(body).to_bytes(preloading_server.LENGTH_BYTES, "big")],
                [file if isinstance(file, int) else file.fileno() for file in files],
            )
        if write_end is not None:
            os.close(write_end)
        connection.sendall(body)
        pid = int.from_bytes(connection.recv(preloading_server.LENGTH_BYTES, socket.MSG_WAITALL), "big")
        assert pid, "the server of tests/preloading_server.py has ended"
        return Process(connection, pid, None if read_end is None else os.fdopen(read_end, "r", encoding="utf-8"))

    def run(
        self,
        arguments: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        timeout_seconds: float,
        safe_path: bool = False,
    ) -> Completed:
        """Run a module to its end and return what it printed. After ``timeout_seconds`` it is killed."""
        with tempfile.TemporaryFile() as output:
            process = self.start(arguments, cwd=cwd, env=env, stdout=output, stderr=output, safe_path=safe_path)
            try:
                status: int | None = process.wait(timeout_seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                status = None
            output.seek(0)
            return Completed(status, output.read().decode(errors="replace"))

    def _connect(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)

        def is_up() -> bool:
            assert self._process is None or self._process.poll() is None, "tests/preloading_server.py did not start"
            with suppress(FileNotFoundError, ConnectionRefusedError):
                connection.connect(self.path)
                return True
            return False

        wait_until(is_up, within_seconds=60)
        return connection


@dataclass(frozen=True, slots=True)
class Completed:
    """How a module ended: its exit status (None when it did not end in time) and everything it printed."""

    status: int | None
    output: str


@cache
def shared() -> PreloadedPython:
    """The server of this process, started at the first use."""
    python = PreloadedPython()
    atexit.register(python.close)
    return python
