"""The correlation id: a short id that a request, its audit events and its log lines have in common."""

from __future__ import annotations

import re
import secrets
from contextvars import ContextVar
from typing import Final

HEADER: Final = "X-Correlation-ID"

_PATTERN: Final = re.compile(r"[A-Za-z0-9-]{8,64}")
_current: ContextVar[str] = ContextVar("correlation_id", default="")


def begin(received: str | None = None, own: str = "") -> str:
    """Set the id of a new unit of work: ``received`` if it is well formed, else ``own`` or a new one. Returns it."""
    value = received if received and _PATTERN.fullmatch(received) else own or secrets.token_hex(8)
    _current.set(value)
    return value


def known() -> str:
    """Return the id of the current unit of work; empty if there is none."""
    return _current.get()


def current() -> str:
    """Return the id of the current unit of work, which gets a new one if it has none."""
    return _current.get() or begin()
