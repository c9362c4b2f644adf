"""``gatehouse dev``: local tenant, remote API and app as child processes, for development.

It waits until each is healthy, prints a banner, and stops all of them on Ctrl-C or SIGTERM.
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

import click
import requests

from app.cli import preflight
from app.cli.command import InstallationCommand
from app.cli.database import migrate_database
from app.cli.installation import NamedInstallation
from app.cli.options import script_argument
from app.cli.sample_data import PEOPLE, add_tenant_people
from app.core.command_text import command_text
from app.core.errors import ConfigurationError, ServiceUnavailable
from app.core.http_client import http_session
from app.core.settings import ProcessKind, Settings
from app.core.variables import AUTH0_ALIASES, variable
from db import require_migratable, require_secret

_START_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 8.0
_GRACE_SECONDS: Final = 0.1


@dataclass(slots=True)
class _Child:
    """A child process; ``health`` is the address that answers 200 when it is ready."""

    name: str
    arguments: list[str]
    health: str
    process: subprocess.Popen[bytes] | None = field(default=None)


@click.command("dev", cls=InstallationCommand, reports_settings=True, overrides_app=True)
@script_argument
@click.option("--tenant-port", type=int, default=9000, show_default=True, help="Port of the local tenant.")
@click.option(
    "--sample-data/--no-sample-data",
    default=True,
    show_default=True,
    help="Whether an empty database gets the people of the local tenant, who have not signed in yet.",
)
@click.pass_obj
def dev(named: NamedInstallation, *, tenant_port: int, sample_data: bool) -> int:
    """Start local tenant, remote API and app for development.

    With SCRIPT a Streamlit script of your own is served in place of the product's pages. Ctrl-C stops everything.
    """
    return run(tenant_port, named.script, named.state, sample_data=sample_data)


def run(
    tenant_port: int = 9000, script: Path | None = None, state: Path | None = None, *, sample_data: bool = True
) -> int:
    """Run until stopped; returns 0 when it was stopped, 2 when a process could not start or ended by itself.

    Args:
        tenant_port: Port of the local tenant.
        script: Script of a hosted app, served in place of the product's pages.
        state: The state folder, instead of the configured one.
        sample_data: Whether an empty database gets the people of the local tenant.

    Raises:
        ConfigurationError: with every mistake that keeps a process from starting.
        ServiceUnavailable: if a process ends while it starts, or is not healthy in time.
    """
    script = script.resolve() if script is not None else None
    preflight.require_script(script)
    settings = preflight.read_settings(tuple(ProcessKind), script, state)
    issuer = f"http://localhost:{tenant_port}/" if settings.local_tenant else settings.issuer
    if mistakes := _mistakes(settings, script, tenant_port):
        raise ConfigurationError(mistakes)
    require_migratable(settings.database_url)
    require_secret(settings)
    # Files are written and processes started from here on.
    folder = settings.state_folder.absolute()
    children = _children(settings, issuer, script)
    print(f"state in {folder}", flush=True)
    migrate_database(app=script, state=state)
    if sample_data and settings.local_tenant:
        _report_sample_data(add_tenant_people(issuer, app=script, state=state), folder)
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


def _report_sample_data(added: int, folder: Path) -> None:
    if added:
        print(
            f"sample data: the database was empty, so the {added} people of the local tenant were added to it. They\n"
            "  have not signed in yet, and have the roles of the tenant. To start without them: stop, delete\n"
            f"  {folder}, and start with --no-sample-data (make run ARGS=--no-sample-data).",
            flush=True,
        )


def _mistakes(settings: Settings, script: Path | None, tenant_port: int) -> list[str]:
    """What keeps a process from starting, a sentence each."""
    mistakes = preflight.development_mistakes(settings)
    app, api = urlsplit(settings.app_base_url).port, urlsplit(settings.remote_api_base_url).port
    listeners = [preflight.Listener("local tenant", "127.0.0.1", tenant_port)] if settings.local_tenant else []
    listeners += [
        preflight.Listener(name, "127.0.0.1", port)
        for name, port in (("remote API", api), ("app", app))
        if port is not None  # a missing port is reported by development_mistakes
    ]
    return mistakes + preflight.start_mistakes(settings, script, listeners)


def _children(settings: Settings, issuer: str, script: Path | None = None) -> list[_Child]:
    """The processes in the order in which they start; without the local tenant if a real one is configured."""
    app, api = urlsplit(settings.app_base_url), urlsplit(settings.remote_api_base_url)
    # -P removes the working folder from the module search, where a script called app.py would shadow `-m app`.
    python = [sys.executable, *(["-P"] if script is not None else [])]
    hosted = [str(script.resolve())] if script is not None else []
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
            [*python, "-m", "app", "serve", *hosted, "--port", str(app.port or 8501)],
            f"{settings.app_base_url}/_stcore/health",
        )
    )
    return children


def _environment(script: Path | None, folder: Path) -> Mapping[str, str]:
    """The environment of every child process: it names the hosted app and the state folder."""
    app = {"GATEHOUSE_APP": str(script)} if script is not None else {}
    return {**os.environ, **app, "GATEHOUSE_STATE": str(folder), "PYTHONUNBUFFERED": "1"}


def _start(child: _Child, environment: Mapping[str, str]) -> None:
    # In a session of its own, so that Ctrl-C reaches only this process, which stops its children in order.
    child.process = subprocess.Popen(child.arguments, env=environment, start_new_session=True)  # noqa: S603 - fixed


def _wait_healthy(child: _Child, stop: Event, http: requests.Session) -> None:
    """Wait until the child process is healthy.

    Raises:
        ServiceUnavailable: if it ends, or is not healthy in time.
    """
    deadline = time.monotonic() + _START_SECONDS
    while not stop.is_set():
        if child.process is None or child.process.poll() is not None:
            raise ServiceUnavailable(f"The {child.name} could not start; its output is above.")
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
    """Terminate the child processes in reverse order, and kill those that do not end in time."""
    alive = [child.process for child in reversed(children) if child.process is not None]
    _each_alive(alive, lambda process: process.terminate())
    deadline = time.monotonic() + _STOP_SECONDS
    for process in alive:
        try:
            process.wait(timeout=max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            _each_alive([process], lambda process: os.killpg(process.pid, signal.SIGKILL))
            process.wait()


def _each_alive(processes: list[subprocess.Popen[bytes]], action: Callable[[subprocess.Popen[bytes]], None]) -> None:
    for process in processes:
        if process.poll() is None:
            with suppress(ProcessLookupError):  # it may end meanwhile
                action(process)


def banner(settings: Settings, issuer: str, folder: Path) -> str:
    """The text that is printed once everything runs."""
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
            *(f"    {person.name:<14} {person.role or person.label:<24} {person.description}" for person in PEOPLE),
            "",
            f"  To connect a real Auth0 tenant, put {connect[0]}, {connect[1]},",
            f"  {connect[2]} and {connect[3]} into .env and start again.",
            "  docs/how-to/connect-auth0.md has the steps.",
        ]
    else:
        lines += [f"    Sign-in      {issuer}", f"    State        {folder}"]
    return "\n".join([*lines, "", "  Ctrl-C stops everything.", ""])
