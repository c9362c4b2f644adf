"""The installation in numbers."""

from __future__ import annotations

from pydantic import Field

from app.core.contract.base import RequestModel, ResponseModel
from app.core.contract.fields import Days
from app.core.contract.usage import UsageDayBody


class StatisticsQuery(RequestModel):
    """The span of the statistics."""

    days: Days = 30


class AttentionBody(ResponseModel):
    """What an administrator should look at; lists hold the first 20."""

    unused_roles: tuple[str, ...]
    permissions_held_by_nobody: tuple[str, ...]
    permissions_asked_nowhere: tuple[str, ...] = Field(
        description="In the catalogue, and no published guard asks for them."
    )
    unmapped_token_roles: tuple[str, ...]
    people_without_roles: int
    blocked_people: int
    administrators: int = Field(description="Of whom the last must stay.")


class StatisticsBody(ResponseModel):
    """The installation in numbers."""

    people: int
    machines: int
    sessions: int
    roles: int
    days: tuple[UsageDayBody, ...]
    attention: AttentionBody
