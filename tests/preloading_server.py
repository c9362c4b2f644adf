"""A process that has imported the libraries and forks a child for each module that a test starts.

It is run by path, as ``python preloading_server.py SOCKET``, and imports libraries only, never a module of the project:
each child imports those from its own folders. Each connection to the Unix socket SOCKET starts one module: the length
of a request and the descriptors 0, 1 and 2, then the request as JSON; the process id comes back, and when the child has
ended its status as text. A child whose connection closes is killed. The server ends when its standard input does.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import random
import runpy
import selectors
import signal
import socket
import sys
import tempfile
import threading
import time
import warnings
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn

from _pytest.config import default_plugins

LIBRARIES: Final = (
    "pytest", "_pytest.assertion.rewrite", "hypothesis", "_hypothesis_pytestplugin", "xdist.plugin",
    "anyio.pytest_plugin", "anyio._backends._asyncio", "streamlit", "streamlit.testing.v1", "streamlit.starlette",
    "streamlit.web.bootstrap", "streamlit.runtime.runtime", "streamlit_extras.dataframe_explorer", "flask",
    "flask_openapi3", "sqlalchemy", "sqlalchemy.dialects.sqlite", "sqlalchemy.dialects.postgresql", "sqlite3",
    "psycopg", "alembic.command", "starlette.routing", "starlette.testclient", "uvicorn",
    "uvicorn.protocols.http.h11_impl", "uvicorn.protocols.websockets.websockets_sansio_impl", "websockets",
    "websockets.sync.client", "pydantic", "pydantic_settings", "requests", "jwt", "joserfc.jwt", "joserfc.jwe",
    "authlib.integrations.requests_client", "authlib.oidc.core", "cryptography.x509",
    "cryptography.hazmat.primitives.ciphers.aead", "cryptography.hazmat.primitives.kdf.hkdf", "pandas", "structlog",
    "limits", "gunicorn", "prometheus_client",
    *(f"_pytest.{name}" for name in default_plugins),
)  # fmt: skip
PACKAGES: Final = ("app", "component", "db", "pages", "remote_api", "tests")
LENGTH_BYTES: Final = 4
DESCRIPTORS: Final = 3


@dataclass(frozen=True, slots=True)
class Request:
    """A module to run: its name and arguments, where, and with which environment."""

    arguments: list[str]
    cwd: str
    env: dict[str, str]
    safe_path: bool


class Server:
    """Accepts connections, forks, and reports how children end."""

    def __init__(self, path: str) -> None:
        self._selector = selectors.DefaultSelector()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(path)
        self._listener.listen(64)
        self._woken, self._wake = socket.socketpair()
        self._wake.setblocking(False)
        self._children: dict[int, socket.socket] = {}
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake.fileno())
        for source in (self._listener, self._woken, sys.stdin):
            self._selector.register(source, selectors.EVENT_READ)

    def serve(self) -> tuple[Request, list[int]] | None:
        """Fork for each request: a child returns what it is to run with its descriptors; the server None at its end."""
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is sys.stdin:
                    self._kill(list(self._children))
                    return None
                if key.fileobj is self._woken:
                    self._woken.recv(4096)
                    self._report_ended()
                elif key.fileobj is self._listener:
                    if (child := self._fork()) is not None:
                        return child
                else:  # the test has closed the connection, or has ended
                    self._kill([pid for pid, connection in self._children.items() if connection is key.fileobj])
                    self._selector.unregister(key.fileobj)

    def _fork(self) -> tuple[Request, list[int]] | None:
        connection = self._listener.accept()[0]
        length, descriptors, _, _ = socket.recv_fds(connection, LENGTH_BYTES, DESCRIPTORS)
        if len(descriptors) != DESCRIPTORS:
            connection.close()
            return None
        body = connection.recv(int.from_bytes(length, "big"), socket.MSG_WAITALL)
        pid = os.fork()
        with suppress(OSError):  # by both, so that it is so for both; the child may have ended
            os.setpgid(pid, pid)
        if pid == 0:
            self._close()
            connection.close()
            return Request(**json.loads(body)), descriptors
        for descriptor in descriptors:
            os.close(descriptor)
        self._children[pid] = connection
        self._selector.register(connection, selectors.EVENT_READ)
        with suppress(OSError):
            connection.sendall(pid.to_bytes(LENGTH_BYTES, "big"))
        return None

    def _report_ended(self) -> None:
        for pid in list(self._children):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if not ended:
                continue
            self._kill([pid])  # processes that it left running
            connection = self._children.pop(pid)
            with suppress(KeyError):
                self._selector.unregister(connection)
            with suppress(OSError):
                connection.sendall(str(os.waitstatus_to_exitcode(status)).encode())
            connection.close()

    def _kill(self, groups: list[int]) -> None:
        for group in groups:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(group, signal.SIGKILL)

    def _close(self) -> None:
        """In the child: give up what belongs to the server."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self._selector.close()
        for each in (self._listener, self._woken, self._wake, *self._children.values()):
            each.close()


def _run(request: Request, descriptors: list[int]) -> None:
    """In the child: be ``python -m``."""
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    sys.stdin = sys.__stdin__ = os.fdopen(0, "r", encoding="utf-8", closefd=False)  # type: ignore[misc]
    for number, name in ((1, "stdout"), (2, "stderr")):
        stream = os.fdopen(number, "w", encoding="utf-8", buffering=1, closefd=False)
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    os.environ.clear()
    os.environ.update(request.env)
    os.chdir(request.cwd)
    time.tzset()
    random.seed()
    app_test: Any = importlib.import_module("streamlit.testing.v1.app_test")
    app_test.TMP_DIR._finalizer.detach()  # the server's folder, which the end of the first child would remove
    app_test.TMP_DIR = tempfile.TemporaryDirectory()
    folders = request.env.get("PYTHONPATH", "").split(os.pathsep)
    sys.path[:0] = [*([] if request.safe_path else [request.cwd]), *(folder for folder in folders if folder)]
    sys.dont_write_bytecode = bool(request.env.get("PYTHONDONTWRITEBYTECODE"))
    sys.argv = list(request.arguments)
    runpy.run_module(request.arguments[0], run_name="__main__", alter_sys=True)


def _run_to_the_end(request: Request, descriptors: list[int]) -> NoReturn:
    """In the child: end as Python does, but without destroying everything that the libraries created.

    It would touch, and so copy, all memory that the child shares with the server: a tenth of a second for each child.
    """
    status = 0
    try:
        _run(request, descriptors)
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        if isinstance(ended.code, str):
            print(ended.code, file=sys.stderr)
    except Exception:  # noqa: BLE001 - as Python does, whatever it is
        sys.excepthook(*sys.exc_info())
        status = 1
    threading._shutdown()  # type: ignore[attr-defined] # waits for threads, as the end of Python does
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(status & 0xFF)


def _preload() -> None:
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
    gc.freeze()  # what is here is never garbage: pytest collects several times in each child


def main() -> None:
    """Serve, or in a child run the module."""
    server = Server(sys.argv[1])
    _preload()
    if (child := server.serve()) is not None:
        _run_to_the_end(*child)


if __name__ == "__main__":
    main()
