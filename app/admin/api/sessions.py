"""Calls about live sessions: who is here, and ending them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from app import access
from app.admin.api.responses import Name, Page, asked, read, read_list, read_page
from app.api_client import call, path
from app.core.permissions import Permission


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose session it is."""

    id: int
    name: str
    subject: Name

    @property
    def shown_name(self) -> str:
        """What to call them."""
        return self.name or self.subject.subject


@dataclass(frozen=True, slots=True)
class Session:
    """A live session. ``browser`` is its user agent, ``page`` the path it was last used on; both may be empty."""

    ref: str
    person: Owner
    since: datetime
    last_seen_at: datetime
    expires_at: datetime
    browser: str
    address: str
    page: str
    current: bool
    """Whether it is the one that asks."""


@dataclass(frozen=True, slots=True)
class _Ended:
    ended: int


@access.requires(Permission.READ_SESSIONS)
def sessions(*, person_id: int | None = None, cursor: str = "", limit: int = 25) -> Page[Session]:
    """Live sessions, last used first; of one person where one is named."""
    params = asked(person=person_id, cursor=cursor, limit=limit)
    return read_page(call("GET", path("sessions"), params=params), "sessions", Session)


@access.requires(Permission.READ_SESSIONS)
def sessions_of(person_id: int) -> tuple[Session, ...]:
    """All live sessions of one person."""
    return read_list(call("GET", path("people", person_id, "sessions")), "sessions", Session)


@access.requires(Permission.END_SESSIONS)
def end_session(ref: str, *, reason: str) -> None:
    """End one session; raises ``NotFound`` when it is gone already."""
    call("DELETE", path("sessions", ref), params=asked(reason=reason)).nothing()


@access.requires(Permission.END_SESSIONS)
def end_sessions_of(person_id: int, *, reason: str) -> int:
    """End all sessions of one person; returns how many."""
    answer = call("DELETE", path("people", person_id, "sessions"), params=asked(reason=reason))
    return read(answer, _Ended).ended
