"""Reports over the product's own data: usage per day, as JSON and as a CSV file."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from app.core.contract.base import construct
from app.core.contract.usage import RefusedPage, Usage, UsageDayBody, UsageQuery, UsageTotals
from app.core.permissions import Permission
from app.core.records import UsageDay
from remote_api.access import requires
from remote_api.services import services

api = APIBlueprint(
    "reports",
    __name__,
    url_prefix="/api/v1/reports",
    abp_tags=[Tag(name="reports", description="What happened, by day.")],
)


@api.get("/usage", responses={200: Usage})
@requires(Permission.READ_REPORTS)
def usage(query: UsageQuery) -> Usage:
    """Report sign-ins, refusals and page views per day, and where users were refused."""
    since, until, days = _usage(query.days)
    before = services().storage.read.usage(since - timedelta(days=query.days), since - timedelta(days=1))
    refused = services().storage.administration.refused_pages(datetime.combine(since, time(), UTC))
    return construct(
        Usage,
        since=since,
        until=until,
        days=tuple([day_body(day) for day in days]),
        before=_totals(before),
        refused_pages=tuple([construct(RefusedPage, page=page, refusals=count) for page, count in refused]),
    )


@api.get(
    "/usage.csv",
    responses={200: {"description": "The report as a file.", "content": {"text/csv": {"schema": {"type": "string"}}}}},
)
@requires(Permission.EXPORT_REPORTS)
def usage_csv(query: UsageQuery) -> Response:
    """Download the usage report as a CSV file."""
    since, until, days = _usage(query.days)
    return Response(
        csv_lines(days),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="usage-{since}-{until}.csv"'},
    )


def csv_lines(days: Sequence[UsageDay]) -> Iterator[str]:
    """The report line by line: the day, its totals, then one column for each page that was seen in the span.

    No cell begins with anything from outside, so that none is a formula to a spreadsheet.
    """
    pages = sorted({page for day in days for page in day.page_views})
    yield _line(["day", "sign_ins", "denials", "page_views", *(f"page_views {page}" for page in pages)])
    for day in days:
        views = [day.page_views.get(page, 0) for page in pages]
        yield _line([day.day.isoformat(), day.sign_ins, day.refusals, sum(views), *views])


def day_body(day: UsageDay) -> UsageDayBody:
    """One day of the report."""
    return construct(
        UsageDayBody, day=day.day, sign_ins=day.sign_ins, denials=day.refusals, page_views=dict(day.page_views)
    )


def _totals(days: Sequence[UsageDay]) -> UsageTotals:
    views: Counter[str] = Counter()
    for day in days:
        views.update(day.page_views)
    return construct(
        UsageTotals,
        sign_ins=sum(day.sign_ins for day in days),
        denials=sum(day.refusals for day in days),
        page_views=dict(views),
    )


def _line(cells: Sequence[str | int]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()


def _usage(days: int) -> tuple[date, date, Sequence[UsageDay]]:
    until = services().clock().date()
    since = until - timedelta(days=days - 1)
    return since, until, services().storage.read.usage(since, until)
