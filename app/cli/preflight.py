"""Checks of ``gatehouse dev`` and ``gatehouse serve`` before anything is written or started."""

from __future__ import annotations

import errno
import json
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from app import navigation
from app.core import settings_loading
from app.core.errors import ConfigurationError
from app.core.hosted_app_config import HostedAppConfig, load_hosted_app_config
from app.core.hosting import hosting_mistakes
from app.core.settings import ProcessKind, Settings
from app.core.state import TENANT
from app.core.variables import variable

SUPPORTED_STREAMLIT: Final = "1.67"
_MAX_PORT: Final = 65_535
_LOOPBACK: Final = ("localhost", "127.0.0.1")


@dataclass(frozen=True, slots=True)
class Listener:
    """A process that is going to listen at an address: its name in messages, and the address."""

    name: str
    address: str
    port: int


def require_script(script: Path | None) -> None:
    """Check that the command line names a script, or none.

    Raises:
        ConfigurationError: if the path is not a file.
    """
    if script is not None and not script.is_file():
        raise ConfigurationError(hosting_mistakes(script, HostedAppConfig()))


def read_settings(processes: Sequence[ProcessKind], script: Path | None, state: Path | None) -> Settings:
    """Read the settings of several processes, and write nothing.

    Raises:
        ConfigurationError: with the mistakes of all processes, each once.
    """
    mistakes: list[str] = []
    settings = None
    for process in processes:
        try:
            settings = settings_loading.read(process, app=script, state=state)
        except ConfigurationError as error:
            mistakes += [mistake for mistake in error.mistakes if mistake not in mistakes]
    if mistakes or settings is None:
        raise ConfigurationError(mistakes)
    return settings


def start_mistakes(settings: Settings, script: Path | None, listeners: Sequence[Listener]) -> list[str]:
    """Return the mistakes that keep the app from starting, a sentence each: scripts, Streamlit, ports, folders."""
    app = hosting_mistakes(script, load_hosted_app_config(script)) if script is not None else navigation.mistakes()
    return [*app, *streamlit_mistakes(version("streamlit")), *port_mistakes(listeners), *_folder_mistakes(settings)]


def development_mistakes(settings: Settings) -> list[str]:
    """Return the mistakes that keep only ``gatehouse dev`` from starting."""
    if settings.production:
        return ["GATEHOUSE_ENV is production: `gatehouse dev` is for development only."]
    mistakes = []
    for field in ("app_base_url", "remote_api_base_url"):
        parts = urlsplit(getattr(settings, field))
        if parts.scheme != "http" or parts.hostname not in _LOOPBACK or parts.port is None:
            mistakes.append(
                f"{variable(field)} must be plain http on localhost with a port for `gatehouse dev`, such as "
                f"{Settings.model_fields[field].default}."
            )
    if not settings.local_tenant:
        return mistakes
    if find_spec("component.dev_tenant") is None:
        mistakes.append(
            "No tenant is configured, and the local one is part of the source tree only, not of the package."
        )
    return mistakes + [
        f"The local tenant's file {file} is damaged; delete it and start again."
        for file in sorted((settings.state_folder / TENANT).glob("*.json"))
        if not _is_json(file)
    ]


def streamlit_mistakes(installed: str) -> list[str]:
    """Return a sentence if the installed version of Streamlit is not the supported one."""
    if installed == SUPPORTED_STREAMLIT or installed.startswith(f"{SUPPORTED_STREAMLIT}."):
        return []
    return [f"Streamlit {installed} is installed, and this version of Gatehouse guards {SUPPORTED_STREAMLIT} only."]


def port_mistakes(listeners: Sequence[Listener]) -> list[str]:
    """Return a sentence for every port that cannot be used; no port stays bound."""
    mistakes, used = [], dict[int, str]()
    for listener in listeners:
        port, name = listener.port, listener.name
        if not 0 < port <= _MAX_PORT:
            mistakes.append(f"The port of the {name} must be between 1 and {_MAX_PORT}, not {port}.")
        elif port in used:
            mistakes.append(
                f"Port {port} is meant for the {used[port]} and the {name}: choose another for one of them."
            )
        elif reason := _bind(listener):
            mistakes.append(f"Port {port} {reason}, and the {name} needs it: stop what uses it and start again.")
        used.setdefault(port, name)
    return mistakes


def _bind(listener: Listener) -> str | None:
    """Return the reason why the port cannot be used; None if it can."""
    family = socket.AF_INET6 if ":" in listener.address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((listener.address, listener.port))
        except OSError as error:
            return "is taken" if error.errno == errno.EADDRINUSE else f"cannot be used ({error.strerror})"
    return None


def _folder_mistakes(settings: Settings) -> list[str]:
    """Return a sentence if the state folder cannot be made or written. In production it is not used."""
    if settings.production:
        return []
    folder = settings.state_folder.absolute()
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if folder.is_dir() and os.access(folder, os.W_OK | os.X_OK):
        return []
    return [f"The state folder {settings.state_folder} cannot be made or written: name another by GATEHOUSE_STATE."]


def _is_json(file: Path) -> bool:
    try:
        json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return True
