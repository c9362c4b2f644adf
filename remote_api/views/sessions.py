"""The caller's own sessions: list them, end one, end all others.

Only the app's own tokens are accepted: a token of another client, whatever it was issued for, neither learns where a
person is signed in nor signs them out. A session of another person is reported as one that does not exist.
"""

from __future__ import annotations

from datetime import timedelta

from flask import current_app, request
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from app.core import correlation
from app.core.audit import AuditEvent, AuditKind, actor_of, subject_name
from app.core.browsers import browser_name
from app.core.contract.base import construct
from app.core.contract.sessions import EndedCount, SessionBody, SessionPath, Sessions
from app.core.errors import NotFound, PermissionDenied
from app.core.policy import Decision, Reason
from app.core.principal import AuthMethod, Principal, Subject
from app.core.records import EndReason, Session
from app.core.session_liveness import Liveness, liveness
from remote_api.access import authenticated, bearer_authentication, principal
from remote_api.preconditions import unconditional
from remote_api.services import services

IDLE_SECONDS = "GATEHOUSE_SESSION_IDLE_SECONDS"

api = APIBlueprint(
    "sessions",
    __name__,
    url_prefix="/api/v1/me/sessions",
    abp_tags=[Tag(name="me", description="The caller's own things.")],
)


@api.get("", responses={200: Sessions})
@authenticated
def sessions() -> Sessions:
    """List the caller's live sessions, newest first."""
    caller, subject = _person()
    now = services().clock()
    idle = timedelta(seconds=current_app.config[IDLE_SECONDS])
    rows = [
        construct(
            SessionBody,
            ref=session.ref,
            since=session.created_at,
            last_seen_at=session.last_seen_at,
            expires_at=session.expires_at,
            browser=session.user_agent,
            address=session.address,
            page=session.page,
            current=session.ref == caller.session_ref,
        )
        for session in services().storage.read.sessions_of(subject, now)
        if liveness(session, idle=idle, now=now) is Liveness.LIVE
    ]
    return construct(Sessions, sessions=tuple(rows))


@api.delete("/<ref>", responses={204: None})
@unconditional("ending is the same however often it is done")
@authenticated
def end_session(path: SessionPath) -> tuple[str, int]:
    """End one of the caller's sessions.

    Raises:
        NotFound: if the caller has no such session.
    """
    caller, subject = _person()
    now = services().clock()
    with services().storage.unit_of_work() as unit:
        session = unit.session_by_ref(path.ref)
        if session is None or session.person.subject != subject:
            raise NotFound("You have no such session.")
        if not unit.end_session(path.ref, EndReason.ENDED_BY_PERSON, now):
            raise NotFound("You have no such session.")
        unit.record(_ended(caller, session))
        unit.commit()
    return "", 204


@api.delete("", responses={200: EndedCount})
@unconditional("ending is the same however often it is done")
@authenticated
def end_other_sessions() -> EndedCount:
    """End all of the caller's sessions but the one in hand."""
    caller, subject = _person()
    now = services().clock()
    with services().storage.unit_of_work() as unit:
        ended = unit.end_sessions_of(subject, EndReason.ENDED_BY_PERSON, now, keep=caller.session_ref)
        for session in filter(None, map(unit.session_by_ref, ended)):
            unit.record(_ended(caller, session))
        unit.commit()
    return construct(EndedCount, ended=len(ended))


def _person() -> tuple[Principal, Subject]:
    """The caller, who must come by a token of the app itself."""
    caller = principal()
    if caller.subject is None or caller.method is not AuthMethod.OWN_TOKEN:
        decision = Decision(allowed=False, reason=Reason.SCOPE)
        bearer_authentication().record_refusal(caller, None, decision, f"{request.method} {request.url_rule}")
        raise PermissionDenied("", decision.reason, "Sessions can be seen and ended only from the app itself.")
    return caller, caller.subject


def _ended(caller: Principal, session: Session) -> AuditEvent:
    return AuditEvent(
        kind=AuditKind.SESSION_END,
        at=services().clock(),
        actor=actor_of(caller),
        target=subject_name(session.person.subject),
        reason=EndReason.ENDED_BY_PERSON,
        correlation_id=correlation.current(),
        address=bearer_authentication().address(),
        details={"session": session.ref, "browser": browser_name(session.user_agent)},
    )
