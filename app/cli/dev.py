"""Everything together for development: local tenant, remote API and app as child processes, under one roof.

Waits until each is healthy, prints one banner, and stops all of them on Ctrl-C or SIGTERM with nothing left behind.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from threading import Event
from typing import Final
from urllib.parse import urlsplit

import requests

from app.cli import commands, preflight
from app.core.command_text import command_text
from app.core.errors import ConfigurationError, ServiceUnavailable
from app.core.http_client import http_session
from app.core.settings import Process, Settings
from app.core.variables import AUTH0_ALIASES, variable
from db import require_migratable, require_secret

_START_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 8.0
_GRACE_SECONDS: Final = 0.1


@dataclass(slots=True)
class _Child:
    """One process of ours."""

    name: str
    arguments: list[str]
    health: str
    process: subprocess.Popen[bytes] | None = field(default=None)


def run(tenant_port: int = 9000, script: Path | None = None, state: Path | None = None) -> int:
    """Run until stopped; 0 after a wished stop, 2 when something could not start or fell over.

    Args:
        tenant_port: Port of the local tenant.
        script: Script of a hosted app, served instead of our pages.
        state: The state folder, instead of the configured one.
    """
    script = script.resolve() if script is not None else None
    preflight.require_script(script)
    settings = preflight.read_settings(tuple(Process), script, state)
    issuer = f"http://localhost:{tenant_port}/" if settings.local_tenant else settings.issuer
    if mistakes := _mistakes(settings, script, tenant_port):
        raise ConfigurationError(mistakes)
    require_migratable(settings.database_url)
    require_secret(settings)
    # From here on things are written and started.
    folder = settings.state_folder.absolute()
    children = _children(settings, issuer, script)
    print(f"state in {folder}", flush=True)
    commands.migrate(app=script, state=state)
    environment = _environment(script, folder)
    stop, http = Event(), http_session(ca_bundle=settings.ca_bundle)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    try:
        for child in children:
            if stop.is_set():
                return 0
            print(f"starting {child.name} …", flush=True)
            _start(child, environment)
            _wait_healthy(child, stop, http)
        if not stop.is_set():
            print(banner(settings, issuer, folder), flush=True)
        while not stop.wait(0.5):
            for child in children:
                if child.process is not None and child.process.poll() is not None:
                    print(f"{child.name} stopped by itself (status {child.process.returncode}).", file=sys.stderr)
                    return 2
    finally:
        _stop_all(children)
    print("All stopped.", flush=True)
    return 0


def _mistakes(settings: Settings, script: Path | None, tenant_port: int) -> list[str]:
    """Whatever keeps this from starting, a sentence each."""
    found = preflight.development_mistakes(settings)
    app, api = urlsplit(settings.app_base_url).port, urlsplit(settings.remote_api_base_url).port
    listeners = [preflight.Listener("local tenant", "127.0.0.1", tenant_port)] if settings.local_tenant else []
    listeners += [
        preflight.Listener(name, "127.0.0.1", port)
        for name, port in (("remote API", api), ("app", app))
        if port is not None  # that is a mistake of its own
    ]
    return found + preflight.start_mistakes(settings, script, listeners)


def _children(settings: Settings, issuer: str, script: Path | None = None) -> list[_Child]:
    """What to start, in order; with a real tenant configured the local one is left out."""
    app, api = urlsplit(settings.app_base_url), urlsplit(settings.remote_api_base_url)
    # Beside a script called app.py, -m app must not find that one: -P leaves this folder out of the search.
    python = [sys.executable, *(["-P"] if script is not None else [])]
    served = [str(script.resolve())] if script is not None else []
    children = []
    if settings.local_tenant:
        tenant = urlsplit(issuer)
        children.append(
            _Child(
                "local tenant",
                [*python, "-m", "component.dev_tenant", "--port", str(tenant.port), "--app-url", settings.app_base_url],
                f"{issuer}healthz",
            )
        )
    children.append(
        _Child(
            "remote API",
            [*python, "-m", "remote_api", "--port", str(api.port or 8888)],
            f"{settings.remote_api_base_url}/healthz",
        )
    )
    children.append(
        _Child(
            "app",
            [*python, "-m", "app", "serve", *served, "--port", str(app.port or 8501)],
            f"{settings.app_base_url}/_stcore/health",
        )
    )
    return children


def _environment(script: Path | None, folder: Path) -> Mapping[str, str]:
    """The environment of every child, so that all know the hosted app, what it declares, and the state folder."""
    app = {"GATEHOUSE_APP": str(script)} if script is not None else {}
    return {**os.environ, **app, "GATEHOUSE_STATE": str(folder), "PYTHONUNBUFFERED": "1"}


def _start(child: _Child, environment: Mapping[str, str]) -> None:
    # A session of its own: Ctrl-C in the terminal reaches only this process, which stops them in order.
    child.process = subprocess.Popen(child.arguments, env=environment, start_new_session=True)  # noqa: S603 - fixed


def _wait_healthy(child: _Child, stop: Event, http: requests.Session) -> None:
    """Wait until it answers; raises ``ServiceUnavailable`` when it ends or takes too long."""
    deadline = time.monotonic() + _START_SECONDS
    while not stop.is_set():
        if child.process is None or child.process.poll() is not None:
            raise ServiceUnavailable(f"The {child.name} could not start; what it said stands above.")
        if _healthy(child.health, http):
            return
        if time.monotonic() > deadline:
            raise ServiceUnavailable(f"The {child.name} did not answer within {_START_SECONDS:.0f} seconds.")
        stop.wait(_GRACE_SECONDS)


def _healthy(url: str, http: requests.Session) -> bool:
    try:
        return http.get(url, timeout=2, allow_redirects=False).status_code == HTTPStatus.OK
    except requests.RequestException:
        return False


def _stop_all(children: list[_Child]) -> None:
    """Stop in the reverse order; kill what does not go."""
    alive = [child.process for child in reversed(children) if child.process is not None]
    _each(alive, lambda process: process.terminate())
    deadline = time.monotonic() + _STOP_SECONDS
    for process in alive:
        try:
            process.wait(timeout=max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            _each([process], lambda process: os.killpg(process.pid, signal.SIGKILL))
            process.wait()


def _each(processes: list[subprocess.Popen[bytes]], do: Callable[[subprocess.Popen[bytes]], None]) -> None:
    for process in processes:
        if process.poll() is None:
            with suppress(ProcessLookupError):  # it may go by itself in this very moment
                do(process)


_PEOPLE: Final = (
    ("Ada Okafor", "administrator", "everything"),
    ("Bruno Silva", "analyst", "reads and exports reports, explores CSV files"),
    ("Chiyo Tanaka", "viewer", "reads reports"),
    ("Dev Patel", "developer", "tries the remote API"),
    ("Gita Rao", "auditor", "looks at everything, changes nothing"),
    ("Eva Novak", "no role", "sees Home and Profile only"),
    ("Frank Moreau", "blocked at the provider", "cannot sign in"),
)


def banner(settings: Settings, issuer: str, folder: Path) -> str:
    """What a newcomer needs to know, once everything runs."""
    lines = [
        "",
        "  Gatehouse is running.",
        "",
        f"    App          {settings.app_base_url}",
        f"    Remote API   {settings.remote_api_base_url}   (description: /docs)",
    ]
    if any(os.environ.get(name) for name in ("GATEHOUSE_APP", "GATEHOUSE_STATE")):
        lines.append(f"    Commands     {command_text('doctor')}   (others with the same options)")
    connect = [variable(name) if settings.gatehouse_app is not None else name for name in AUTH0_ALIASES]
    if settings.local_tenant:
        lines += [
            f"    Sign-in      {issuer}   (local tenant, development only)",
            f"    State        {folder}",
            "",
            "  Sign in as one of these people; there are no passwords here:",
            "",
            *(f"    {name:<14} {role:<24} {may}" for name, role, may in _PEOPLE),
            "",
            f"  To connect a real Auth0 tenant, put {connect[0]}, {connect[1]},",
            f"  {connect[2]} and {connect[3]} into .env and start again.",
            "  docs/how-to/connect-auth0.md has the steps.",
        ]
    else:
        lines += [f"    Sign-in      {issuer}", f"    State        {folder}"]
    return "\n".join([*lines, "", "  Ctrl-C stops everything.", ""])
