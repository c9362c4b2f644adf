"""``python -m component.dev_tenant``: run the tenant on this machine until it is stopped."""

from __future__ import annotations

import argparse
import errno
import os
import signal
import socket
import sys
from pathlib import Path

import structlog
import uvicorn

from component.dev_tenant.config import DEFAULT_AUDIENCE, TenantConfig, TenantError, is_loopback, reason_not_to_start
from component.dev_tenant.routes import create_app

_MAX_PORT = 65_535


def main() -> int:
    """Run the tenant; returns the exit status: 0 when stopped, 2 when it could not start."""
    parser = argparse.ArgumentParser(prog="python -m component.dev_tenant", description="The local development tenant.")
    parser.add_argument("--host", default="localhost", help="a loopback name: localhost, 127.0.0.1 or ::1")
    parser.add_argument("--port", type=int, default=9000)
    state = Path(os.environ.get("GATEHOUSE_STATE") or "var") / "tenant"
    parser.add_argument("--state-dir", type=Path, default=state, help="where keys and passwords are kept")
    parser.add_argument("--app-url", default="http://localhost:8501", help="the app that signs people in here")
    parser.add_argument("--audience", default=DEFAULT_AUDIENCE, help="the identifier of the app's API")
    arguments = parser.parse_args()
    structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))
    try:
        return _run(arguments)
    except TenantError as error:
        print(error, file=sys.stderr)
        return 2


def _run(arguments: argparse.Namespace) -> int:
    reason = reason_not_to_start(os.environ)
    if reason:
        raise TenantError(reason)
    if not is_loopback(arguments.host):
        raise TenantError(
            f"The tenant only runs on this machine: --host must be localhost, 127.0.0.1 or ::1, not {arguments.host}."
        )
    if not 0 < arguments.port <= _MAX_PORT:
        raise TenantError(f"The port must be between 1 and {_MAX_PORT}, not {arguments.port}.")
    name = f"[{arguments.host}]" if ":" in arguments.host else arguments.host
    config = TenantConfig(
        issuer=f"http://{name}:{arguments.port}/",
        state_dir=arguments.state_dir,
        app_url=arguments.app_url.removesuffix("/"),
        audience=arguments.audience,
    )
    sockets = _listen(arguments.host, arguments.port)
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
            # uvicorn stops on these signals, then raises them again for the previous handler, which must not fail.
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
    """Listen on every loopback address the name stands for, so that no other process can answer on one of them."""
    addresses = {"localhost": ["127.0.0.1", "::1"]}.get(host, [host])
    listeners: list[socket.socket] = []
    for address in addresses:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        try:
            listeners.append(socket.create_server((address, port), family=family, backlog=128))
        except OSError as error:
            taken = error.errno == errno.EADDRINUSE
            if listeners and not taken:
                continue  # this machine has no IPv6
            for other in listeners:
                other.close()
            reason = os.strerror(error.errno) if error.errno else str(error)
            problem = f"Port {port} is taken" if taken else f"{address}:{port} cannot be used ({reason})"
            raise TenantError(f"{problem}: stop what uses it, or choose another with --port.") from error
    return listeners


if __name__ == "__main__":
    sys.exit(main())
