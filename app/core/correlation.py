"""The correlation id: one short id that ties a request, what it caused and what was written about it together."""

from __future__ import annotations

import re
import secrets
from contextvars import ContextVar
from typing import Final

HEADER: Final = "X-Correlation-ID"

_PATTERN: Final = re.compile(r"[A-Za-z0-9-]{8,64}")
_current: ContextVar[str] = ContextVar("correlation_id", default="")


def begin(given: str | None = None, own: str = "") -> str:
    """Begin a new unit of work: take ``given`` if it looks like one of ours, else ``own`` or a new one. Returns it."""
    value = given if given and _PATTERN.fullmatch(given) else own or secrets.token_hex(8)
    _current.set(value)
    return value


def known() -> str:
    """The id of the present unit of work; empty where none has begun."""
    return _current.get()


def current() -> str:
    """The id of the present unit of work; a new one begins where there was none."""
    return _current.get() or begin()
