"""The whole product on free ports of this machine, as real processes: local tenant, remote API, one app or more."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import requests

from tests import preloaded_python
from tests.ports import free_port
from tests.preloaded_python import Completed, Process
from tests.waiting import wait_until

ROOT: Final = Path(__file__).resolve().parents[1]
_START_SECONDS: Final = 60.0


class Stack:
    """Starts everything in ``folder`` (which becomes the working directory, with its own ``var/``) and stops it.

    Output of each process goes to ``folder/NAME.log``; ``log(NAME)`` reads it.
    """

    def __init__(self, folder: Path, *, script: Path | None = None, **settings: str) -> None:
        """``settings``: more environment variables for API and app, such as ``GATEHOUSE_SESSION_IDLE_SECONDS``.

        With ``GATEHOUSE_APP`` that script is served instead of our pages. ``script``: what Streamlit reruns in place of
        ``app/main.py``, and sees to everything itself.
        """
        self._script = script
        self.folder = folder
        self.tenant_port, self.api_port, self.app_port = free_port(), free_port(), free_port()
        self.issuer = f"http://localhost:{self.tenant_port}/"
        self.app_url = f"http://localhost:{self.app_port}"
        self.api_url = f"http://localhost:{self.api_port}"
        self._settings = settings
        self._processes: dict[str, Process] = {}
        if "GATEHOUSE_APP" not in settings and not (folder / ".streamlit").exists():
            (folder / ".streamlit").symlink_to(ROOT / ".streamlit")

    @property
    def database_url(self) -> str:
        """The database all processes share."""
        return f"sqlite:///{self.folder}/var/gatehouse.sqlite3"

    def environment(self) -> dict[str, str]:
        """The environment of API and app."""
        kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG", "TMPDIR"}}
        return {
            **kept,
            "PYTHONPATH": str(ROOT),
            "GATEHOUSE_APP_BASE_URL": self.app_url,
            "GATEHOUSE_REMOTE_API_BASE_URL": self.api_url,
            "GATEHOUSE_DATABASE_URL": self.database_url,
            "GATEHOUSE_STATE": str(self.folder / "var"),
            # As in production: no test edits a page, and at each page load the watcher takes three quarters of the
            # app's CPU.
            "STREAMLIT_SERVER_FILE_WATCHER_TYPE": "none",
            **self._settings,
        }

    def start(self) -> Self:
        """Start tenant, API and app, each healthy before the next."""
        self.start_tenant()
        self.command("migrate")
        self.start_api()
        self.start_app()
        return self

    def start_tenant(self) -> None:
        """Start the local tenant."""
        arguments = ["component.dev_tenant", "--port", str(self.tenant_port), "--app-url", self.app_url]
        self._start("tenant", arguments, f"{self.issuer}healthz")

    def start_api(self) -> None:
        """Start the remote API."""
        self._start("api", ["remote_api", "--port", str(self.api_port)], f"{self.api_url}/healthz")

    def start_app(self) -> None:
        """Start the app."""
        served = [self._settings["GATEHOUSE_APP"]] if "GATEHOUSE_APP" in self._settings else []
        serve = ["app", "serve", *served, "--port", str(self.app_port)]
        if self._script is not None:
            serve = ["tests.e2e.serve_script", str(self.app_port), str(self._script)]
        self._start("app", serve, f"{self.app_url}/_stcore/health")

    def command(self, *arguments: str, within_seconds: float = 60) -> Completed:
        """Run one command of ``gatehouse`` to its end.

        Raises:
            RuntimeError: It failed or took longer, with what it printed.
        """
        done = preloaded_python.shared().run(
            ["app", *arguments],
            cwd=self.folder,
            env=self.environment(),
            timeout_seconds=within_seconds,
            safe_path=True,
        )
        if done.status != 0:
            msg = f"gatehouse {' '.join(arguments)}: {done.output}"
            raise RuntimeError(msg)
        return done

    def stop(self, name: str, *, kill: bool = False) -> None:
        """Stop one process."""
        process = self._processes.pop(name)
        process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def signal(self, name: str, number: int) -> None:
        """Send a signal to one process."""
        self._processes[name].send_signal(number)

    def stop_all(self) -> None:
        """Stop every process that still runs."""
        for name in list(reversed(self._processes)):
            self.stop(name)

    def log(self, name: str) -> str:
        """What a process has written so far."""
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.stop_all()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop_all()

    def _start(self, name: str, arguments: list[str], health: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            process = preloaded_python.shared().start(
                arguments, cwd=self.folder, env=self.environment(), stdout=log, stderr=log, safe_path=True
            )
        self._processes[name] = process

        def is_healthy() -> bool:
            if process.poll() is not None:
                msg = f"{name} did not start:\n{self.log(name)[-4000:]}"
                raise RuntimeError(msg)
            with suppress(requests.RequestException):  # not up yet
                return bool(requests.get(health, timeout=2, allow_redirects=False).status_code == requests.codes.ok)
            return False

        wait_until(is_healthy, within_seconds=_START_SECONDS, description=f"{name} starts")
