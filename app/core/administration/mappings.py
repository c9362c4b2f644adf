"""What a role in the provider's tokens becomes here. Mapping one is giving its local roles to everyone who has it."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from app.core.administration.authorized_actor import Administrator, Detail, authorise, check_version, checked_reason
from app.core.administration.rules import require_nothing_gained, require_role_held
from app.core.audit import AuditKind
from app.core.directory_ports import DirectoryUnit
from app.core.errors import InvalidInput
from app.core.permissions import Permission
from app.core.policy import GrantPath, Source

TOKEN_ROLE_MAX_CHARACTERS: Final = 200
MOST_ROLES: Final = 50


def set_mapping(
    unit: DirectoryUnit,
    administrator: Administrator,
    *,
    token_role: str,
    roles: frozenset[int],
    reason: str,
    version: str | None,
    map_own_names: bool,
    now: datetime,
) -> int:
    """Map a token role to exactly these roles; returns how many people's grants changed.

    ``map_own_names`` as in ``UnitOfWork.sync_token_rights``. Raises ``NotHeld`` and ``SelfGrant`` for the roles that
    are added, ``StaleVersion``, ``InvalidInput``.
    """
    actor = authorise(unit, administrator, Permission.MANAGE_MAPPINGS, now)
    why = checked_reason(reason)
    if not 0 < len(token_role) <= TOKEN_ROLE_MAX_CHARACTERS or not token_role.isprintable():
        raise InvalidInput({"token_role": "This cannot be the name of a role in a token."})
    if len(roles) > MOST_ROLES:
        raise InvalidInput({"roles": f"At most {MOST_ROLES} roles, please."})
    there = unit.mapping(token_role)
    check_version(there.version, version)
    before = frozenset(number for number, _ in there.roles)
    mine = actor.subject is not None and token_role in unit.token_roles_of(actor.subject)
    names = []
    for role in sorted(roles):
        card = unit.role_for_change(role, now)
        if card is None:
            raise InvalidInput({"roles": "One of these roles does not exist."})
        names.append(card.row.name)
        if role not in before:
            require_role_held(actor, card, token_role)
            ways = [GrantPath(card.row.name, Source.TOKEN)] if mine else []
            require_nothing_gained(actor, card.permissions, ways, token_role)
    if roles == before:
        return 0
    people = unit.set_mapping(token_role, roles, now, map_own_names=map_own_names)
    was = ", ".join(name for _, name in there.roles)
    told: dict[str, Detail] = {"roles": ", ".join(sorted(names)), "before": was, "people": people}
    unit.record(actor.event(AuditKind.MAPPING_UPDATE, token_role, why, **told))
    return people
