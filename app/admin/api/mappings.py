"""Calls about mappings: which role of a token becomes which role here."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from app import access
from app.admin.api.responses import Page, asked, read, read_page
from app.api_client import call, path
from app.core.permissions import Permission


@dataclass(frozen=True, slots=True)
class Local:
    """A local role that a token role becomes."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Mapping:
    """What a token role becomes here; no roles where it is mapped nowhere. ``people``: in how many last tokens."""

    token_role: str
    roles: tuple[Local, ...]
    people: int
    version: str
    own_name: bool = False
    """Whether it becomes the built-in role of its name as well, without a mapping: in development."""


@dataclass(frozen=True, slots=True)
class Mapped:
    """What became of a change."""

    mapping: Mapping
    people_changed: int


@access.requires(Permission.READ_MAPPINGS)
def mappings(text: str = "", *, unmapped: bool = False, cursor: str = "", limit: int = 50) -> Page[Mapping]:
    """Token roles that are mapped, or that arrived in tokens; ``unmapped``: only those mapped nowhere."""
    params = asked(q=text, unmapped=unmapped, cursor=cursor, limit=limit)
    return read_page(call("GET", path("mappings"), params=params), "mappings", Mapping)


@access.requires(Permission.MANAGE_MAPPINGS)
def set_mapping(token_role: str, roles: Collection[int], *, reason: str, version: str) -> Mapped:
    """Map a token role to exactly these roles. Raises ``StaleVersion``, ``NotHeld``."""
    body = {"token_role": token_role, "roles": sorted(roles), "reason": reason}
    return read(call("PUT", path("mappings"), body=body, version=version), Mapped)
