"""Who is asking in the Streamlit process, and the guard over it: ``principal``, ``require``, ``requires``, ``allows``.

The principal is the session that the socket guard bound this Streamlit session to (``st.user``), read afresh at each
call. No script context (a thread, a job) means nobody. Nothing about rights is kept in ``st.session_state``.
"""

from __future__ import annotations

import hmac
import inspect
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from functools import wraps
from pathlib import Path
from typing import Final, NamedTuple, ParamSpec, TypeVar

import structlog
from streamlit.runtime.scriptrunner import get_script_run_ctx

from app.core import correlation
from app.core.audit import AuditEvent, AuditKind, Outcome, actor_of
from app.core.clock import utc_now
from app.core.errors import NotFound, StorageUnavailable
from app.core.guard import Asking, Guard
from app.core.permissions import REQUIREMENTS, Permission
from app.core.policy import NO_GRANTS, Decision
from app.core.principal import ANONYMOUS, AuthMethod, Principal, Subject
from app.core.records import Session
from app.navigation import BY_FILE, PageRow
from app.services import services

P = ParamSpec("P")
R = TypeVar("R")

_log = structlog.get_logger(__name__)
_NOBODY: Final = Asking(ANONYMOUS, NO_GRANTS)


class _Binding(NamedTuple):
    """What a Streamlit session, or a carried function, is bound to."""

    ref: str
    subject: Subject


_carried: ContextVar[_Binding | None] = ContextVar("carried_binding", default=None)


def guarded() -> bool:
    """Whether the socket guard is in front of this app: only it knows this process's marker."""
    return _is_marked(_told())


def _told() -> Mapping[str, object]:
    """What ``st.user`` says of this Streamlit session, empty outside one.

    Read from where ``st.user`` reads it, which looks for a secrets file on disk at every key (Streamlit 1.67).
    """
    context = get_script_run_ctx(suppress_warning=True)
    return context.user_info if context is not None else {}


def _is_marked(told: Mapping[str, object]) -> bool:
    marker = told.get("guard")
    return isinstance(marker, str) and hmac.compare_digest(marker.encode(), services().identity.marker.encode())


def current_session() -> Session | None:
    """The live session that is asking, read afresh; None for nobody.

    Raises ``SessionExpired``, ``SessionEnded`` or ``StorageUnavailable``.
    """
    binding = _binding()
    if binding is None:
        return None
    session = services().sessions.by_ref(binding.ref)
    return session if session.person.subject == binding.subject else None


def session_at_the_gate() -> Session | None:
    """The session as the socket guard has just resolved it for this run's message; read afresh where it has not.

    For what stands around a page (navigation, account): the page, and each guarded function, reads afresh itself.
    Raises as ``current_session``.
    """
    binding = _binding()
    if binding is None:
        return None
    session = services().tabs.gated(binding.ref)
    return session if session is not None and session.person.subject == binding.subject else current_session()


def bound_session() -> tuple[str, Subject] | None:
    """The session this one is bound to, and its subject, as the socket guard said when it began; reads nothing.

    For finding what belongs to it. Whether it is still live, and what may be done in it, this does not say.
    """
    return _binding()


def browser_hash() -> str:
    """What stands for the browser (``component.cookies.browser_hash``), by the socket guard's word; "" without it."""
    told = _told()
    found = told.get("browser")
    return found if _is_marked(told) and isinstance(found, str) else ""


def asking() -> Asking:
    """Who is asking now and what they hold now; raises as ``current_session``."""
    return asking_of(current_session())


def asking_of(session: Session | None) -> Asking:
    """As ``asking``, for what ``current_session`` has just returned."""
    if session is None:
        return _NOBODY
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
    return Asking(principal, services().rights.of(person.subject, session.policy_version))


def principal() -> Principal:
    """Who is asking now; ``ANONYMOUS`` for nobody. Raises as ``current_session``."""
    return asking().principal


def _on_refused(who: Principal, permission: str | None, decision: Decision, target: str) -> None:
    """Record a refusal: strangers as counts, the known each as an event. It stands even when it cannot be recorded."""
    kind = AuditKind.PAGE_DENY if target.startswith("/") else AuditKind.FUNCTION_DENY
    if who.subject is None:
        services().refusals.record(kind, decision.reason, address="")
        return
    event = AuditEvent(
        kind=kind,
        at=utc_now(),
        outcome=Outcome.REFUSED,
        actor=actor_of(who),
        target=target,
        reason=decision.reason,
        correlation_id=correlation.current(),
        details={"permission": permission or "", "session": who.session_ref or ""},
    )
    try:
        with services().storage.unit_of_work() as unit:
            unit.record(event)
            unit.commit()
    except StorageUnavailable:
        _log.exception("a refusal could not be recorded", target=target, reason=decision.reason)


_GUARD: Final = Guard(asking, _on_refused)

decide = _GUARD.decide
allows = _GUARD.allows
missing = _GUARD.missing
require = _GUARD.require
requires = _GUARD.requires


def fresh_for(permission: Permission) -> timedelta | None:
    """How much longer the sign-in is recent enough for ``permission``: what a fragment's ``run_every`` takes.

    So that what is on the screen never offers what has become too old meanwhile. None when time changes nothing.
    """
    asked, at = REQUIREMENTS.get(permission), principal().authenticated_at
    if asked is None or asked.max_age_seconds is None or at is None:
        return None
    left = at + timedelta(seconds=asked.max_age_seconds) - utc_now()
    return left + timedelta(seconds=1) if left > timedelta() else None


def require_row(row: PageRow) -> Principal:
    """Decide about a page by its row; raises as ``require``."""
    return _GUARD.require(row.permission, target=f"/{row.path}")


def allows_row(row: PageRow) -> bool:
    """Whether the page would open now. For showing and hiding only."""
    return _GUARD.allows(row.permission)


def require_page() -> Principal:
    """The first statement of every page: decide by the page's own row, found by the file that calls this.

    Raises ``Unauthenticated``, ``PermissionDenied``, or ``NotFound`` for a script without a row.
    """
    frame = inspect.currentframe()
    caller = frame.f_back if frame is not None else None
    file = Path(str(caller.f_globals.get("__file__", ""))).name if caller is not None else ""
    row = BY_FILE.get(file)
    if row is None:
        raise NotFound("This page has no row in app.navigation, so nobody may open it.")
    return require_row(row)


def carried(function: Callable[P, R]) -> Callable[P, R]:
    """Let ``function`` run later outside the script (Streamlit calls a download's ``data`` in a thread).

    It runs bound to the session that asks *now*; the checks inside it read that session and its rights afresh when it
    runs, so a session that ended or a right that was taken away in between refuses it.
    """
    binding = _binding()

    @wraps(function)
    def bound(*args: P.args, **kwargs: P.kwargs) -> R:
        with _bound_to(binding):
            return function(*args, **kwargs)

    return bound


@contextmanager
def _bound_to(binding: _Binding | None) -> Iterator[None]:
    token = _carried.set(binding)
    try:
        yield
    finally:
        _carried.reset(token)


def _binding() -> _Binding | None:
    """What the present code is bound to: what it was carried with, else the socket guard's word in ``st.user``."""
    carried_with = _carried.get()
    if carried_with is not None:
        return carried_with
    told = _told()
    if not _is_marked(told):
        return None
    ref, name = told.get("sid"), told.get("iss_sub")
    if not isinstance(ref, str) or not ref or not isinstance(name, str) or not name:
        return None
    issuer, subject = json.loads(name)
    return _Binding(ref, Subject(issuer, subject))
