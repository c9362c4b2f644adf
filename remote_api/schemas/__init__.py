"""Bodies and parameters of the API, as pydantic models: what is accepted, and what the description promises.

Requests refuse unknown fields. Views answer plain dictionaries for speed; a test holds every answer against its
model here.
"""

from __future__ import annotations

from datetime import date, datetime
from functools import cache
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from app.core.policy import Source
from app.core.principal import AuthMethod

SessionRef = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,128}$", description="Stable reference of a session.")]


class Asked(BaseModel):
    """Base of everything a client sends: unknown fields are refused, values are never repeated in an error."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    @classmethod
    def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """As pydantic's; made once where it is asked for plainly: flask-openapi3 does so on every request."""
        return _plain_schema(cls) if not args and not kwargs else super().model_json_schema(*args, **kwargs)


@cache
def _plain_schema(model: type[BaseModel]) -> dict[str, Any]:
    schema: dict[str, Any] = super(Asked, model).model_json_schema()  # type: ignore[misc] # the class, not an instance
    return schema


class Echo(Asked):
    """A text to be answered with."""

    text: Annotated[str, Field(max_length=500, description="What the answer repeats.")]


class Answer(BaseModel):
    """Base of everything the API answers."""

    model_config = ConfigDict(extra="forbid")


class Page(Answer):
    """Base of one page of a list."""

    next: str | None = Field(description="The cursor of the next page; null on the last one.")
    total: int = Field(description="How many match; counting stops at 1000.")
    total_capped: bool = Field(description="Whether there are that many or more.")


class ProblemBody(BaseModel):
    """RFC 9457: what every error answers. Some codes add members, such as ``permission`` or ``problems``."""

    model_config = ConfigDict(extra="allow", title="Problem")

    type: str = Field(description="Identifies the kind of problem.")
    title: str = Field(description="The kind of problem in words.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What to know of this occurrence; safe to show.")
    instance: str = Field(description="Identifies this occurrence.")
    code: str = Field(description="Stable code to decide by.")
    correlation_id: str = Field(description="The id under which the log and the audit know this request.")


class Message(Answer):
    """One sentence."""

    message: str


class SubjectBody(Answer):
    """Stable id of a person or a machine."""

    issuer: str
    subject: str


class Way(Answer):
    """One way in which something is held."""

    source: Source = Field(description="Where it came from.")
    role: str | None = Field(description="The role it came with; null for a single permission.")
    by: str = Field(description="Who gave it; empty for tokens.")
    since: datetime | None
    until: datetime | None = Field(description="When it expires; null when it does not.")


class HeldRole(Answer):
    """A role the caller holds."""

    name: str
    description: str
    ways: list[Way] = Field(min_length=1)


class StepUp(Answer):
    """What a sign-in must be like, in RFC 9470's words; null asks for nothing."""

    max_age: int | None = Field(description="How many seconds ago the person may have signed in.")
    acr_values: str | None = Field(description="The authentication context class, such as that of a second factor.")


class HeldPermission(Answer):
    """A permission the caller may use through this token; the way that decided comes first."""

    name: str
    sentence: str
    ways: list[Way] = Field(min_length=1)
    step_up: StepUp | None = Field(description="What must be done before it can be used; null when it can be used now.")


class Me(Answer):
    """Who is asking, and what they may do through this token."""

    subject: SubjectBody
    name: str
    email: str
    method: AuthMethod = Field(description="How the caller was proven.")
    client_id: str
    session: str | None = Field(description="Reference of the caller's session; null where there is none.")
    authenticated_at: datetime | None
    roles: list[HeldRole]
    permissions: list[HeldPermission]


class SessionBody(Answer):
    """A live session, as its own person sees it."""

    ref: str
    since: datetime
    last_seen_at: datetime
    expires_at: datetime
    browser: str = Field(description="What the browser called itself at sign-in.")
    address: str
    page: str = Field(description="Path of the page last used, with its slash; empty when not known.")
    current: bool = Field(description="Whether it is the session of the token in hand.")


class Sessions(Answer):
    """The caller's sessions, newest first."""

    sessions: list[SessionBody]


class SessionPath(Asked):
    """A session in the address."""

    ref: SessionRef


class EndedCount(Answer):
    """How many sessions ended."""

    ended: int


class UsageQuery(Asked):
    """The span of the usage report."""

    days: int = Field(30, ge=1, le=365, description="How many days, today included.")


class UsageDayBody(Answer):
    """One day (UTC)."""

    day: date
    sign_ins: int
    denials: int
    page_views: dict[str, int] = Field(description="Page path → views.")


class Usage(Answer):
    """The usage report, oldest day first."""

    since: date
    until: date
    days: list[UsageDayBody]


class Health(Answer):
    """``ok`` or ``ready``."""

    status: str
