"""A temporary PostgreSQL server on this machine: ``python -m tests.postgres make test`` runs a command with one.

``TEST_DATABASE_URL`` names it. The server listens on a free port of the loopback interface and keeps its files in a
temporary folder, in memory where there is enough of it. When root starts it, it runs as the system user ``postgres``,
because PostgreSQL refuses root.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import psycopg

from tests.ports import free_port
from tests.scratch import keep_files_in_memory
from tests.waiting import wait_until

_START_SECONDS: Final = 60.0
_USER: Final = "gatehouse"


def installed() -> Path | None:
    """The folder of the newest installed PostgreSQL server; None when there is none."""
    newest_first = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("postgres")
    return newest_first[-1].parent if newest_first else Path(on_path).parent if on_path else None


class Cluster:
    """One server. Use as a context manager."""

    def __init__(self, binaries: Path) -> None:
        self._binaries = binaries
        self._folder = Path(tempfile.mkdtemp(prefix="gatehouse-postgres-"))
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._account: dict[str, Any] = {}
        if os.geteuid() == 0:
            account = pwd.getpwnam("postgres")
            self._account = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
            os.chown(self._folder, account.pw_uid, account.pw_gid)

    def url(self, database: str = "postgres") -> str:
        """The URL of one of its databases, as a superuser."""
        return f"postgresql://{_USER}@127.0.0.1:{self._port}/{database}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = ["-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={self._folder}"]
        quick = ["-c", "fsync=off", "-c", "full_page_writes=off", "-c", "max_connections=300"]
        with (self._folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._binaries / "postgres", "-D", self._folder / "data", "-p", str(self._port), *options, *quick],
                cwd=self._folder, stdout=log, stderr=log, start_new_session=True, **self._account,
            )  # fmt: skip
        process = self._process

        def accepts_connections() -> bool:
            assert process.poll() is None, (self._folder / "server.log").read_text()
            with suppress(psycopg.OperationalError):
                psycopg.connect(self.url(), connect_timeout=2).close()
                return True
            return False

        wait_until(accepts_connections, within_seconds=_START_SECONDS)

    def stop(self) -> None:
        """Stop it at once; its clients lose their connections."""
        if self._process is not None:
            self.thaw()
            self._process.send_signal(signal.SIGINT)  # "fast"
            self._process.wait(30)
            self._process = None

    def freeze(self) -> None:
        """Suspend all of its processes: it answers nothing, and no connection is closed."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Resume its processes."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        """Send a signal to the server and to its backends, which have process groups of their own."""
        if self._process is None:
            return
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        for pid in [self._process.pid, *map(int, children.read_text().split())]:
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def __enter__(self) -> Self:
        try:
            subprocess.run(
                [self._binaries / "initdb", "-D", self._folder / "data", "-U", _USER, "--auth=trust", "--encoding=UTF8",
                 "--locale=C.UTF-8", "--no-sync"],
                cwd=self._folder, check=True, stdout=subprocess.DEVNULL, **self._account,
            )  # fmt: skip
            self.start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)


def main(command: list[str]) -> int:
    """Run a command beside a server; → its exit status."""
    binaries = installed()
    if binaries is None:
        print("There is no PostgreSQL server: apt install postgresql", file=sys.stderr)
        return 2
    keep_files_in_memory()
    with Cluster(binaries) as cluster:
        return subprocess.run(command, env={**os.environ, "TEST_DATABASE_URL": cluster.url()}, check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
