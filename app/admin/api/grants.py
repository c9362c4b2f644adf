"""Calls about grants: giving roles and permissions and taking them away, to one person or to many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, NamedTuple

from app import access
from app.admin.api.people import Card, card_of
from app.admin.api.responses import asked, read_list
from app.api_client import call, path
from app.core.permissions import Permission

MAX_BULK_PEOPLE: Final = 200
"""People in one bulk call at most."""
_CREATED: Final = 201


class What(NamedTuple):
    """What is given or taken away: a role or a single permission, by name."""

    kind: Literal["role", "permission"]
    name: str


@dataclass(frozen=True, slots=True)
class Fault:
    """Why one of many was refused."""

    code: str
    title: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one person of many."""

    person: int
    outcome: Literal["done", "unchanged", "refused", "unknown"]
    problem: Fault | None


@access.requires(Permission.MANAGE_GRANTS)
def add_grant(
    person_id: int, what: What, *, until: datetime | None = None, reason: str, version: str
) -> tuple[Card, bool]:
    """Give somebody a role or permission; returns their card as it is then, and whether it is new to them.

    Raises ``StaleVersion``, ``SelfGrant`` or ``NotHeld``.
    """
    body = {what.kind: what.name, "reason": reason} | _until(until)
    answer = call("POST", path("people", person_id, "grants"), body=body, version=version)
    return card_of(answer), answer.status == _CREATED


@access.requires(Permission.MANAGE_GRANTS)
def revoke_grant(person_id: int, grant: int, *, reason: str, version: str) -> Card:
    """Revoke one grant; an automatic one is withheld. Raises ``StaleVersion``, ``LastAdministrator``."""
    address = path("people", person_id, "grants", grant)
    return card_of(call("DELETE", address, params=asked(reason=reason), version=version))


@access.requires(Permission.MANAGE_GRANTS)
def release_withheld(person_id: int, withheld: int, *, reason: str, version: str) -> Card:
    """Let the automatic sources give again what was withheld. Raises ``StaleVersion``, ``SelfGrant``, ``NotHeld``."""
    address = path("people", person_id, "withheld", withheld)
    return card_of(call("DELETE", address, params=asked(reason=reason), version=version))


@access.requires(Permission.MANAGE_GRANTS)
def grant_to_many(
    people: Sequence[int], what: What, *, until: datetime | None = None, reason: str
) -> tuple[Result, ...]:
    """Give it to all of these (at most ``MAX_BULK_PEOPLE``); each is done or refused alone."""
    body = {"action": "grant", what.kind: what.name, "people": list(people), "reason": reason} | _until(until)
    return read_list(call("POST", path("grants", "bulk"), body=body), "results", Result)


@access.requires(Permission.MANAGE_GRANTS)
def revoke_from_many(people: Sequence[int], what: What, *, automatic: bool = True, reason: str) -> tuple[Result, ...]:
    """Revoke it from all of these (at most ``MAX_BULK_PEOPLE``); ``automatic``: what is given automatically too."""
    body = {
        "action": "revoke",
        what.kind: what.name,
        "people": list(people),
        "automatic": automatic,
        "reason": reason,
    }
    return read_list(call("POST", path("grants", "bulk"), body=body), "results", Result)


def _until(until: datetime | None) -> dict[str, object]:
    return {} if until is None else {"until": until.isoformat()}
