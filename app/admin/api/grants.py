"""Calls for grants: grant and revoke roles and permissions, for one person or many."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Literal, NamedTuple

from app import access
from app.admin.api.parameters import query_params
from app.api_client import call, path
from app.core.contract.grants import BulkResult, BulkResults
from app.core.contract.people import PersonBody
from app.core.permissions import Permission

_CREATED: Final = 201


class Grantable(NamedTuple):
    """A role or a permission, by name."""

    kind: Literal["role", "permission"]
    name: str


@access.requires(Permission.MANAGE_GRANTS)
def add_grant(
    person_id: int, item: Grantable, *, expires_at: datetime | None = None, reason: str, version: str
) -> tuple[PersonBody, bool]:
    """Grant a role or permission to a person; return the changed person, and whether the grant is new.

    Raises:
        StaleVersion: The person changed meanwhile.
        SelfGrant: The person is the caller.
        ExceedsOwnPermissions: The caller does not hold every permission that is granted.
    """
    body = {item.kind: item.name, "reason": reason} | _expiry(expires_at)
    answer = call("POST", path("people", person_id, "grants"), body=body, version=version)
    return answer.read(PersonBody), answer.status == _CREATED


@access.requires(Permission.MANAGE_GRANTS)
def revoke_grant(person_id: int, grant: int, *, reason: str, version: str) -> PersonBody:
    """Revoke one grant, and withhold an automatic one; return the changed person.

    Raises:
        StaleVersion: The person changed meanwhile.
        LastAdministrator: It is the last permanent grant of the administrator role.
    """
    address = path("people", person_id, "grants", grant)
    return call("DELETE", address, params=query_params(reason=reason), version=version).read(PersonBody)


@access.requires(Permission.MANAGE_GRANTS)
def release_withheld(person_id: int, withheld: int, *, reason: str, version: str) -> PersonBody:
    """Stop withholding a role or permission; return the changed person.

    Raises:
        StaleVersion: The person changed meanwhile.
        SelfGrant: The person is the caller.
        ExceedsOwnPermissions: The caller does not hold every permission that is released.
    """
    address = path("people", person_id, "withheld", withheld)
    return call("DELETE", address, params=query_params(reason=reason), version=version).read(PersonBody)


@access.requires(Permission.MANAGE_GRANTS)
def grant_to_many(
    people: Sequence[int], item: Grantable, *, expires_at: datetime | None = None, reason: str
) -> tuple[BulkResult, ...]:
    """Grant a role or permission to at most ``MAX_BULK_PEOPLE`` people, each in its own transaction."""
    body = {"action": "grant", item.kind: item.name, "people": list(people), "reason": reason} | _expiry(expires_at)
    return call("POST", path("grants", "bulk"), body=body).read(BulkResults).results


@access.requires(Permission.MANAGE_GRANTS)
def revoke_from_many(
    people: Sequence[int], item: Grantable, *, automatic: bool = True, reason: str
) -> tuple[BulkResult, ...]:
    """Revoke a role or permission from at most ``MAX_BULK_PEOPLE`` people; ``automatic``: automatic grants too."""
    body = {
        "action": "revoke",
        item.kind: item.name,
        "people": list(people),
        "automatic": automatic,
        "reason": reason,
    }
    return call("POST", path("grants", "bulk"), body=body).read(BulkResults).results


def _expiry(expires_at: datetime | None) -> dict[str, object]:
    return {} if expires_at is None else {"until": expires_at.isoformat()}
