"""What is going on and what was done: other people's sessions, the audit, statistics, guards."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from app.core.audit import Outcome
from app.core.directory import GuardKind
from remote_api.schemas import Answer, Asked, Page, SessionBody, SessionRef, SubjectBody, UsageDayBody
from remote_api.schemas.fields import LINE, Cursor, Days, Flag, Id, Limit, Moment, Reason

AuditText = Annotated[str, Field(max_length=800, pattern=LINE)]


class SessionsAsked(Asked):
    """Which sessions to list."""

    person: Id | None = Field(None, description="Only this person's.")
    cursor: Cursor = ""
    limit: Limit = 50


class SessionEnding(Asked):
    """Why a session is ended."""

    reason: Reason


class SessionPerson(Answer):
    """Whose session it is."""

    id: int
    name: str
    subject: SubjectBody


class SessionItem(SessionBody):
    """A live session of anybody's."""

    person: SessionPerson


class PersonSessions(Answer):
    """A person's live sessions."""

    sessions: list[SessionItem]


class SessionList(Page):
    """A page of live sessions, last used first."""

    sessions: list[SessionItem]


class AnySessionPath(Asked):
    """A session in the address."""

    ref: SessionRef


class AuditFilters(Asked):
    """Which events."""

    name: AuditText = Field("", description="Whoever acted or was acted on, by its name in the audit.")
    actor: AuditText = Field("", description="Who acted, by its name in the audit.")
    target: AuditText = Field("", description="What was acted on, by its name in the audit.")
    kind: list[Annotated[str, Field(max_length=100, pattern=LINE)]] = Field(
        [], max_length=50, description="Kinds of events; repeat the parameter for several."
    )
    outcome: Outcome | None = Field(None, description="How it went.")
    since: Moment | None = Field(None, description="Not before this time.")
    until: Moment | None = Field(None, description="Before this time.")


class AuditAsked(AuditFilters):
    """Which events to list, newest first."""

    cursor: Cursor = ""
    limit: Limit = 50


class AuditExport(AuditFilters):
    """Which events to download, and how."""

    format: Literal["csv", "jsonl"] = Field(description="Comma-separated values, or a JSON object a line.")


class EventPath(Asked):
    """An event in the address."""

    seq: Id


class AuditItem(Answer):
    """An audit event. Texts are texts: nothing of them is markup."""

    seq: int
    at: datetime
    kind: str
    sentence: str = Field(description="What it says, with names as people know them today.")
    outcome: str
    actor: str
    target: str
    reason: str
    correlation_id: str
    address: str
    details: dict[str, str | int | bool | None]


class Events(Page):
    """A page of events, newest first."""

    events: list[AuditItem]


class KindBody(Answer):
    """A kind of events."""

    kind: str
    sentence: str


class Kinds(Answer):
    """Every kind of events."""

    kinds: list[KindBody]


class ChainAsked(Asked):
    """How to look at the audit's chain."""

    full: Flag = Field(False, description="Verify every event, which takes a while; one such look at a time.")


class Chain(Answer):
    """The end of the audit, and with ``full`` whether all of it is whole."""

    seq: int = Field(description="The number of the newest event.")
    last_at: datetime | None
    sealed: bool = Field(description="Whether the end carries the seal of this installation.")
    boundary_seq: int = Field(description="The event up to which older ones were deleted by a sealed boundary.")
    verified: bool = Field(description="Whether every event was looked at, rather than only the end.")
    good: bool | None = Field(description="Whether nothing wrong was found; null when it was not verified.")
    events: int | None = Field(description="How many were looked at; null when it was not verified.")
    problems: list[str] = Field(description="What is wrong, a sentence each.")


class StatisticsAsked(Asked):
    """The span of the statistics."""

    days: Days = 30


class AttentionBody(Answer):
    """What an administrator should look at; lists hold the first 20."""

    unused_roles: list[str]
    permissions_held_by_nobody: list[str]
    permissions_asked_nowhere: list[str] = Field(description="In the catalogue, and no published guard asks for them.")
    unmapped_token_roles: list[str]
    people_without_roles: int
    blocked_people: int
    administrators: int = Field(description="Of whom the last must stay.")


class StatisticsBody(Answer):
    """The installation in numbers."""

    people: int
    machines: int
    sessions: int
    roles: int
    days: list[UsageDayBody]
    attention: AttentionBody


class GuardBody(Answer):
    """A place in the code that asks for a permission."""

    kind: GuardKind
    name: str = Field(description="A page's path, `module:function`, or `METHOD /address`.")
    permission: str = Field(description="Empty where anybody who is signed in may.")
    file: str
    line: int
    process: str
    version: str
    published_at: datetime | None


class Guards(Answer):
    """What in the code asks for which permission."""

    guards: list[GuardBody]
