"""Usage report: sign-ins, refusals and page views per day, as charts and a table; the export is guarded."""

import pandas as pd
import streamlit as st

from app import access, api_client, panels
from app.core.errors import GatehouseError, StepUpRequired
from app.core.permissions import Permission
from app.navigation import BY_PATH

access.require_page()


@access.requires(Permission.EXPORT_REPORTS)
def export_report(days: int) -> bytes:
    """Return the report as a CSV file. The guard runs when the button is pressed."""
    return api_client.usage_csv(days)


COLORS = {"Sign-ins": "#3f8f78", "Refusals": "#d9933d", "Page views": "#5b7fb5"}
RANGES = {"7 days": 7, "30 days": 30, "90 days": 90, "1 year": 365}

st.title("Usage report")
st.caption("The use of this installation. Days are in UTC.")

chosen = st.segmented_control(
    "Time span", list(RANGES), default="30 days", key="range", required=True, bind="query-params"
)
span = RANGES[chosen]

try:
    with st.spinner("Loading the report…"):
        days = api_client.usage(span)
except GatehouseError as error:
    panels.problem(error)
    st.stop()

frame = pd.DataFrame(
    {
        "Day": [day.day for day in days],
        "Sign-ins": [day.sign_ins for day in days],
        "Refusals": [day.denials for day in days],
        "Page views": [sum(day.page_views.values()) for day in days],
    }
)
frame["Day"] = pd.to_datetime(frame["Day"])

panels.figures({name: int(frame[name].sum()) for name in ("Sign-ins", "Refusals", "Page views")})

if not frame[["Sign-ins", "Refusals", "Page views"]].to_numpy().any():
    st.info("No activity in this time span yet.", icon=":material/hourglass_empty:")
else:
    for column, (name, color) in zip(st.columns(len(COLORS)), COLORS.items(), strict=True):
        with column:
            st.markdown(f"**{name} per day**")
            if frame[name].any():
                st.bar_chart(frame, x="Day", y=name, y_label="", x_label="", color=color, height=220)
            else:
                st.caption("None in this time span.")
    views: dict[str, int] = {}
    for day in days:
        for path, count in day.page_views.items():
            views[path] = views.get(path, 0) + count
    with st.expander("As a table", icon=":material/table:"):
        st.dataframe(
            frame.sort_values("Day", ascending=False),
            hide_index=True,
            width="stretch",
            column_config={"Day": st.column_config.DateColumn("Day")},
            key="usage-table",
        )
    # The title of a page that the user may not open is not shown.
    views_by_title: dict[str, int] = {}
    for path, count in views.items():
        row = BY_PATH.get(path.strip("/"))
        title = row.title if row is not None and access.allows_row(row) else "Other pages"
        views_by_title[title] = views_by_title.get(title, 0) + count
    with st.expander("Views by page", icon=":material/web:"):
        st.dataframe(
            [
                {"Page": title, "Views": count}
                for title, count in sorted(views_by_title.items(), key=lambda item: -item[1])
            ],
            hide_index=True,
            width="stretch",
            key="views-table",
        )


@st.fragment(run_every=access.fresh_for(Permission.EXPORT_REPORTS))
def export() -> None:
    """Show the export or the reason why it is refused; reruns when the sign-in becomes too old for it."""
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
        panels.step_up(refused, within_page=True)
    else:
        st.caption(f"To export the report you need one more permission: {Permission.EXPORT_REPORTS.sentence}")


export()
