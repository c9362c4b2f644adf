"""Usage report: sign-ins, refusals and page views, compared with the time before, by day and page; a guarded export."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import streamlit as st

from app import access, api_client, panels
from app.core.contract.usage import Usage
from app.core.errors import GatehouseError, StepUpRequired
from app.core.permissions import Permission
from app.navigation import BY_PATH
from app.ui import cells, charts, figures
from app.ui.figures import Figure
from app.ui.layout import header, side_by_side
from app.ui.table import Table
from app.ui.table_parts import Column, Row

access.require_page()

RANGES: Final = {"7 days": 7, "30 days": 30, "90 days": 90, "1 year": 365}
OTHER_PAGES: Final = "Other pages"
PAGES: Final = Table(
    "usage-pages",
    columns=(
        Column("page", "Page"),
        Column("views", "Views", kind="number"),
        Column("before", "Change", kind="short"),
        Column("refused", "Refused", kind="number"),
    ),
    singular="page",
    plural="pages",
)


@access.requires(Permission.EXPORT_REPORTS)
def export_report(days: int) -> bytes:
    """Return the report as a CSV file. The guard runs when the button is pressed."""
    return api_client.usage_csv(days)


@st.fragment(run_every=access.fresh_for(Permission.EXPORT_REPORTS))
def export(span: int) -> None:
    """Show the export, or how to be allowed to; reruns when the sign-in becomes too old for it."""
    refused = access.missing(Permission.EXPORT_REPORTS)
    if refused is None:
        st.download_button(
            "Export as CSV",
            data=access.bind_session(lambda: export_report(span)),
            file_name=f"usage-{span}-days.csv",
            mime="text/csv",
            icon=":material/download:",
            key="export",
            on_click="ignore",
        )
    elif isinstance(refused, StepUpRequired):
        with st.popover("Export as CSV", icon=":material/lock:", key="export-locked", width="content"):
            panels.step_up(refused, within_page=True)


def by_title(counts: Mapping[str, int]) -> dict[str, int]:
    """Counts by path as counts by title. The title of a page that the user may not open is not shown."""
    titles: dict[str, int] = {}
    for path, count in counts.items():
        row = BY_PATH.get(path.strip("/"))
        title = row.title if row is not None and access.allows_row(row) else OTHER_PAGES
        titles[title] = titles.get(title, 0) + count
    return titles


def totals(report: Usage, span: str) -> None:
    """Show the sums of the span, each with its difference to the span before."""
    before = report.before
    sums = (
        ("sign-in", sum(day.sign_ins for day in report.days), before.sign_ins),
        ("refusal", sum(day.denials for day in report.days), before.denials),
        ("page view", sum(sum(day.page_views.values()) for day in report.days), sum(before.page_views.values())),
    )
    figures.show(
        "usage",
        [
            Figure(f"{label}s", f"{count:,}", label, detail=figures.difference(count, earlier, span))
            for label, count, earlier in sums
        ],
    )


def over_time(report: Usage) -> None:
    """Show the counts of each day."""
    st.header("By day", anchor=False)
    days = [day.day for day in report.days]
    series = (
        charts.Series("Sign-ins", charts.SIGN_INS_COLOR, [day.sign_ins for day in report.days]),
        charts.Series("Refusals", charts.REFUSALS_COLOR, [day.denials for day in report.days]),
        charts.Series(
            "Page views", charts.PAGE_VIEWS_COLOR, [sum(day.page_views.values()) for day in report.days]
        ),
    )  # fmt: skip
    charts.daily("usage", days, series)
    st.markdown(":small[Days are in UTC.]")
    charts.table("usage", days, {each.label: each.counts for each in series})


def by_page(report: Usage, span: str) -> None:
    """Show the views and refusals of each page."""
    st.header("By page", anchor=False)
    views: dict[str, int] = {}
    for day in report.days:
        for path, count in day.page_views.items():
            views[path] = views.get(path, 0) + count
    views, before = by_title(views), by_title(report.before.page_views)
    refused = by_title({each.page: each.refusals for each in report.refused_pages})
    titles = sorted(views.keys() | refused.keys(), key=lambda title: (-views.get(title, 0), title))
    if not titles:
        st.markdown("No page was opened or refused in this time span.")
        return
    rows = [
        Row(
            title,
            title,
            (
                cells.text(title),
                cells.number(views.get(title, 0)),
                cells.text(figures.change(views.get(title, 0), before.get(title, 0))),
                cells.number(refused.get(title, 0)),
            ),
        )
        for title in titles
    ]
    PAGES.show("By page", rows)
    st.markdown(
        f":small[“Change” compares with the {span} before. “Refused” counts stored audit events, so it ends where the "
        "audit was pruned. Views and refusals are not recorded by role.]"
    )


with header("Usage report"):
    chosen = st.segmented_control(
        "Time span", list(RANGES), default="30 days", key="range", required=True, bind="query-params",
        label_visibility="collapsed", wrap=True,
    )  # fmt: skip
    export(RANGES[chosen])

try:
    with st.spinner("Loading the report…"):
        usage = api_client.usage_report(RANGES[chosen])
except GatehouseError as error:
    panels.problem(error)
    st.stop()

totals(usage, chosen)
if not any(day.sign_ins or day.denials or day.page_views for day in usage.days):
    st.info("No activity in this time span yet.", icon=":material/hourglass_empty:")
else:
    wide, narrow = side_by_side()
    with wide:
        by_page(usage, chosen)
    with narrow:
        over_time(usage)
missing = access.missing(Permission.EXPORT_REPORTS)
if missing is not None and not isinstance(missing, StepUpRequired):
    st.markdown(f"To export the report you need one more permission: {Permission.EXPORT_REPORTS.sentence}")
