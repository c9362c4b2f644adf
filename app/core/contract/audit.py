"""The audit: events, their kinds, the chain."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from app.core.audit import Outcome
from app.core.audit_rows import AuditSort
from app.core.contract.base import ListPage, RequestModel, ResponseModel, Time
from app.core.contract.fields import LINE, Cursor, Flag, Id, Limit, Moment

AuditText = Annotated[str, Field(max_length=800, pattern=LINE)]


class AuditFilters(RequestModel):
    """Filters of events."""

    name: AuditText = Field("", description="The actor or the target, by its name in the audit.")
    actor: AuditText = Field("", description="The actor, by its name in the audit.")
    target: AuditText = Field("", description="The target, by its name in the audit.")
    kind: list[Annotated[str, Field(max_length=100, pattern=LINE)]] = Field(
        [], max_length=50, description="Kinds of events; repeat the parameter for several."
    )
    outcome: Outcome | None = Field(None, description="How it went.")
    since: Moment | None = Field(None, description="Not before this time.")
    until: Moment | None = Field(None, description="Before this time.")


class AuditListQuery(AuditFilters):
    """Which events to list."""

    sort: AuditSort = Field(AuditSort.NEWEST, description="The order; with `-`, the newest first.")
    cursor: Cursor = ""
    limit: Limit = 50


class AuditExportQuery(AuditFilters):
    """Which events to download, and how."""

    format: Literal["csv", "jsonl"] = Field(description="Comma-separated values, or a JSON object a line.")


class EventPath(RequestModel):
    """An event in the address."""

    seq: Id


class AuditItem(ResponseModel):
    """An audit event. Texts are plain text, never markup."""

    seq: int
    at: Time
    kind: str
    sentence: str = Field(description="The event as a sentence, with the current names of people.")
    outcome: str
    actor: str = Field(description="The actor, by its name in the audit.")
    actor_name: str = Field(description="The actor's current name; empty where it has none.")
    target: str = Field(description="The target, by its name in the audit.")
    target_name: str = Field(description="The target's current name; empty where it has none.")
    reason: str
    correlation_id: str
    address: str
    details: dict[str, str | int | bool | None]


class Events(ListPage[AuditItem]):
    """A page of events."""

    events: tuple[AuditItem, ...]

    @property
    def rows(self) -> tuple[AuditItem, ...]:
        """The events."""
        return self.events


class KindBody(ResponseModel):
    """A kind of events."""

    kind: str
    sentence: str = Field(
        description="The template of its sentences: placeholders in braces; what is in brackets may be omitted."
    )


class Kinds(ResponseModel):
    """Every kind of events."""

    kinds: tuple[KindBody, ...]


class ChainQuery(RequestModel):
    """Whether to verify the audit's chain."""

    full: Flag = Field(False, description="Verify every event, which takes a while; one verification at a time.")


class Chain(ResponseModel):
    """The end of the audit's chain, and with ``full`` the result of its verification."""

    seq: int = Field(description="The number of the newest event.")
    last_at: Time | None
    sealed: bool = Field(description="Whether the end carries the seal of this installation.")
    boundary_seq: int = Field(description="The event up to which older ones were deleted by a sealed boundary.")
    verified: bool = Field(description="Whether every event was verified, rather than only the end.")
    good: bool | None = Field(description="Whether the verification found no problem; null when it was not verified.")
    events: int | None = Field(description="The number of verified events; null when it was not verified.")
    problems: tuple[str, ...] = Field(description="The problems, a sentence each.")
