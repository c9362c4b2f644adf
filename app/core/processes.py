"""The processes of an installation."""

from __future__ import annotations

from enum import StrEnum


class Process(StrEnum):
    """Which process is asking; each is asked only for what it needs."""

    APP = "app"
    API = "api"
    CLI = "cli"
