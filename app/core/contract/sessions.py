"""Sessions: the caller's own, and those of other people."""

from __future__ import annotations

from pydantic import Field

from app.core.contract.base import ListPage, RequestModel, ResponseModel, SessionRef, SubjectBody, Time
from app.core.contract.fields import Cursor, Id, Limit, Search
from app.core.list_orders import SessionSort


class SessionBody(ResponseModel):
    """A live session of the caller."""

    ref: str
    since: Time
    last_seen_at: Time
    expires_at: Time
    browser: str = Field(description="The browser's user agent at sign-in.")
    address: str
    page: str = Field(description="Path of the page last used, with its slash; empty when not known.")
    current: bool = Field(description="Whether it is the session of the request's token.")


class Sessions(ResponseModel):
    """The caller's sessions, newest first."""

    sessions: tuple[SessionBody, ...]


class SessionPath(RequestModel):
    """A session in the path."""

    ref: SessionRef


class EndedCount(ResponseModel):
    """How many sessions ended."""

    ended: int


class SessionsQuery(RequestModel):
    """Which sessions to list."""

    q: Search = Field("", description="Part of the person's name, e-mail or subject, without regard to case.")
    person: Id | None = Field(None, description="Only this person's.")
    sort: SessionSort = Field(SessionSort.LAST_SEEN, description="The order; with `-`, the newest first.")
    cursor: Cursor = ""
    limit: Limit = 50


class SessionPerson(ResponseModel):
    """The person of a session."""

    id: int
    name: str
    subject: SubjectBody

    @property
    def shown_name(self) -> str:
        """The name, else how the provider names the person."""
        return self.name or self.subject.subject


class SessionItem(SessionBody):
    """A live session and its person."""

    person: SessionPerson


class PersonSessions(ResponseModel):
    """A person's live sessions."""

    sessions: tuple[SessionItem, ...]


class SessionList(ListPage[SessionItem]):
    """A page of live sessions."""

    sessions: tuple[SessionItem, ...]

    @property
    def rows(self) -> tuple[SessionItem, ...]:
        """The sessions."""
        return self.sessions
