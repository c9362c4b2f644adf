"""Creating, changing and deleting roles. Adding a permission to a role grants it to everyone who has the role."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from app.core.administration.authorized_actor import (
    Actor,
    AuthorizedActor,
    Detail,
    authorize,
    check_version,
    checked_reason,
)
from app.core.administration.rules import (
    keeping_an_administrator,
    require_held,
    require_nothing_gained,
    require_role_held,
)
from app.core.administration_ports import AdministrationUnit
from app.core.administration_records import RoleCard
from app.core.audit import AuditKind
from app.core.errors import BuiltInRole, InvalidInput, NameTaken, NotFound, RoleInUse
from app.core.permissions import ADMINISTRATOR, ROLES, Permission
from app.core.records import MAX_ROLE_DESCRIPTION_CHARACTERS, MAX_ROLE_NAME_CHARACTERS

_NO_ROLE: Final = "There is no such role."


def create_role(
    unit: AdministrationUnit,
    actor: Actor,
    *,
    name: str,
    description: str,
    permissions: frozenset[str],
    reason: str,
    now: datetime,
) -> int:
    """Create a role.

    Returns:
        Its id.

    Raises:
        ExceedsOwnPermissions: for permissions that the administrator does not have.
        NameTaken: if a role has this name or one that looks the same.
        InvalidInput: for a name, description, permission or reason that cannot be.
    """
    authorized_actor = authorize(unit, actor, Permission.MANAGE_ROLES, now)
    reason = checked_reason(reason)
    name, description = _checked_name(name), _checked_description(description)
    _require_known(unit, permissions)
    _require_free(unit, name, now, but=None)
    require_held(authorized_actor, permissions, name)
    role = unit.add_role(name, description, permissions)
    unit.record(
        authorized_actor.event(AuditKind.ROLE_CREATE, name, reason, role=role, permissions=_listed(permissions))
    )
    return role


def update_role(
    unit: AdministrationUnit,
    actor: Actor,
    *,
    role: int,
    name: str,
    description: str,
    permissions: frozenset[str],
    reason: str,
    version: str | None,
    now: datetime,
) -> None:
    """Set name, description and permissions of a role; nothing happens if they are so already.

    Raises:
        ExceedsOwnPermissions: for added permissions that the administrator does not have.
        SelfGrant: if the administrator would gain by the added permissions.
        BuiltInRole: if the change is not allowed for a built-in role.
        NameTaken: if another role has this name or one that looks the same.
        NotFound: if there is no such role.
        StaleVersion: if the role was changed after the administrator saw it.
        InvalidInput: for a name, description, permission or reason that cannot be.
    """
    authorized_actor = authorize(unit, actor, Permission.MANAGE_ROLES, now)
    reason = checked_reason(reason)
    card = _role_for_change(unit, role, version, now)
    current = card.row
    name, description = _checked_name(name), _checked_description(description)
    added, removed = permissions - card.permissions, card.permissions - permissions
    _require_known(unit, added)
    if (name, description) == (current.name, current.description) and not added and not removed:
        return
    if current.built_in:
        _require_only_extended(card, name, removed)
    _require_free(unit, name, now, but=role)
    require_held(authorized_actor, added, current.name)
    require_nothing_gained(authorized_actor, added, authorized_actor.grants.roles.get(current.name, ()), current.name)
    unit.change_role(role, name=name, description=description, permissions=permissions)
    details: dict[str, Detail] = {"role": role, "added": _listed(added), "removed": _listed(removed)}
    if name != current.name:
        details["renamed_to"] = name
    if description != current.description:
        details["description"] = description
    unit.record(authorized_actor.event(AuditKind.ROLE_UPDATE, current.name, reason, **details))


def delete_role(
    unit: AdministrationUnit,
    actor: Actor,
    *,
    role: int,
    move_to: int | None,
    reason: str,
    version: str | None,
    now: datetime,
) -> int:
    """Delete a role and move its people and mappings to the role ``move_to``.

    Returns:
        How many people moved.

    Raises:
        RoleInUse: if people have the role or a token role maps to it, and ``move_to`` is None.
        ExceedsOwnPermissions: if the administrator does not have what ``move_to`` grants.
        SelfGrant: if the administrator would gain by ``move_to``.
        BuiltInRole: if the role is built in.
        NotFound: if there is no such role.
        StaleVersion: if the role was changed after the administrator saw it.
        InvalidInput: for a role ``move_to`` that does not exist, or a reason that is missing or too long.
    """
    authorized_actor = authorize(unit, actor, Permission.MANAGE_ROLES, now)
    reason = checked_reason(reason)
    card = _role_for_change(unit, role, version, now)
    name = card.row.name
    if card.row.built_in:
        raise BuiltInRole("A built-in role cannot be deleted.")
    successor = None if move_to is None else _successor(unit, authorized_actor, card, move_to)
    if successor is None and (card.row.people or card.token_roles):
        raise RoleInUse("People have this role, or a token role maps to it: name the role that replaces it.")
    with keeping_an_administrator(unit, now, name):
        moved = unit.move_role(role, move_to, by=actor.name, reason=reason, now=now)
        unit.delete_role(role)
    moved_to = None if successor is None else successor.row.name
    details: dict[str, Detail] = {"role": role, "moved_to": moved_to, "people": moved}
    unit.record(authorized_actor.event(AuditKind.ROLE_DELETE, name, reason, **details))
    return moved


def _successor(unit: AdministrationUnit, authorized_actor: AuthorizedActor, card: RoleCard, move_to: int) -> RoleCard:
    """The role that replaces another, if the actor may grant it to everyone who has the other."""
    successor = unit.role_for_change(move_to, authorized_actor.now)
    if successor is None or successor.row.id == card.row.id:
        raise InvalidInput({"move_to": "Name another role that exists."})
    require_role_held(authorized_actor, successor, card.row.name)
    require_nothing_gained(
        authorized_actor, successor.permissions, authorized_actor.grants.roles.get(card.row.name, ()), card.row.name
    )
    return successor


def _role_for_change(unit: AdministrationUnit, role: int, version: str | None, now: datetime) -> RoleCard:
    card = unit.role_for_change(role, now)
    if card is None:
        raise NotFound(_NO_ROLE)
    check_version(card.row.version, version)
    return card


def _require_only_extended(card: RoleCard, name: str, removed: frozenset[str]) -> None:
    if card.row.name == ADMINISTRATOR:
        raise BuiltInRole("The administrator role grants every permission by itself and cannot be changed.")
    if name != card.row.name:
        raise BuiltInRole("A built-in role keeps its name. Make a copy under another one.")
    _, own = ROLES.get(card.row.name, ("", frozenset[Permission]()))
    if removed & {permission.value for permission in own}:
        raise BuiltInRole("A built-in role keeps the permissions it comes with; only what was added can be removed.")


def _require_free(unit: AdministrationUnit, name: str, now: datetime, *, but: int | None) -> None:
    other = unit.role_named(name, now)
    if other is not None and other.row.id != but:
        raise NameTaken(f"There is a role “{other.row.name}” already, which is the same or looks the same.")


def _require_known(unit: AdministrationUnit, permissions: frozenset[str]) -> None:
    if unknown := permissions - unit.catalogue():
        many = f"{len(unknown)} of these permissions do not exist."
        raise InvalidInput({"permissions": "One of these permissions does not exist." if len(unknown) == 1 else many})


def _checked_name(name: str) -> str:
    """The name as it is stored: composed (NFC), printable, without spaces around it."""
    normalized = unicodedata.normalize("NFC", name.strip())
    if not normalized or not normalized.isprintable() or not any(character.isalnum() for character in normalized):
        raise InvalidInput({"name": "A role needs a name of letters or digits, in one line."})
    if len(normalized) > MAX_ROLE_NAME_CHARACTERS:
        raise InvalidInput({"name": f"At most {MAX_ROLE_NAME_CHARACTERS} characters, please."})
    return normalized


def _checked_description(description: str) -> str:
    stripped = description.strip()
    if len(stripped) > MAX_ROLE_DESCRIPTION_CHARACTERS:
        raise InvalidInput({"description": f"At most {MAX_ROLE_DESCRIPTION_CHARACTERS} characters, please."})
    return stripped


def _listed(permissions: Iterable[str]) -> str:
    return " ".join(sorted(permissions))
