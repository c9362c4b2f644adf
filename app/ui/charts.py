"""Counts per day as bars, one chart above the other, with one time axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import altair as alt
import pandas as pd
import streamlit as st

from app import formatting

_HEIGHT: Final = 120
_AXIS_HEIGHT: Final = 24
_LABEL_WIDTH: Final = 40
"""Of the labels of the vertical axes: the same in all charts, so that their days stand below each other."""


@dataclass(frozen=True, slots=True)
class Series:
    """What is counted, and its colour, which has a contrast of 3 to 1 in both themes."""

    label: str
    color: str
    counts: Sequence[int]


SIGN_INS_COLOR: Final = "#3f8f78"
REFUSALS_COLOR: Final = "#b9782c"
PAGE_VIEWS_COLOR: Final = "#5b7fb5"


def daily(key: str, days: Sequence[date], series: Sequence[Series]) -> None:
    """Draw a chart for each series; the last one has the labels of the days."""
    filled = [each for each in series if any(each.counts)]
    with st.container(gap="xsmall", key=f"charts-{key}"):
        for each in series:
            label = formatting.plain(each.label)
            if each not in filled:
                st.markdown(f"**{label}** — none in this time span.")
                continue
            st.markdown(f"**{label}** — {sum(each.counts):,} in all")
            st.altair_chart(_chart(days, each, with_days=each is filled[-1]), width="stretch", key=f"{key}-{label}")


def _chart(days: Sequence[date], series: Series, *, with_days: bool) -> alt.Chart:
    frame = pd.DataFrame({"Day": pd.to_datetime(list(days)), series.label: series.counts})
    day_axis = alt.Axis(title=None, format="%-d %b", grid=False, labels=with_days, ticks=with_days, labelOverlap=True)
    count_axis = alt.Axis(
        title=None, format="~s", tickMinStep=1, tickCount=3, minExtent=_LABEL_WIDTH, maxExtent=_LABEL_WIDTH
    )
    chart: alt.Chart = (
        alt.Chart(frame)
        .mark_bar(color=series.color)
        .encode(
            x=alt.X("yearmonthdate(Day):T", axis=day_axis),
            y=alt.Y(f"{series.label}:Q", axis=count_axis),
            tooltip=[alt.Tooltip("Day:T", format="%A, %-d %B %Y"), alt.Tooltip(f"{series.label}:Q", format=",")],
        )
        .properties(height=_HEIGHT + (_AXIS_HEIGHT if with_days else 0))
    )
    return chart


def table(key: str, days: Sequence[date], columns: Mapping[str, Sequence[int]]) -> None:
    """Offer the same counts as a table, the newest day first."""
    with st.expander("As a table", icon=":material/table:"):
        st.dataframe(
            pd.DataFrame({"Day": list(days), **columns}).sort_values("Day", ascending=False), hide_index=True,
            width="stretch", column_config={"Day": st.column_config.DateColumn("Day")}, key=f"{key}-table",
        )  # fmt: skip
