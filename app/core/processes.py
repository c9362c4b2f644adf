"""The processes of an installation."""

from __future__ import annotations

from enum import StrEnum


class ProcessKind(StrEnum):
    """The kind of process: each requires only the settings that it uses."""

    APP = "app"
    API = "api"
    CLI = "cli"
