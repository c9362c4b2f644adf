"""The caller in the Streamlit process and its guard: ``principal``, ``require``, ``requires``, ``allows``.

The identity middleware binds each Streamlit session to a session (``st.user``). Every call here reads that session from
storage again. Code without a script context (a thread, a job) is anonymous. ``st.session_state`` contains no rights.
Inside anything that users share (a cache, another user's bound function) every call here raises ``IdentityShared``.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar

import structlog

from app.core import correlation
from app.core.audit import AuditEvent, AuditKind, Outcome, actor_of
from app.core.clock import utc_now
from app.core.errors import NotFound, StorageUnavailable
from app.core.guard import Caller, Guard
from app.core.permissions import REQUIREMENTS, Permission
from app.core.policy import NO_GRANTS, Decision
from app.core.principal import ANONYMOUS, AuthMethod, Principal, Subject
from app.core.records import Session
from app.navigation import BY_FILE, PageRow
from app.runtime.session_binding import bind_session, binding, browser_hash, has_identity_middleware
from app.services import services

__all__ = [
    "allows", "allows_row", "bind_session", "bound_session", "browser_hash", "caller", "caller_of", "carried",
    "current_session", "decide", "fresh_for", "has_identity_middleware", "missing", "principal",
    "recently_checked_session", "require", "require_page", "require_row", "requires",
]  # fmt: skip

P = ParamSpec("P")
R = TypeVar("R")

_log = structlog.get_logger(__name__)
_ANONYMOUS_CALLER: Final = Caller(ANONYMOUS, NO_GRANTS)
_RERUN_MODULES: Final = frozenset({"streamlit.runtime.fragment", "streamlit.elements.dialog_decorator"})
"""Modules of Streamlit's decorators that rerun a function without the code around it."""


def current_session() -> Session | None:
    """The caller's live session, read from storage; None for an anonymous caller.

    Raises:
        SessionExpired: The lifetime of the session is over.
        SessionEnded: The session was ended.
        StorageUnavailable: The database does not answer.
        IdentityShared: The code runs inside something that users share.
    """
    bound = binding()
    if bound is None:
        return None
    session = services().sessions.by_ref(bound.ref)
    return session if session.person.subject == bound.subject else None


def recently_checked_session() -> Session | None:
    """The session as the middleware has just checked it for this run's message; read from storage when it has not.

    For what the app shows around a page (navigation, account). The page and each guarded function read the session
    from storage themselves.

    Raises:
        SessionExpired: The lifetime of the session is over.
        SessionEnded: The session was ended.
        StorageUnavailable: The database does not answer.
        IdentityShared: The code runs inside something that users share.
    """
    bound = binding()
    if bound is None:
        return None
    session = services().tabs.recently_checked(bound.ref)
    return session if session is not None and session.person.subject == bound.subject else current_session()


def bound_session() -> tuple[str, Subject] | None:
    """Reference and subject of the session that the middleware bound this Streamlit session to; reads no storage.

    For finding what belongs to the session. The session may have ended since.

    Raises:
        IdentityShared: The code runs inside something that users share.
    """
    return binding()


def carried(function: Callable[P, R]) -> Callable[P, R]:
    """The old name of ``bind_session``, which the next version removes.

    Raises:
        IdentityShared: The code runs inside something that users share.
    """
    warnings.warn("access.carried is now access.bind_session", DeprecationWarning, stacklevel=2)
    return bind_session(function)


def caller() -> Caller:
    """The present caller with its present grants.

    Raises:
        SessionExpired: The lifetime of the session is over.
        SessionEnded: The session was ended.
        StorageUnavailable: The database does not answer.
        IdentityShared: The code runs inside something that users share.
    """
    return caller_of(current_session())


def caller_of(session: Session | None) -> Caller:
    """The caller of a session that ``current_session`` has just returned.

    Raises:
        StorageUnavailable: The database does not answer.
    """
    if session is None:
        return _ANONYMOUS_CALLER
    person = session.person
    principal = Principal(
        method=AuthMethod.SESSION,
        subject=person.subject,
        name=person.name,
        email=person.email,
        picture=person.picture,
        blocked=person.blocked,
        session_ref=session.ref,
        authenticated_at=session.authenticated_at,
        acr=session.acr,
        amr=session.amr,
    )
    return Caller(principal, services().rights.of(person.subject, session.policy_version))


def principal() -> Principal:
    """The present caller's principal; ``ANONYMOUS`` for an anonymous caller.

    Raises:
        SessionExpired: The lifetime of the session is over.
        SessionEnded: The session was ended.
        StorageUnavailable: The database does not answer.
        IdentityShared: The code runs inside something that users share.
    """
    return caller().principal


def _on_refused(actor: Principal, permission: str | None, decision: Decision, target: str) -> None:
    """Record a refusal: of anonymous callers as counts, of users each as an event. A failure to record it is logged."""
    kind = AuditKind.PAGE_DENY if target.startswith("/") else AuditKind.FUNCTION_DENY
    if actor.subject is None:
        services().refusals.record(kind, decision.reason, address="")
        return
    event = AuditEvent(
        kind=kind,
        at=utc_now(),
        outcome=Outcome.REFUSED,
        actor=actor_of(actor),
        target=target,
        reason=decision.reason,
        correlation_id=correlation.current(),
        details={"permission": permission or "", "session": actor.session_ref or ""},
    )
    try:
        with services().storage.unit_of_work() as unit:
            unit.record(event)
            unit.commit()
    except StorageUnavailable:
        _log.exception("a refusal could not be recorded", target=target, reason=decision.reason)


_GUARD: Final = Guard(caller, _on_refused)

decide = _GUARD.decide
allows = _GUARD.allows
missing = _GUARD.missing
require = _GUARD.require


def requires(permission: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorate a function so that each call checks the permission first, as ``Guard.requires`` does.

    The decorator goes above a cache and below a fragment or dialog.

    Raises:
        TypeError: As ``Guard.requires``, and for a fragment or dialog: Streamlit reruns those without the decorators
            above them.
    """
    decorate = _GUARD.requires(permission)

    def decorate_checked(function: Callable[P, R]) -> Callable[P, R]:
        layer: Any = function
        while layer is not None:
            if getattr(layer, "__globals__", {}).get("__name__") in _RERUN_MODULES:
                msg = "@requires goes below @st.fragment and @st.dialog: Streamlit reruns those without what is above"
                raise TypeError(msg)
            layer = getattr(layer, "__wrapped__", None)
        return decorate(function)

    return decorate_checked


def fresh_for(permission: Permission) -> timedelta | None:
    """How much longer the sign-in is recent enough for ``permission``, as ``run_every`` of a fragment.

    The fragment then runs again when the sign-in becomes too old, and never offers an action that would be refused.
    None when the permission requires no recent sign-in, or the sign-in is too old already.

    Raises:
        SessionExpired: The lifetime of the session is over.
        SessionEnded: The session was ended.
        StorageUnavailable: The database does not answer.
        IdentityShared: The code runs inside something that users share.
    """
    requirement, at = REQUIREMENTS.get(permission), principal().authenticated_at
    if requirement is None or requirement.max_age_seconds is None or at is None:
        return None
    left = at + timedelta(seconds=requirement.max_age_seconds) - utc_now()
    return left + timedelta(seconds=1) if left > timedelta() else None


def require_row(row: PageRow) -> Principal:
    """Require the permission of a page's row; returns the principal.

    Raises:
        Unauthenticated: The caller is anonymous, or the session is over.
        PermissionDenied: The user does not have the permission.
        StepUpRequired: The permission requires a more recent or stronger sign-in.
        ServiceUnavailable: The database does not answer.
    """
    return _GUARD.require(row.permission, target=f"/{row.path}")


def allows_row(row: PageRow) -> bool:
    """Whether the page would open now. Only for showing and hiding elements.

    Raises:
        ServiceUnavailable: The database does not answer.
    """
    return _GUARD.allows(row.permission)


def require_page() -> Principal:
    """The first statement of every page: require the permission of the row for the calling file.

    Raises:
        Unauthenticated: The caller is anonymous, or the session is over.
        PermissionDenied: The user does not have the permission.
        StepUpRequired: The permission requires a more recent or stronger sign-in.
        ServiceUnavailable: The database does not answer.
        NotFound: The script has no row.
    """
    frame = inspect.currentframe()
    calling_frame = frame.f_back if frame is not None else None
    file = Path(str(calling_frame.f_globals.get("__file__", ""))).name if calling_frame is not None else ""
    row = BY_FILE.get(file)
    if row is None:
        raise NotFound("This page has no row in app.navigation, so no user may open it.")
    if row.development_only and services().settings.production:
        raise NotFound("This page exists in development only.")
    return require_row(row)
