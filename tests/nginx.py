"""The nginx configuration that is shipped, in front of processes on this machine: other addresses, and no TLS."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, NoReturn, Self

import pytest

from tests.ports import free_port
from tests.stack import ROOT
from tests.waiting import wait_until

HINT: Final = "needs nginx (`apt install nginx-light`); REQUIRE_NGINX=1 makes this a failure"
SHIPPED: Final = ROOT / "deploy" / "nginx.conf"
_START_SECONDS: Final = 15.0


def nginx() -> str:
    """Where nginx is; without it the test is skipped, or fails where ``REQUIRE_NGINX`` is set, as CI does."""
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/opt/homebrew/bin")
    return nginx or _missing()


def _missing() -> NoReturn:
    if os.environ.get("REQUIRE_NGINX"):
        pytest.fail(HINT)
    pytest.skip(HINT)


class Nginx:
    """One nginx with the shipped configuration. Use as a context manager; its logs are in ``folder``."""

    def __init__(
        self,
        folder: Path,
        *,
        apps: Sequence[int],
        api: int | None = None,
        port: int | None = None,
        changes: Sequence[tuple[str, str]] = (),
    ) -> None:
        """``apps``, ``api``: the ports of the processes behind it. ``port``: where the app is reached.

        ``changes``: more texts of the shipped configuration and what takes their places; each must stand there once.
        """
        self.folder = folder
        self.port = port or free_port()
        self.api_port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._binary = nginx()
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        shipped = SHIPPED.read_text(encoding="utf-8")
        for original, instead in changes:
            assert shipped.count(original) == 1, f"{original} is not once in the shipped configuration"
            shipped = shipped.replace(original, instead)
        text = adapted(
            shipped,
            folder,
            apps=apps,
            api=api if api is not None else apps[0],
            app_port=self.port,
            api_port=self.api_port,
        )
        (folder / "nginx.conf").write_text(text, encoding="utf-8")

    def __enter__(self) -> Self:
        command = [self._binary, "-e", str(self.folder / "error.log"), "-c", str(self.folder / "nginx.conf")]
        with (self.folder / "nginx.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        process = self._process

        def listens() -> bool:
            if process.poll() is not None:
                raise AssertionError((self.folder / "nginx.log").read_text() + (self.folder / "error.log").read_text())
            with suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), 1.0).close()
                return True
            return False

        try:
            wait_until(listens, within_seconds=_START_SECONDS)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._process is not None:
            self._process.terminate()  # its workers go with it
            self._process.wait(15)


def adapted(text: str, folder: Path, *, apps: Sequence[int], api: int, app_port: int, api_port: int) -> str:
    """The shipped text with other addresses and files, and without what TLS needs. Everything else stays as it is."""
    main = [f"pid {folder}/nginx.pid;", "daemon off;", *(["user root;"] if os.geteuid() == 0 else [])]
    temporary = [f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")]
    mime = next(filter(Path.exists, map(Path, ("/etc/nginx/mime.types", "/opt/homebrew/etc/nginx/mime.types"))))
    changes: list[tuple[str, str]] = [
        (r"worker_processes auto;", f"worker_processes 1;\n{' '.join(main)}"),
        (r"\bhttp \{", f"http {{\n    {' '.join(temporary)}"),
        (r"include mime\.types;", f"include {mime};"),
        (r"/var/log/nginx/access\.log", f"{folder}/access.log"),
        (r"\n *server app:8501;", "".join(f"\n        server 127.0.0.1:{port};" for port in apps)),
        (r"\n *server api:8888;", f"\n        server 127.0.0.1:{api};"),
        (r"listen 443 ssl;\n *server_name app\.example\.com;", f"listen 127.0.0.1:{app_port};"),
        (r"listen 443 ssl;\n *server_name api\.example\.com;", f"listen 127.0.0.1:{api_port};"),
        (r"__Host-gatehouse", "(?:__Host-)?gatehouse"),
        # Only the default port may be omitted from the host, and here it is another.
        (r"proxy_set_header Host \$host;", "proxy_set_header Host $http_host;"),
    ]
    for pattern, instead in changes:
        text, count = re.subn(pattern, instead.replace("\\", r"\\"), text)
        assert count == 1, f"the shipped configuration has {count} of {pattern}"
    # What is left of TLS goes, and every other listener gets a port of its own.
    text = re.sub(r"(?m)^ *ssl_\w+ [^;]*;\n", "", text)
    return re.sub(
        r"listen (?:80|443 ssl)( default_server)?;",
        lambda match: f"listen 127.0.0.1:{free_port()}{match[1] or ''};",
        text,
    )
