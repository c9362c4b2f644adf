"""Making, changing and deleting roles. What is put into a role is given to everyone who holds it."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from app.core.administration.authorized_actor import (
    Administrator,
    AuthorizedActor,
    Detail,
    authorise,
    check_version,
    checked_reason,
)
from app.core.administration.rules import (
    keeping_an_administrator,
    require_held,
    require_nothing_gained,
    require_role_held,
)
from app.core.audit import AuditKind
from app.core.directory import RoleCard
from app.core.directory_ports import DirectoryUnit
from app.core.errors import BuiltInRole, InvalidInput, NameTaken, NotFound, RoleInUse
from app.core.permissions import ADMINISTRATOR, ROLES, Permission

NAME_MAX_CHARACTERS: Final = 100
DESCRIPTION_MAX_CHARACTERS: Final = 500
_NO_ROLE: Final = "There is no such role."


def create_role(
    unit: DirectoryUnit,
    administrator: Administrator,
    *,
    name: str,
    description: str,
    permissions: frozenset[str],
    reason: str,
    now: datetime,
) -> int:
    """Make a role; returns its id. Raises ``NotHeld``, ``NameTaken``, ``InvalidInput``."""
    actor = authorise(unit, administrator, Permission.MANAGE_ROLES, now)
    why = checked_reason(reason)
    name, description = _checked_name(name), _checked_description(description)
    _require_known(unit, permissions)
    _require_free(unit, name, now, but=None)
    require_held(actor, permissions, name)
    role = unit.add_role(name, description, permissions)
    unit.record(actor.event(AuditKind.ROLE_CREATE, name, why, role=role, permissions=_listed(permissions)))
    return role


def update_role(
    unit: DirectoryUnit,
    administrator: Administrator,
    *,
    role: int,
    name: str,
    description: str,
    permissions: frozenset[str],
    reason: str,
    version: str | None,
    now: datetime,
) -> None:
    """Set everything of a role; nothing happens when it is so already.

    Raises ``NotHeld`` and ``SelfGrant`` for what is added, ``BuiltInRole``, ``NameTaken``, ``NotFound``,
    ``StaleVersion``, ``InvalidInput``.
    """
    actor = authorise(unit, administrator, Permission.MANAGE_ROLES, now)
    why = checked_reason(reason)
    card = _role_for_change(unit, role, version, now)
    there = card.row
    name, description = _checked_name(name), _checked_description(description)
    added, removed = permissions - card.permissions, card.permissions - permissions
    _require_known(unit, added)
    if (name, description) == (there.name, there.description) and not added and not removed:
        return
    if there.built_in:
        _require_only_extended(card, name, removed)
    _require_free(unit, name, now, but=role)
    require_held(actor, added, there.name)
    require_nothing_gained(actor, added, actor.grants.roles.get(there.name, ()), there.name)
    unit.change_role(role, name=name, description=description, permissions=permissions)
    told: dict[str, Detail] = {"role": role, "added": _listed(added), "removed": _listed(removed)}
    renamed: dict[str, Detail] = {} if name == there.name else {"renamed_to": name}
    unit.record(actor.event(AuditKind.ROLE_UPDATE, there.name, why, **told, **renamed))


def delete_role(
    unit: DirectoryUnit,
    administrator: Administrator,
    *,
    role: int,
    move_to: int | None,
    reason: str,
    version: str | None,
    now: datetime,
) -> int:
    """Delete a role; those who hold it get ``move_to`` instead, and so do its mappings. Returns how many people moved.

    Raises ``RoleInUse`` when it is held or mapped and ``move_to`` is None, ``NotHeld`` and ``SelfGrant`` for what
    ``move_to`` gives, ``BuiltInRole``, ``NotFound``, ``StaleVersion``, ``InvalidInput``.
    """
    actor = authorise(unit, administrator, Permission.MANAGE_ROLES, now)
    why = checked_reason(reason)
    card = _role_for_change(unit, role, version, now)
    name = card.row.name
    if card.row.built_in:
        raise BuiltInRole("A built-in role cannot be deleted.")
    to = None if move_to is None else _goes_to(unit, actor, card, move_to)
    if to is None and (card.row.people or card.token_roles):
        raise RoleInUse("People hold this role, or a token role becomes it: say which role takes its place.")
    with keeping_an_administrator(unit, now, name):
        moved = unit.move_role(role, move_to, by=administrator.name, reason=why, now=now)
        unit.delete_role(role)
    told: dict[str, Detail] = {"role": role, "moved_to": None if to is None else to.row.name, "people": moved}
    unit.record(actor.event(AuditKind.ROLE_DELETE, name, why, **told))
    return moved


def _goes_to(unit: DirectoryUnit, actor: AuthorizedActor, card: RoleCard, move_to: int) -> RoleCard:
    """The role that takes another's place, when that may be given to everyone who holds the other."""
    to = unit.role_for_change(move_to, actor.now)
    if to is None or to.row.id == card.row.id:
        raise InvalidInput({"move_to": "Name another role that exists."})
    require_role_held(actor, to, card.row.name)
    require_nothing_gained(actor, to.permissions, actor.grants.roles.get(card.row.name, ()), card.row.name)
    return to


def _role_for_change(unit: DirectoryUnit, role: int, version: str | None, now: datetime) -> RoleCard:
    card = unit.role_for_change(role, now)
    if card is None:
        raise NotFound(_NO_ROLE)
    check_version(card.row.version, version)
    return card


def _require_only_extended(card: RoleCard, name: str, removed: frozenset[str]) -> None:
    if card.row.name == ADMINISTRATOR:
        raise BuiltInRole("The administrator role holds every permission by itself and cannot be changed.")
    if name != card.row.name:
        raise BuiltInRole("A built-in role keeps its name. Make a copy under another one.")
    _, given = ROLES.get(card.row.name, ("", frozenset[Permission]()))
    if removed & {permission.value for permission in given}:
        raise BuiltInRole("A built-in role keeps the permissions it comes with; only what was added can be removed.")


def _require_free(unit: DirectoryUnit, name: str, now: datetime, *, but: int | None) -> None:
    other = unit.role_named(name, now)
    if other is not None and other.row.id != but:
        raise NameTaken(f"There is a role “{other.row.name}” already, which is the same or looks the same.")


def _require_known(unit: DirectoryUnit, permissions: frozenset[str]) -> None:
    if unknown := permissions - unit.catalogue():
        many = f"{len(unknown)} of these permissions do not exist."
        raise InvalidInput({"permissions": "One of these permissions does not exist." if len(unknown) == 1 else many})


def _checked_name(name: str) -> str:
    """A name as it is kept: composed, without spaces around it, of printable signs."""
    kept = unicodedata.normalize("NFC", name.strip())
    if not kept or not kept.isprintable() or not any(sign.isalnum() for sign in kept):
        raise InvalidInput({"name": "A role needs a name of letters or digits, in one line."})
    if len(kept) > NAME_MAX_CHARACTERS:
        raise InvalidInput({"name": f"At most {NAME_MAX_CHARACTERS} characters, please."})
    return kept


def _checked_description(description: str) -> str:
    kept = description.strip()
    if len(kept) > DESCRIPTION_MAX_CHARACTERS:
        raise InvalidInput({"description": f"At most {DESCRIPTION_MAX_CHARACTERS} characters, please."})
    return kept


def _listed(permissions: Iterable[str]) -> str:
    return " ".join(sorted(permissions))
