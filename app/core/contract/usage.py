"""The usage report."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from app.core.contract.base import RequestModel, ResponseModel


class UsageQuery(RequestModel):
    """The span of the usage report."""

    days: int = Field(30, ge=1, le=365, description="How many days, today included.")


class UsageDayBody(ResponseModel):
    """One day (UTC)."""

    day: date
    sign_ins: int
    denials: int
    page_views: dict[str, int] = Field(description="Page path → views.")


class Usage(ResponseModel):
    """The usage report, oldest day first."""

    since: date
    until: date
    days: tuple[UsageDayBody, ...]
