"""Giving people roles and permissions, and taking them away; also before they have signed in for the first time."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from app.core.administration.authorized_actor import (
    Administrator,
    AuthorizedActor,
    Detail,
    authorise,
    checked_reason,
    name_of,
    person_for_change,
)
from app.core.administration.rules import (
    keeping_an_administrator,
    require_held,
    require_not_self,
    require_role_held,
)
from app.core.audit import SYSTEM, AuditKind, subject_name
from app.core.directory import GrantRow, PersonState, WithheldRow
from app.core.directory_ports import DirectoryUnit
from app.core.errors import Conflict, InvalidInput, NotFound
from app.core.permissions import Permission
from app.core.policy import Source
from app.core.principal import Subject
from app.core.records import NewGrant


def grant(
    unit: DirectoryUnit,
    administrator: Administrator,
    *,
    person: int,
    role: str | None,
    permission: str | None,
    until: datetime | None,
    reason: str,
    version: str | None,
    now: datetime,
) -> bool:
    """Give a person a role or a permission; False when they have the very same already, which is no change.

    Raises ``SelfGrant``, ``NotHeld``, ``NotFound`` (person), ``StaleVersion``, ``InvalidInput``, and ``Conflict`` when
    they have it with another end, or were erased.
    """
    actor = authorise(unit, administrator, Permission.MANAGE_GRANTS, now)
    why = checked_reason(reason)
    row = person_for_change(unit, person, version)
    if until is not None and until <= now:
        raise InvalidInput({"until": "This time is over already. Leave it out for no end."})
    if row.state is PersonState.ERASED:
        raise Conflict("This person was erased. Once they have signed in again, they can be given something.")
    target = name_of(row)
    _require_may_give(unit, actor, role, permission, target)
    require_not_self(actor, target, is_self=row.person.subject == actor.subject)
    source = Source.POLICY if administrator.principal is None else Source.ADMIN
    new = NewGrant(row.person.subject, source, administrator.name, role, permission, until, why)
    if not unit.add_grant(new, now):
        _require_same_end(unit, new, now)
        return False
    unit.record(actor.event(AuditKind.GRANT_ADD, target, why, **_told(role, permission, source, until)))
    return True


def revoke(
    unit: DirectoryUnit,
    administrator: Administrator,
    *,
    person: int,
    grant: int,
    reason: str,
    version: str | None,
    default_role: str | None,
    now: datetime,
) -> GrantRow:
    """Revoke one grant; returns what it was.

    What an automatic source gives (the provider's token, ``default_role`` at a sign-in) is withheld from then on: every
    automatic grant of the same role or permission goes, and none comes back before ``release``.

    Raises ``LastAdministrator``, ``NotFound``, ``StaleVersion``, ``InvalidInput``.
    """
    actor = authorise(unit, administrator, Permission.MANAGE_GRANTS, now)
    why = checked_reason(reason)
    row = person_for_change(unit, person, version)
    found = unit.grant_row(person, grant)
    if found is None:
        raise NotFound("They do not have this any more.")
    target = name_of(row)
    is_default = found.role is not None and found.role == default_role
    withheld = found.automatic or (is_default and not _is_automatic(unit, row.person.subject, default_role, now))
    with keeping_an_administrator(unit, now, target):
        if withheld:
            unit.withhold_grant(person, found, by=administrator.name, reason=why, from_default=is_default, now=now)
        unit.delete_grant(grant)
    details = _told(found.role, found.permission, found.source, found.until)
    unit.record(actor.event(AuditKind.GRANT_REVOKE, target, why, **details, withheld=withheld))
    return found


def revoke_all(
    unit: DirectoryUnit,
    administrator: Administrator,
    grants: Iterable[GrantRow],
    *,
    person: int,
    reason: str,
    default_role: str | None,
    now: datetime,
) -> int:
    """Revoke these grants of a person as they are there still; returns how many. Raises as ``revoke``."""
    # The automatic ones last: the first of those withholds what is left.
    there = [one for one in sorted(grants, key=lambda one: one.automatic) if unit.grant_row(person, one.id) is not None]
    for one in there:
        if unit.grant_row(person, one.id) is not None:
            revoke(
                unit,
                administrator,
                person=person,
                grant=one.id,
                reason=reason,
                version=None,
                default_role=default_role,
                now=now,
            )
    return len(there)


def release(
    unit: DirectoryUnit,
    administrator: Administrator,
    *,
    person: int,
    withheld: int,
    reason: str,
    version: str | None,
    default_role: str | None,
    now: datetime,
) -> WithheldRow:
    """Let the automatic sources give a person again what was withheld; returns what it was.

    ``default_role``: the one that is set now. Another, which was set when the person last signed in, gives nothing.

    Raises ``SelfGrant``, ``NotHeld``, ``NotFound``, ``StaleVersion``, ``InvalidInput``.
    """
    actor = authorise(unit, administrator, Permission.MANAGE_GRANTS, now)
    why = checked_reason(reason)
    row = person_for_change(unit, person, version)
    found = unit.withheld_row(person, withheld)
    if found is None:
        raise NotFound("This is not withheld from them any more.")
    target = name_of(row)
    _require_may_give(unit, actor, found.role, found.permission, target)
    require_not_self(actor, target, is_self=row.person.subject == actor.subject)
    unit.release_withheld(withheld, is_default=found.under(default_role).from_default, now=now)
    what: dict[str, Detail] = {"role": found.role} if found.role is not None else {"permission": found.permission}
    unit.record(actor.event(AuditKind.GRANT_RELEASE, target, why, **what))
    return found


def add_person(
    unit: DirectoryUnit, administrator: Administrator, *, subject: Subject, reason: str, now: datetime
) -> int:
    """Make a subject known, so that it can be given something before its first sign-in; returns its id.

    One that is known already is left as it is. Raises ``InvalidInput`` for a subject that cannot be.
    """
    actor = authorise(unit, administrator, Permission.MANAGE_GRANTS, now)
    why = checked_reason(reason)
    known = unit.person_of(subject)
    if known is not None:
        return known.id
    person = unit.person_id(subject)
    unit.record(actor.event(AuditKind.PERSON_ADD, subject_name(subject), why))
    return person


def _require_may_give(
    unit: DirectoryUnit, actor: AuthorizedActor, role: str | None, permission: str | None, target: str
) -> None:
    if (role is None) == (permission is None):
        raise InvalidInput({"role": "Name a role or a permission, and exactly one of them."})
    if role is not None:
        card = unit.role_named(role, actor.now)
        if card is None or card.row.name != role:
            raise InvalidInput({"role": "There is no such role."})
        require_role_held(actor, card, target)
        return
    if permission not in unit.catalogue():
        raise InvalidInput({"permission": "There is no such permission."})
    require_held(actor, (str(permission),), target)


def _require_same_end(unit: DirectoryUnit, new: NewGrant, now: datetime) -> None:
    """Raise ``Conflict`` when the one that is there ends at another time: doing nothing is not what was meant."""
    held = unit.grants_of(new.subject, now)
    ways = held.roles.get(new.role, ()) if new.role is not None else held.permissions.get(str(new.permission), ())
    if not any(way.role == new.role and way.source is new.source and way.until == new.until for way in ways):
        raise Conflict("They have it already, with another end. Revoke that first, then give it anew.")


def _is_automatic(unit: DirectoryUnit, subject: Subject, role: str | None, now: datetime) -> bool:
    """Whether an automatic source gives the role already, by a grant that can be revoked by itself."""
    held = unit.grants_of(subject, now).roles.get(role or "", ())
    return any(way.source is Source.TOKEN or (way.source is Source.POLICY and way.by == SYSTEM) for way in held)


def _told(role: str | None, permission: str | None, source: Source, until: datetime | None) -> dict[str, Detail]:
    """What the audit says of a grant."""
    what: dict[str, Detail] = {"role": role} if role is not None else {"permission": permission}
    return {**what, "source": source.value, "until": None if until is None else until.isoformat()}
