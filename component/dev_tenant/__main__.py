"""``python -m component.dev_tenant``: run the tenant on this machine until it is told to stop."""

from __future__ import annotations

import argparse
import errno
import os
import signal
import socket
import sys
from pathlib import Path

import uvicorn

from component.dev_tenant.config import DEFAULT_AUDIENCE, TenantConfig, TenantError, is_loopback, reason_not_to_start
from component.dev_tenant.routes import create_app

_MAX_PORT = 65_535


def main() -> int:
    """Run. → the exit status: 0 when told to stop, 2 when it could not start."""
    parser = argparse.ArgumentParser(prog="python -m component.dev_tenant", description="The local development tenant.")
    parser.add_argument("--host", default="localhost", help="a loopback name: localhost, 127.0.0.1 or ::1")
    parser.add_argument("--port", type=int, default=9000)
    state = Path(os.environ.get("GATEHOUSE_STATE") or "var") / "tenant"
    parser.add_argument("--state-dir", type=Path, default=state, help="where keys and passwords are kept")
    parser.add_argument("--app-url", default="http://localhost:8501", help="the app that signs people in here")
    parser.add_argument("--audience", default=DEFAULT_AUDIENCE, help="the identifier of the app's API")
    asked = parser.parse_args()
    try:
        return _run(asked)
    except TenantError as error:
        print(error, file=sys.stderr)
        return 2


def _run(asked: argparse.Namespace) -> int:
    reason = reason_not_to_start(os.environ)
    if reason:
        raise TenantError(reason)
    if not is_loopback(asked.host):
        raise TenantError(
            f"The tenant only runs on this machine: --host must be localhost, 127.0.0.1 or ::1, not {asked.host}."
        )
    if not 0 < asked.port <= _MAX_PORT:
        raise TenantError(f"The port must be between 1 and {_MAX_PORT}, not {asked.port}.")
    name = f"[{asked.host}]" if ":" in asked.host else asked.host
    config = TenantConfig(
        issuer=f"http://{name}:{asked.port}/",
        state_dir=asked.state_dir,
        app_url=asked.app_url.removesuffix("/"),
        audience=asked.audience,
    )
    sockets = _listen(asked.host, asked.port)
    try:
        server = uvicorn.Server(
            uvicorn.Config(
                create_app(config),
                log_level="warning",
                access_log=False,
                server_header=False,
                proxy_headers=False,
                ws="none",
                timeout_graceful_shutdown=1,
            )
        )
        for number in (signal.SIGTERM, signal.SIGINT):
            # uvicorn stops on these, then raises them again for whoever handled them before: that must not fail.
            signal.signal(number, lambda *_: None)
        print(
            f"The development tenant is at {config.issuer} for {config.app_url} (state in {config.state_dir}).",
            flush=True,
        )
        server.run(sockets=sockets)
    finally:
        for listener in sockets:
            listener.close()
    return 0


def _listen(host: str, port: int) -> list[socket.socket]:
    """Listen on every loopback address the name stands for, so that nobody else can answer for one of them."""
    addresses = {"localhost": ["127.0.0.1", "::1"]}.get(host, [host])
    found: list[socket.socket] = []
    for address in addresses:
        listener = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((address, port))
            listener.listen(128)
        except OSError as error:
            listener.close()
            if found and error.errno != errno.EADDRINUSE:
                continue  # this machine has no IPv6
            for other in found:
                other.close()
            taken = error.errno == errno.EADDRINUSE
            what = f"Port {port} is taken" if taken else f"{address}:{port} cannot be used ({error.strerror})"
            raise TenantError(f"{what}: stop what uses it, or choose another with --port.") from error
        found.append(listener)
    return found


if __name__ == "__main__":
    sys.exit(main())
