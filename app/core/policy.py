"""The decision: may this principal do this, given what it holds. The only place that decides.

Pure: no storage, no framework. ``Grants`` is what the principal holds *at this moment*, already without anything
expired; ``decide`` turns it into an allowed or refused ``Decision`` that names its reason. The clock is read only for
a permission that asks for a recent sign-in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from app.core.assurance import Requirement, has_context
from app.core.clock import Clock, utc_now
from app.core.permissions import REQUIREMENTS, Permission
from app.core.principal import AuthMethod, Principal


class Reason(StrEnum):
    """Why a decision is as it is; the order is the order in which ``decide`` looks."""

    ANONYMOUS = "anonymous"
    BLOCKED = "blocked"
    NOT_GRANTED = "not-granted"
    SCOPE = "scope"
    STALE_LOGIN = "stale-login"
    GRANTED = "granted"


class Source(StrEnum):
    """Where a grant came from."""

    ADMIN = "admin"  # an administrator here
    REQUEST = "request"  # an access request that was approved
    POLICY = "policy"  # a rule of this installation, the command line included
    TOKEN = "token"  # noqa: S105 - what the provider's token said, carried over at sign-in and refresh
    SCOPE = "scope"  # a permission marked `by_scope`, or a machine's scope; lives in the token only


class GrantPath(NamedTuple):
    """One way in which a permission is held. ``role`` is None for a single permission."""

    role: str | None
    source: Source
    until: datetime | None = None
    by: str = ""
    """Who gave it, as the grant says it; empty for tokens."""
    since: datetime | None = None


class Decision(NamedTuple):
    """Allowed or not, why, and by which grant (None when refused, or when none was needed).

    One refused only for want of a recent or strong enough sign-in names the grant too, and in ``step_up`` what must be
    done first.
    """

    allowed: bool
    reason: Reason
    granted_by: GrantPath | None = None
    step_up: Requirement | None = None

    @property
    def allowed_after_step_up(self) -> bool:
        """Whether it is allowed now, or would be after a fresh or stronger sign-in. For showing and hiding only."""
        return self.allowed or self.step_up is not None


@dataclass(frozen=True, slots=True)
class Grants:
    """What one principal holds now.

    Attributes:
        permissions: Permission name → the paths by which it is granted locally (sources admin, request, policy, token),
            at least one each.
        administrator_paths: The paths by which the administrator role is granted, which gives every permission without
            listing any; empty for everybody else.
        roles: Role name → the paths by which it is granted.
        until: Aware UTC of the next expiry among the grants, None when nothing expires: a cache must not use the set
            from then on.
        asserted: Permissions that the bearer token of the request asserts itself (its ``permissions`` claim, as far as
            the catalogue knows it); empty for sessions.
        withheld: Permissions that an administrator withholds from the subject, so that no claim of a token gives them;
            empty for sessions, whose grants hold nothing that is withheld.
        decided: What ``decide`` has found to be granted already, for itself only.
    """

    permissions: Mapping[str, tuple[GrantPath, ...]] = field(default_factory=lambda: MappingProxyType({}))
    roles: Mapping[str, tuple[GrantPath, ...]] = field(default_factory=lambda: MappingProxyType({}))
    administrator_paths: tuple[GrantPath, ...] = ()
    asserted: frozenset[str] = frozenset()
    withheld: frozenset[str] = frozenset()
    until: datetime | None = None
    decided: dict[str, Decision] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def is_administrator(self) -> bool:
        """Whether the principal holds the administrator role, and with it every permission."""
        return bool(self.administrator_paths)

    def grant_paths(self, permission: str) -> tuple[GrantPath, ...]:
        """The ways in which ``permission`` is held locally, the administrator role's first; empty when it is not."""
        return self.administrator_paths + self.permissions.get(permission, ())


NO_GRANTS = Grants()

_ANONYMOUS = Decision(allowed=False, reason=Reason.ANONYMOUS)
_BLOCKED = Decision(allowed=False, reason=Reason.BLOCKED)
_NOT_GRANTED = Decision(allowed=False, reason=Reason.NOT_GRANTED)
_SCOPE = Decision(allowed=False, reason=Reason.SCOPE)
_STALE_LOGIN = Decision(allowed=False, reason=Reason.STALE_LOGIN)
_SIGNED_IN = Decision(allowed=True, reason=Reason.GRANTED)
_BY_TOKEN = Decision(allowed=True, reason=Reason.GRANTED, granted_by=GrantPath(role=None, source=Source.TOKEN))
_BY_SCOPE = Decision(allowed=True, reason=Reason.GRANTED, granted_by=GrantPath(role=None, source=Source.SCOPE))
_BY_SCOPE_NAMES = frozenset(permission.value for permission in Permission if permission.by_scope)
_OTHER_TOKEN = AuthMethod.OTHER_TOKEN  # looking a member up in its enum costs as much as deciding
_MACHINE = AuthMethod.MACHINE


def decide(principal: Principal, permission: str | None, grants: Grants, *, clock: Clock = utc_now) -> Decision:
    """Decide. Nobody → refused; blocked → refused; not held → refused; held, but not through this client → refused.

    Held, but the sign-in is not as recent or as strong as the permission asks → refused. Otherwise allowed.
    ``permission`` None asks only that somebody is proven and not blocked.
    """
    decision = _by_rights(principal, permission, grants)
    if permission in REQUIREMENTS and decision.allowed:
        # Last, so that nobody is sent through a second factor to be refused after it.
        return _by_sign_in(principal, REQUIREMENTS[permission], decision, clock)
    return decision


def _by_rights(principal: Principal, permission: str | None, grants: Grants) -> Decision:
    """What follows from who asks and what they hold.

    Through which client counts: a session, our own client's token and a machine use local grants fully. A person's
    token issued to another client gives what its ``permissions`` claim asserts, and of the local grants only those
    its ``scope`` names. ``scope`` alone gives only permissions marked ``by_scope``, or any for a machine. Neither claim
    gives what an administrator withholds.
    """
    if principal.subject is None:
        return _ANONYMOUS
    if principal.blocked:
        return _BLOCKED
    if permission is None:
        return _SIGNED_IN
    granted = grants.decided.get(permission) or _by_grant(permission, grants)
    if principal.method is _OTHER_TOKEN:
        if permission in grants.asserted and permission not in grants.withheld:
            return _BY_TOKEN
        if granted and permission not in principal.scope:
            return _SCOPE
    return granted or _by_claims(principal, permission, grants)


def _by_claims(principal: Principal, permission: str, grants: Grants) -> Decision:
    """What follows from the claims of the token in hand, where no local grant gives ``permission``."""
    if permission in grants.withheld:
        return _NOT_GRANTED
    machine = principal.method is _MACHINE
    if permission in principal.scope and (machine or permission in _BY_SCOPE_NAMES):
        return _BY_SCOPE
    return _BY_TOKEN if machine and permission in grants.asserted else _NOT_GRANTED


def _by_sign_in(principal: Principal, asked: Requirement, granted: Decision, clock: Clock) -> Decision:
    """``granted``, or its refusal because of how the principal signed in. What is not known counts as not done.

    A machine signs in afresh with every token, and no person is there to confirm anything: it is refused for good.
    """
    if principal.method is _MACHINE:
        return _STALE_LOGIN
    good = not asked.acr or has_context(asked.acr, given=principal.acr, methods=principal.amr)
    if good and asked.max_age_seconds is not None:
        at = principal.authenticated_at
        good = at is not None and (clock() - at).total_seconds() <= asked.max_age_seconds
    return granted if good else granted._replace(allowed=False, reason=Reason.STALE_LOGIN, step_up=asked)


def _by_grant(permission: str, grants: Grants) -> Decision | None:
    """The decision that the first way in which it is held gives; None when it is not held locally.

    Remembered with the grants it was made from, whose mappings never change.
    """
    grant_paths = grants.administrator_paths or grants.permissions.get(permission)
    if not grant_paths:
        return None
    decision = Decision(True, Reason.GRANTED, grant_paths[0])
    if isinstance(permission, Permission):  # of other names there may be any number
        grants.decided[permission] = decision
    return decision
