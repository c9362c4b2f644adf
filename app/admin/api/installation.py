"""Calls about the installation as a whole: its numbers, and what in the code asks for which permission."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from app import access
from app.admin.api.responses import asked, read, read_list
from app.api_client import call, path
from app.core.directory import GuardKind
from app.core.permissions import Permission


@dataclass(frozen=True, slots=True)
class Day:
    """What happened on one day (UTC)."""

    day: date
    sign_ins: int
    denials: int
    page_views: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Attention:
    """What an administrator should look at; lists hold the first 20."""

    unused_roles: tuple[str, ...]
    permissions_held_by_nobody: tuple[str, ...]
    permissions_asked_nowhere: tuple[str, ...]
    unmapped_token_roles: tuple[str, ...]
    people_without_roles: int
    blocked_people: int
    administrators: int


@dataclass(frozen=True, slots=True)
class Statistics:
    """The installation in numbers."""

    people: int
    machines: int
    sessions: int
    roles: int
    days: tuple[Day, ...]
    attention: Attention


@dataclass(frozen=True, slots=True)
class Guard:
    """One place in the code that asks for a permission; ``permission`` empty means: somebody signed in."""

    kind: GuardKind
    name: str
    permission: str
    file: str
    line: int
    process: str
    version: str
    published_at: datetime | None


@access.requires(Permission.READ_STATISTICS)
def statistics(days: int = 30) -> Statistics:
    """The installation in numbers, with what happened on each of the last ``days`` days."""
    return read(call("GET", path("statistics"), params=asked(days=days)), Statistics)


@access.requires(Permission.READ_GUARDS)
def guards() -> tuple[Guard, ...]:
    """Everything that processes published, by kind and name."""
    return read_list(call("GET", path("guards")), "guards", Guard)
