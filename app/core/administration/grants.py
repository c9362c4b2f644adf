"""Granting, revoking and releasing roles and permissions of people, also before their first sign-in."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from app.core.administration.authorized_actor import (
    Actor,
    AuthorizedActor,
    Detail,
    authorize,
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
from app.core.administration_ports import AdministrationUnit
from app.core.administration_records import GrantRow, PersonState, WithheldRow
from app.core.audit import SYSTEM, AuditKind, subject_name
from app.core.errors import Conflict, InvalidInput, NotFound
from app.core.permissions import Permission
from app.core.policy import Source
from app.core.principal import Subject
from app.core.records import NewGrant


def grant(
    unit: AdministrationUnit,
    actor: Actor,
    *,
    person: int,
    role: str | None,
    permission: str | None,
    expires_at: datetime | None,
    reason: str,
    version: str | None,
    now: datetime,
) -> bool:
    """Grant a role or a permission to a person.

    Args:
        unit: An open unit of work; the caller commits.
        actor: Who makes the change.
        person: Id of the person.
        role: Name of the role; None for a permission.
        permission: Name of the permission; None for a role.
        expires_at: When the grant expires, aware UTC; None for never.
        reason: Kept in the audit.
        version: The version of the person that the administrator saw; None for the command line.
        now: The current time, aware UTC.

    Returns:
        False when the person has the same grant already, which changes nothing.

    Raises:
        SelfGrant: if the person is the administrator.
        ExceedsOwnPermissions: if the administrator does not have what is granted.
        NotFound: if there is no such person.
        StaleVersion: if the person was changed after the administrator saw them.
        InvalidInput: for a role, permission, time or reason that cannot be.
        Conflict: if the person has the grant with another expiry, or was erased.
    """
    authorized_actor = authorize(unit, actor, Permission.MANAGE_GRANTS, now)
    reason = checked_reason(reason)
    row = person_for_change(unit, person, version)
    if expires_at is not None and expires_at <= now:
        raise InvalidInput({"until": "This time is in the past. Leave it empty for a grant without an expiry."})
    if row.state is PersonState.ERASED:
        raise Conflict("This person was erased. Grants are possible again after their next sign-in.")
    target = name_of(row)
    _require_grantable(unit, authorized_actor, role, permission, target)
    require_not_self(authorized_actor, target, is_self=row.person.subject == authorized_actor.subject)
    source = Source.INSTALLATION if actor.principal is None else Source.ADMIN
    new = NewGrant(row.person.subject, source, actor.name, role, permission, expires_at, reason)
    if not unit.add_grant(new, now):
        _require_same_end(unit, new, now)
        return False
    unit.record(
        authorized_actor.event(AuditKind.GRANT_ADD, target, reason, **_details(role, permission, source, expires_at))
    )
    return True


def revoke(
    unit: AdministrationUnit,
    actor: Actor,
    *,
    person: int,
    grant: int,
    reason: str,
    version: str | None,
    default_role: str | None,
    now: datetime,
) -> GrantRow:
    """Revoke one grant.

    What an automatic source grants (the provider's token, ``default_role`` at a sign-in) is withheld from then on:
    every automatic grant of the same role or permission is deleted, and none returns before ``release``.

    Returns:
        The grant as it was.

    Raises:
        LastAdministrator: if no administrator would remain.
        NotFound: if the person or the grant does not exist.
        StaleVersion: if the person was changed after the administrator saw them.
        InvalidInput: for a reason that is missing or too long.
    """
    authorized_actor = authorize(unit, actor, Permission.MANAGE_GRANTS, now)
    reason = checked_reason(reason)
    row = person_for_change(unit, person, version)
    revoked = unit.grant_row(person, grant)
    if revoked is None:
        raise NotFound("This grant does not exist any more.")
    target = name_of(row)
    is_default = revoked.role is not None and revoked.role == default_role
    withheld = revoked.automatic or (is_default and not _is_automatic(unit, row.person.subject, default_role, now))
    with keeping_an_administrator(unit, now, target):
        if withheld:
            unit.withhold_grant(person, revoked, by=actor.name, reason=reason, from_default=is_default, now=now)
        unit.delete_grant(grant)
    details = _details(revoked.role, revoked.permission, revoked.source, revoked.expires_at)
    unit.record(authorized_actor.event(AuditKind.GRANT_REVOKE, target, reason, **details, withheld=withheld))
    return revoked


def revoke_all(
    unit: AdministrationUnit,
    actor: Actor,
    grants: Iterable[GrantRow],
    *,
    person: int,
    reason: str,
    default_role: str | None,
    now: datetime,
) -> int:
    """Revoke those of these grants that still exist.

    Returns:
        How many existed.

    Raises:
        LastAdministrator: if no administrator would remain.
        NotFound: if there is no such person.
        InvalidInput: for a reason that is missing or too long.
    """
    # Automatic grants last: the first of them withholds the others.
    ordered = sorted(grants, key=lambda row: row.automatic)
    existing = [row for row in ordered if unit.grant_row(person, row.id) is not None]
    for row in existing:
        if unit.grant_row(person, row.id) is not None:
            revoke(
                unit,
                actor,
                person=person,
                grant=row.id,
                reason=reason,
                version=None,
                default_role=default_role,
                now=now,
            )
    return len(existing)


def release(
    unit: AdministrationUnit,
    actor: Actor,
    *,
    person: int,
    withheld: int,
    reason: str,
    version: str | None,
    default_role: str | None,
    now: datetime,
) -> WithheldRow:
    """Release a withheld role or permission, so that automatic sources grant it to the person again.

    Args:
        unit: An open unit of work; the caller commits.
        actor: Who makes the change.
        person: Id of the person.
        withheld: Id of the withheld row.
        reason: Kept in the audit.
        version: The version of the person that the administrator saw; None for the command line.
        default_role: The default role in the settings now. Another one, which was set when the person last signed in,
            is not granted.
        now: The current time, aware UTC.

    Returns:
        The withheld row as it was.

    Raises:
        SelfGrant: if the person is the administrator.
        ExceedsOwnPermissions: if the administrator does not have what is released.
        NotFound: if the person or the row does not exist.
        StaleVersion: if the person was changed after the administrator saw them.
        InvalidInput: for a reason that is missing or too long.
    """
    authorized_actor = authorize(unit, actor, Permission.MANAGE_GRANTS, now)
    reason = checked_reason(reason)
    row = person_for_change(unit, person, version)
    released = unit.withheld_row(person, withheld)
    if released is None:
        raise NotFound("This is not withheld any more.")
    target = name_of(row)
    _require_grantable(unit, authorized_actor, released.role, released.permission, target)
    require_not_self(authorized_actor, target, is_self=row.person.subject == authorized_actor.subject)
    unit.release_withheld(withheld, is_default=released.under(default_role).from_default, now=now)
    details: dict[str, Detail] = (
        {"role": released.role} if released.role is not None else {"permission": released.permission}
    )
    unit.record(authorized_actor.event(AuditKind.GRANT_RELEASE, target, reason, **details))
    return released


def add_person(unit: AdministrationUnit, actor: Actor, *, subject: Subject, reason: str, now: datetime) -> int:
    """Add a subject before its first sign-in, so that it can have grants; one that exists stays as it is.

    Returns:
        The id of the person.

    Raises:
        InvalidInput: for a subject that cannot be, or a reason that is missing or too long.
    """
    authorized_actor = authorize(unit, actor, Permission.MANAGE_GRANTS, now)
    reason = checked_reason(reason)
    known = unit.person_of(subject)
    if known is not None:
        return known.id
    person = unit.person_id(subject)
    unit.record(authorized_actor.event(AuditKind.PERSON_ADD, subject_name(subject), reason))
    return person


def _require_grantable(
    unit: AdministrationUnit, authorized_actor: AuthorizedActor, role: str | None, permission: str | None, target: str
) -> None:
    if (role is None) == (permission is None):
        raise InvalidInput({"role": "Name a role or a permission, and exactly one of them."})
    if role is not None:
        card = unit.role_named(role, authorized_actor.now)
        if card is None or card.row.name != role:
            raise InvalidInput({"role": "There is no such role."})
        require_role_held(authorized_actor, card, target)
        return
    if permission not in unit.catalogue():
        raise InvalidInput({"permission": "There is no such permission."})
    require_held(authorized_actor, (str(permission),), target)


def _require_same_end(unit: AdministrationUnit, new: NewGrant, now: datetime) -> None:
    """Raise ``Conflict`` if the existing grant expires at another time than the new one."""
    grants = unit.grants_of(new.subject, now)
    paths = grants.roles.get(new.role, ()) if new.role is not None else grants.permissions.get(str(new.permission), ())
    if not any(
        path.role == new.role and path.source is new.source and path.expires_at == new.expires_at for path in paths
    ):
        raise Conflict("This grant exists already, with another expiry. Revoke it first, then grant it again.")


def _is_automatic(unit: AdministrationUnit, subject: Subject, role: str | None, now: datetime) -> bool:
    """Whether an automatic source grants the role already, by a grant of its own that can be revoked."""
    paths = unit.grants_of(subject, now).roles.get(role or "", ())
    return any(
        path.source is Source.TOKEN or (path.source is Source.INSTALLATION and path.author == SYSTEM) for path in paths
    )


def _details(
    role: str | None, permission: str | None, source: Source, expires_at: datetime | None
) -> dict[str, Detail]:
    """The details of a grant's audit event."""
    granted: dict[str, Detail] = {"role": role} if role is not None else {"permission": permission}
    return {**granted, "source": source.value, "until": None if expires_at is None else expires_at.isoformat()}
