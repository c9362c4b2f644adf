"""Mapping roles of the provider's tokens to local roles, which grants these to everyone who has the token role."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from app.core.administration.authorized_actor import Actor, Detail, authorize, check_version, checked_reason
from app.core.administration.rules import require_nothing_gained, require_role_held
from app.core.administration_ports import AdministrationUnit
from app.core.audit import AuditKind
from app.core.errors import InvalidInput
from app.core.permissions import Permission
from app.core.policy import GrantPath, Source
from app.core.records import MAX_TOKEN_ROLE_CHARACTERS

MAX_MAPPED_ROLES: Final = 50


def set_mapping(
    unit: AdministrationUnit,
    actor: Actor,
    *,
    token_role: str,
    roles: frozenset[int],
    reason: str,
    version: str | None,
    implicit_role_mapping: bool,
    now: datetime,
) -> int:
    """Map a token role to exactly these roles.

    Args:
        unit: An open unit of work; the caller commits.
        actor: Who makes the change.
        token_role: The role's name in tokens.
        roles: Ids of the local roles; empty for none.
        reason: Kept in the audit.
        version: The version of the mapping that the administrator saw; None for the command line.
        implicit_role_mapping: As in ``UnitOfWork.sync_token_rights``.
        now: The current time, aware UTC.

    Returns:
        For how many people the grants changed.

    Raises:
        ExceedsOwnPermissions: if the administrator does not have a role that is added.
        SelfGrant: if the administrator would gain by the mapping.
        StaleVersion: if the mapping was changed after the administrator saw it.
        InvalidInput: for a name, a role or a reason that cannot be.
    """
    authorized_actor = authorize(unit, actor, Permission.MANAGE_MAPPINGS, now)
    reason = checked_reason(reason)
    if not 0 < len(token_role) <= MAX_TOKEN_ROLE_CHARACTERS or not token_role.isprintable():
        raise InvalidInput({"token_role": "This cannot be the name of a role in a token."})
    if len(roles) > MAX_MAPPED_ROLES:
        raise InvalidInput({"roles": f"At most {MAX_MAPPED_ROLES} roles, please."})
    mapping = unit.mapping(token_role)
    check_version(mapping.version, version)
    before = frozenset(number for number, _ in mapping.roles)
    own_role = authorized_actor.subject is not None and token_role in unit.token_roles_of(authorized_actor.subject)
    names = []
    for role in sorted(roles):
        card = unit.role_for_change(role, now)
        if card is None:
            raise InvalidInput({"roles": "One of these roles does not exist."})
        names.append(card.row.name)
        if role not in before:
            require_role_held(authorized_actor, card, token_role)
            paths = [GrantPath(card.row.name, Source.TOKEN)] if own_role else []
            require_nothing_gained(authorized_actor, card.permissions, paths, token_role)
    if roles == before:
        return 0
    people = unit.set_mapping(token_role, roles, now, implicit_role_mapping=implicit_role_mapping)
    names_before = ", ".join(name for _, name in mapping.roles)
    details: dict[str, Detail] = {"roles": ", ".join(sorted(names)), "before": names_before, "people": people}
    unit.record(authorized_actor.event(AuditKind.MAPPING_UPDATE, token_role, reason, **details))
    return people
