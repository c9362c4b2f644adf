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


class UsageTotals(ResponseModel):
    """The sums of several days."""

    sign_ins: int
    denials: int
    page_views: dict[str, int] = Field(description="Page path → views.")


class RefusedPage(ResponseModel):
    """A page that users were refused."""

    page: str = Field(description="The path of the page.")
    refusals: int


class Usage(ResponseModel):
    """The usage report, oldest day first."""

    since: date
    until: date
    days: tuple[UsageDayBody, ...]
    before: UsageTotals = Field(description="The span of the same length before `since`.")
    refused_pages: tuple[RefusedPage, ...] = Field(
        description="The 20 pages with most refusals among the last 10,000 in this span, from stored audit events."
    )
