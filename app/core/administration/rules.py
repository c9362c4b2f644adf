"""The rules of administration: grant only what you have, nothing to yourself, and keep the last administrator."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TypeVar

from app.core.administration.authorized_actor import AuthorizedActor
from app.core.administration_ports import AdministrationUnit
from app.core.administration_records import RoleCard
from app.core.errors import ExceedsOwnPermissions, GatehouseError, LastAdministrator, SelfGrant
from app.core.permissions import ADMINISTRATOR
from app.core.policy import GrantPath, Source

E = TypeVar("E", bound=GatehouseError)

_SELF = "You cannot grant yourself more than you have. Ask another administrator."
_ONLY_OWN = "You can grant only what you have yourself and may use now."
_ADMINISTRATORS_ONLY = "Only an administrator can grant the administrator role."
_LAST = (
    "This would leave no administrator: an unblocked person with the administrator role, granted by an administrator "
    "or the command line, without an expiry. Make another person an administrator first."
)


def with_target(error: E, target: str) -> E:
    """Return ``error`` with its target, for its audit event."""
    error.target = target
    return error


def require_not_self(actor: AuthorizedActor, target: str, *, is_self: bool) -> None:
    """Refuse a grant to oneself.

    Raises:
        SelfGrant: if ``is_self``, unless the command line acts.
    """
    if is_self and actor.principal is not None:
        raise with_target(SelfGrant(_SELF), target)


def require_held(actor: AuthorizedActor, permissions: Iterable[str], target: str) -> None:
    """Refuse to grant permissions that the actor does not have.

    Raises:
        ExceedsOwnPermissions: with those that are missing.
    """
    if missing := sorted(name for name in permissions if not actor.may_grant(name)):
        raise with_target(ExceedsOwnPermissions(missing, _ONLY_OWN), target)


def require_role_held(actor: AuthorizedActor, role: RoleCard, target: str) -> None:
    """Refuse to grant a role with permissions that the actor does not have; ``administrator`` takes an administrator.

    Raises:
        ExceedsOwnPermissions: with the permissions that are missing.
    """
    if role.row.name == ADMINISTRATOR and actor.principal is not None and not actor.grants.is_administrator:
        missing = sorted(name for name in role.permissions if not actor.may_grant(name))
        raise with_target(ExceedsOwnPermissions(missing, _ADMINISTRATORS_ONLY), target)
    require_held(actor, role.permissions, target)


def require_nothing_gained(
    actor: AuthorizedActor, permissions: Iterable[str], paths: Iterable[GrantPath], target: str
) -> None:
    """Refuse new ``paths`` to ``permissions`` by which the actor would gain.

    The actor also gains by a path that lasts longer than the existing ones, or that stays when the provider's token no
    longer has the role.

    Raises:
        SelfGrant: if the actor gains.
    """
    if actor.principal is None:
        return
    new_paths = tuple(paths)
    for permission in permissions if new_paths else ():
        existing = actor.grants.grant_paths(permission)
        if not all(any(_lasts_as_long(old, new) for old in existing) for new in new_paths):
            raise with_target(SelfGrant(_SELF), target)


@contextmanager
def keeping_an_administrator(unit: AdministrationUnit, now: datetime, target: str) -> Iterator[None]:
    """Refuse the change in the block if it leaves no administrator.

    Raises:
        LastAdministrator: after the block, if there was an administrator before it and there is none now.
    """
    had_administrator = bool(unit.administrators(now))
    yield
    if had_administrator and not unit.administrators(now):
        raise with_target(LastAdministrator(_LAST), target)


def _lasts_as_long(old: GrantPath, new: GrantPath) -> bool:
    """Whether the existing path lasts at least as long as the new one."""
    if old.source is Source.TOKEN and new.source is not Source.TOKEN:
        return False
    return old.expires_at is None or (new.expires_at is not None and new.expires_at <= old.expires_at)
