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
    """What needs an administrator's attention; lists have the first 20."""

    unused_roles: tuple[str, ...]
    permissions_held_by_nobody: tuple[str, ...]
    permissions_asked_nowhere: tuple[str, ...] = Field(
        description="In the catalogue, but no published guard requires them."
    )
    unmapped_token_roles: tuple[str, ...]
    people_without_roles: int
    blocked_people: int
    administrators: int = Field(description="People who count as administrators, of whom one must remain.")


class StatisticsBody(ResponseModel):
    """The installation in numbers."""

    people: int
    machines: int
    sessions: int
    roles: int
    days: tuple[UsageDayBody, ...]
    attention: AttentionBody
