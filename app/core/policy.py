"""The authorization decision: ``decide`` maps a principal, a permission and grants to a ``Decision``.

Nothing else in Gatehouse decides. ``decide`` is pure: it reads no storage, writes nothing and knows no framework.
``Grants`` are those that count *now*, without anything expired. The clock is read only for a permission that requires a
recent sign-in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from app.core.assurance import SignInRequirement, has_context
from app.core.clock import Clock, utc_now
from app.core.permissions import CATALOGUE, REQUIREMENTS
from app.core.principal import AuthMethod, Principal


class Reason(StrEnum):
    """The reason of a decision, in the order in which ``decide`` checks."""

    ANONYMOUS = "anonymous"
    BLOCKED = "blocked"
    NOT_GRANTED = "not-granted"
    SCOPE = "scope"
    STEP_UP_REQUIRED = "stale-login"
    GRANTED = "granted"


class Source(StrEnum):
    """The source of a grant."""

    ADMIN = "admin"  # an administrator here
    REQUEST = "request"  # an access request that was approved
    INSTALLATION = "policy"  # a rule of this installation, the command line included
    TOKEN = "token"  # noqa: S105 - the provider's token, synced at sign-in and refresh
    SCOPE = "scope"  # a permission marked `by_scope`, or a machine's scope; exists in the token only


class GrantPath(NamedTuple):
    """One path by which a permission is granted. ``role`` is None where the permission itself is granted."""

    role: str | None
    source: Source
    expires_at: datetime | None = None
    author: str = ""
    """The actor who granted it; empty for tokens."""
    granted_at: datetime | None = None


class Decision(NamedTuple):
    """Allowed or refused, with the reason and the grant (None when refused, or when no grant was needed).

    A decision that is refused only because the sign-in is not recent or strong enough names the grant too, and in
    ``step_up`` the sign-in that is required.
    """

    allowed: bool
    reason: Reason
    granted_by: GrantPath | None = None
    step_up: SignInRequirement | None = None

    @property
    def allowed_after_step_up(self) -> bool:
        """Whether it is allowed now, or would be after a step-up. For showing and hiding only, never as a guard."""
        return self.allowed or self.step_up is not None


@dataclass(frozen=True, slots=True)
class Grants:
    """The grants of one principal that count now.

    Attributes:
        permissions: Permission name → the paths by which it is granted locally (sources admin, request, policy, token),
            at least one each.
        administrator_paths: The paths by which the administrator role is granted, which includes every permission
            without listing any; empty for other principals.
        roles: Role name → the paths by which it is granted.
        next_expiry_at: Aware UTC of the next expiry among the grants, None when nothing expires: a cache must not use
            the set from then on.
        token_permissions: Permissions in the ``permissions`` claim of the request's bearer token, as far as the
            catalogue knows them; empty for sessions.
        withheld: Permissions that an administrator withholds from the subject, so that no claim of a token grants
            them; empty for sessions, whose grants contain nothing that is withheld.
        decisions: Permission → the decision of its first path, where ``with_decisions`` has made it in advance. A copy
            (``dataclasses.replace``) starts without any.
    """

    permissions: Mapping[str, tuple[GrantPath, ...]] = field(default_factory=lambda: MappingProxyType({}))
    roles: Mapping[str, tuple[GrantPath, ...]] = field(default_factory=lambda: MappingProxyType({}))
    administrator_paths: tuple[GrantPath, ...] = ()
    token_permissions: frozenset[str] = frozenset()
    withheld: frozenset[str] = frozenset()
    next_expiry_at: datetime | None = None
    decisions: Mapping[str, Decision] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def is_administrator(self) -> bool:
        """Whether the principal holds the administrator role, and with it every permission."""
        return bool(self.administrator_paths)

    def grant_paths(self, permission: str) -> tuple[GrantPath, ...]:
        """Return the paths by which ``permission`` is granted locally, those of the administrator role first."""
        return self.administrator_paths + self.permissions.get(permission, ())

    def with_decisions(self) -> Grants:
        """Return the same grants with ``decisions`` on what is granted of the catalogue, for a cache to keep."""
        made = {permission: _by_grant(permission, self) for permission in CATALOGUE.values()}
        decided = replace(self)
        object.__setattr__(
            decided, "decisions", {name: decision for name, decision in made.items() if decision is not None}
        )
        return decided


NO_GRANTS = Grants()

_ANONYMOUS = Decision(allowed=False, reason=Reason.ANONYMOUS)
_BLOCKED = Decision(allowed=False, reason=Reason.BLOCKED)
_NOT_GRANTED = Decision(allowed=False, reason=Reason.NOT_GRANTED)
_SCOPE = Decision(allowed=False, reason=Reason.SCOPE)
_STEP_UP_REQUIRED = Decision(allowed=False, reason=Reason.STEP_UP_REQUIRED)
_SIGNED_IN = Decision(allowed=True, reason=Reason.GRANTED)
_BY_TOKEN = Decision(allowed=True, reason=Reason.GRANTED, granted_by=GrantPath(role=None, source=Source.TOKEN))
_BY_SCOPE = Decision(allowed=True, reason=Reason.GRANTED, granted_by=GrantPath(role=None, source=Source.SCOPE))
_BY_SCOPE_NAMES = frozenset(permission.value for permission in CATALOGUE.values() if permission.by_scope)
_OTHER_TOKEN = AuthMethod.OTHER_TOKEN  # looking a member up in its enum costs as much as the decision
_MACHINE = AuthMethod.MACHINE


def decide(principal: Principal, permission: str | None, grants: Grants, *, clock: Clock = utc_now) -> Decision:
    """Decide whether ``principal`` may use ``permission``.

    Refused in this order: anonymous; blocked; not granted; granted, but not to this client; granted, but the sign-in is
    not as recent or as strong as the permission requires. Otherwise allowed.

    Args:
        principal: The caller.
        permission: A permission's name; None requires only an authenticated principal that is not blocked.
        grants: The caller's grants, read for this use.
        clock: The current time, for the age of the sign-in.

    Returns:
        The decision, with its reason.
    """
    decision = _by_rights(principal, permission, grants)
    if permission in REQUIREMENTS and decision.allowed:
        # Last, so that no user passes a second factor only to be refused after it.
        return _by_sign_in(principal, REQUIREMENTS[permission], decision, clock)
    return decision


def _by_rights(principal: Principal, permission: str | None, grants: Grants) -> Decision:
    """Decide by principal and grants, without the age and strength of the sign-in.

    The client counts: a session, a token of our own client and a machine use local grants fully. A person's token that
    was issued to another client grants what its ``permissions`` claim asserts, and of the local grants only those that
    its ``scope`` names. ``scope`` alone grants only permissions marked ``by_scope``, or any permission to a machine.
    Neither claim grants what an administrator withholds.
    """
    if principal.subject is None:
        return _ANONYMOUS
    if principal.blocked:
        return _BLOCKED
    if permission is None:
        return _SIGNED_IN
    granted = grants.decisions.get(permission) or _by_grant(permission, grants)
    if principal.method is _OTHER_TOKEN:
        if permission in grants.token_permissions and permission not in grants.withheld:
            return _BY_TOKEN
        if granted and permission not in principal.scope:
            return _SCOPE
    return granted or _by_claims(principal, permission, grants)


def _by_claims(principal: Principal, permission: str, grants: Grants) -> Decision:
    """Decide by the claims of the request's token, where ``permission`` is not granted locally."""
    if permission in grants.withheld:
        return _NOT_GRANTED
    machine = principal.method is _MACHINE
    if permission in principal.scope and (machine or permission in _BY_SCOPE_NAMES):
        return _BY_SCOPE
    return _BY_TOKEN if machine and permission in grants.token_permissions else _NOT_GRANTED


def _by_sign_in(principal: Principal, required: SignInRequirement, granted: Decision, clock: Clock) -> Decision:
    """Return ``granted``, or its refusal because of how the principal signed in. What is unknown counts as not done.

    A machine authenticates with every token and has no user who could confirm anything: it is refused permanently.
    """
    if principal.method is _MACHINE:
        return _STEP_UP_REQUIRED
    good = not required.acr or has_context(required.acr, achieved=principal.acr, methods=principal.amr)
    if good and required.max_age_seconds is not None:
        at = principal.authenticated_at
        good = at is not None and (clock() - at).total_seconds() <= required.max_age_seconds
    return granted if good else granted._replace(allowed=False, reason=Reason.STEP_UP_REQUIRED, step_up=required)


def _by_grant(permission: str, grants: Grants) -> Decision | None:
    """The decision of the first path to ``permission``; None when it is not granted locally."""
    grant_paths = grants.administrator_paths or grants.permissions.get(permission)
    return Decision(True, Reason.GRANTED, grant_paths[0]) if grant_paths else None
