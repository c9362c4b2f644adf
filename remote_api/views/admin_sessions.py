"""Sessions of all people: list them, end one, end all of a person."""

from __future__ import annotations

from datetime import timedelta

from flask import current_app
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from app.core import administration
from app.core.administration_records import MAX_ROWS, SessionRow
from app.core.contract.base import ReasonRequest, SubjectBody, construct
from app.core.contract.people import PersonPath
from app.core.contract.sessions import (
    EndedCount,
    PersonSessions,
    SessionItem,
    SessionList,
    SessionPath,
    SessionPerson,
    SessionsQuery,
)
from app.core.errors import NotFound
from app.core.permissions import Permission
from remote_api.access import principal, requires
from remote_api.preconditions import unconditional
from remote_api.services import services
from remote_api.transactions import transaction
from remote_api.views.sessions import IDLE_SECONDS

_IDEMPOTENT = "ending is the same however often it is done"

api = APIBlueprint(
    "admin_sessions", __name__, url_prefix="/api/v1", abp_tags=[Tag(name="sessions", description="Who is signed in.")]
)


@api.get("/sessions", responses={200: SessionList})
@requires(Permission.READ_SESSIONS)
def all_sessions(query: SessionsQuery) -> SessionList:
    """List live sessions."""
    now = services().clock()
    rows = services().storage.administration.sessions(
        now,
        text=query.q,
        person=query.person,
        seen_since=now - _idle(),
        sort=query.sort,
        cursor=query.cursor,
        limit=query.limit,
    )
    return construct(
        SessionList,
        sessions=tuple([_item(row) for row in rows.rows]),
        next=rows.next,
        total=rows.total,
        total_capped=rows.capped,
    )


@api.delete("/sessions/<ref>", responses={204: None})
@unconditional(_IDEMPOTENT)
@requires(Permission.END_SESSIONS)
def end_any_session(path: SessionPath, query: ReasonRequest) -> tuple[str, int]:
    """End one session."""
    with transaction() as tx:
        administration.end_session(tx.unit, tx.actor, ref=path.ref, reason=query.reason, now=tx.now)
    return "", 204


@api.get("/people/<int:person>/sessions", responses={200: PersonSessions})
@requires(Permission.READ_SESSIONS)
def sessions_of_person(path: PersonPath) -> PersonSessions:
    """List a person's live sessions, last used first.

    Raises:
        NotFound: if there is no such person.
    """
    reader, now = services().storage.administration, services().clock()
    if reader.person_card(path.person, now) is None:
        raise NotFound("There is no such person.")
    rows = reader.sessions(now, person=path.person, seen_since=now - _idle(), limit=MAX_ROWS)
    return construct(PersonSessions, sessions=tuple([_item(row) for row in rows.rows]))


@api.delete("/people/<int:person>/sessions", responses={200: EndedCount})
@unconditional(_IDEMPOTENT)
@requires(Permission.END_SESSIONS)
def end_sessions_of_person(path: PersonPath, query: ReasonRequest) -> EndedCount:
    """End all sessions of a person."""
    with transaction() as tx:
        ended = administration.end_sessions(tx.unit, tx.actor, person=path.person, reason=query.reason, now=tx.now)
    return construct(EndedCount, ended=ended)


def _idle() -> timedelta:
    """How long a session lives without use."""
    return timedelta(seconds=current_app.config[IDLE_SECONDS])


def _item(row: SessionRow) -> SessionItem:
    session, subject = row.session, row.session.person.subject
    return construct(
        SessionItem,
        ref=session.ref,
        person=construct(
            SessionPerson,
            id=row.person_id,
            name=session.person.name,
            subject=construct(SubjectBody, issuer=subject.issuer, subject=subject.subject),
        ),
        since=session.created_at,
        last_seen_at=session.last_seen_at,
        expires_at=session.expires_at,
        browser=session.user_agent,
        address=session.address,
        page=session.page,
        current=session.ref == principal().session_ref,
    )
