"""The rules that bind every administrator: give only what you hold, never to yourself, and never lose the last one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TypeVar

from app.core.administration.authorized_actor import AuthorizedActor
from app.core.directory import RoleCard
from app.core.directory_ports import DirectoryUnit
from app.core.errors import GatehouseError, LastAdministrator, NotHeld, SelfGrant
from app.core.permissions import ADMINISTRATOR
from app.core.policy import GrantPath, Source

E = TypeVar("E", bound=GatehouseError)

_MINE = "You cannot give yourself more than you have. Ask another administrator."
_NOT_HELD = "You can give only what you hold yourself and may use now."
_ADMINISTRATORS_ONLY = "Only somebody who holds the administrator role can give it."
_LAST = (
    "This would leave nobody who can administer: an unblocked person who holds the administrator role, given by an "
    "administrator or the command line, without an end. Make somebody else one first."
)


def about(error: E, target: str) -> E:
    """``error``, knowing what it is about, for its audit event."""
    error.about = target
    return error


def require_not_self(actor: AuthorizedActor, target: str, *, is_self: bool) -> None:
    """Raise ``SelfGrant`` when somebody gives themselves something."""
    if is_self and actor.principal is not None:
        raise about(SelfGrant(_MINE), target)


def require_held(actor: AuthorizedActor, permissions: Iterable[str], target: str) -> None:
    """Raise ``NotHeld`` for permissions that are given and not held."""
    if missing := sorted(name for name in permissions if not actor.holds(name)):
        raise about(NotHeld(missing, _NOT_HELD), target)


def require_role_held(actor: AuthorizedActor, role: RoleCard, target: str) -> None:
    """Raise ``NotHeld`` for a role that gives what is not held; ``administrator`` only administrators can give."""
    if role.row.name == ADMINISTRATOR and actor.principal is not None and not actor.grants.is_administrator:
        missing = sorted(name for name in role.permissions if not actor.holds(name))
        raise about(NotHeld(missing, _ADMINISTRATORS_ONLY), target)
    require_held(actor, role.permissions, target)


def require_nothing_gained(
    actor: AuthorizedActor, permissions: Iterable[str], ways: Iterable[GrantPath], target: str
) -> None:
    """Raise ``SelfGrant`` when holding ``permissions`` in these new ``ways`` is more than is held already.

    More is also what lasts longer than what is held, or stays when the provider's token no longer says so.
    """
    if actor.principal is None:
        return
    new = tuple(ways)
    for permission in permissions if new else ():
        has = actor.grants.grant_paths(permission)
        if not all(any(_covers(old, way) for old in has) for way in new):
            raise about(SelfGrant(_MINE), target)


@contextmanager
def keeping_an_administrator(unit: DirectoryUnit, now: datetime, target: str) -> Iterator[None]:
    """Raise ``LastAdministrator`` after a change that leaves none where there was one."""
    had_administrator = bool(unit.administrators(now))
    yield
    if had_administrator and not unit.administrators(now):
        raise about(LastAdministrator(_LAST), target)


def _covers(old: GrantPath, new: GrantPath) -> bool:
    """Whether what is held in one way lasts at least as long as in another."""
    if old.source is Source.TOKEN and new.source is not Source.TOKEN:
        return False
    return old.until is None or (new.until is not None and new.until <= old.until)
