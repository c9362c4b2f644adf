"""The rehearsed installation: local tenant, two app processes, the API and PostgreSQL behind the shipped nginx.conf."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Final, Self

import psycopg

from tests.nginx import Nginx
from tests.ports import free_port
from tests.postgres import Cluster
from tests.stack import Stack

APPS: Final = ("app-0", "app-1")
API: Final = "api"
_DATABASE: Final = "gatehouse"


class Installation(Stack):
    """Starts everything in ``folder`` and stops it. Use as a context manager."""

    def __init__(self, folder: Path, cluster: Cluster, secret: str) -> None:
        super().__init__(folder, GATEHOUSE_SECRET=secret, GATEHOUSE_API_RATE_LIMIT="100000 per minute")
        self._cluster = cluster
        self.ports = {name: free_port() for name in APPS} | {API: self.api_port}
        self._nginx = Nginx(
            folder / "nginx", apps=[self.ports[name] for name in APPS], api=self.api_port, port=self.app_port
        )
        self.api_url = f"http://localhost:{self._nginx.api_port}"

    @property
    def database_url(self) -> str:
        """The database on the server of this rehearsal."""
        return self._cluster.url(_DATABASE)

    def start(self) -> Self:
        """Start everything, nginx last."""
        with psycopg.connect(self._cluster.url(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {_DATABASE}")
        self.start_tenant()
        self.command("migrate")
        for name in (*APPS, API):
            self.begin(name)
        self._nginx.__enter__()
        return self

    def begin(self, name: str) -> None:
        """Start one process, and wait until it answers."""
        port = self.ports[name]
        if name == API:
            server = ["gunicorn", "remote_api.wsgi:application", "--bind", f"127.0.0.1:{port}", "--no-control-socket"]
            self._start(name, [*server, "--workers", "2", "--threads", "4"], f"http://localhost:{port}/healthz")
        else:
            serve = ["app", "serve", "--address", "127.0.0.1", "--port", str(port)]
            self._start(name, serve, f"http://localhost:{port}/_stcore/health")

    @property
    def secret(self) -> str:
        """The secret of processes and commands."""
        return self._settings["GATEHOUSE_SECRET"]

    def use_secret(self, secret: str) -> None:
        """Set the secret of every process that starts from now on, and of every command."""
        self._settings["GATEHOUSE_SECRET"] = secret

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._nginx.__exit__(None, None, None)
        super().__exit__(kind, error, trace)
