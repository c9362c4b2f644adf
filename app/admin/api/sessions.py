"""Calls for live sessions: list and end them."""

from __future__ import annotations

from app import access
from app.admin.api.parameters import query_params
from app.api_client import call, path
from app.core.contract.sessions import EndedCount, PersonSessions, SessionItem, SessionList
from app.core.list_orders import SessionSort
from app.core.permissions import Permission


@access.requires(Permission.READ_SESSIONS)
def sessions(
    text: str = "",
    *,
    person_id: int | None = None,
    sort: SessionSort = SessionSort.LAST_SEEN,
    cursor: str = "",
    limit: int = 25,
) -> SessionList:
    """Return live sessions; of one person if ``person_id`` is set.

    ``text``: part of the person's name, e-mail or subject.
    """
    params = query_params(q=text, person=person_id, sort=sort.value, cursor=cursor, limit=limit)
    return call("GET", path("sessions"), params=params).read(SessionList)


@access.requires(Permission.READ_SESSIONS)
def sessions_of(person_id: int) -> tuple[SessionItem, ...]:
    """Return all live sessions of one person."""
    return call("GET", path("people", person_id, "sessions")).read(PersonSessions).sessions


@access.requires(Permission.END_SESSIONS)
def end_session(ref: str, *, reason: str) -> None:
    """End one session.

    Raises:
        NotFound: The session has ended already.
    """
    call("DELETE", path("sessions", ref), params=query_params(reason=reason)).expect_no_content()


@access.requires(Permission.END_SESSIONS)
def end_sessions_of(person_id: int, *, reason: str) -> int:
    """End all sessions of one person; return how many."""
    answer = call("DELETE", path("people", person_id, "sessions"), params=query_params(reason=reason))
    return answer.read(EndedCount).ended
