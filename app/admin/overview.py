"""The installation at a glance: numbers, what happens over time, what changed lately, what needs attention."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pandas as pd
import streamlit as st

from app import access, formatting, panels
from app.admin.api.audit import events
from app.admin.api.installation import statistics
from app.admin.widgets import failures, labels
from app.core.audit import AuditKind
from app.core.audit_rows import AuditQuery
from app.core.contract.statistics import AttentionBody, StatisticsBody
from app.core.directory import MAX_COUNTED
from app.core.errors import GatehouseError
from app.core.permissions import Permission
from app.navigation import BY_PATH

_SPANS: Final = {"7 days": 7, "30 days": 30, "90 days": 90}
_COLORS: Final = {"Sign-ins": "#3f8f78", "Refusals": "#d9933d"}
_RECENT: Final = 8
_LISTED: Final = 20
_ONE: Final = (
    "Only one person can administer for good",
    "If they leave or lose their account, nobody can change rights here. Make another person administrator.",
)
_NONE: Final = (
    "Nobody is administrator by a grant made here",
    "All hangs on what the sign-in provider says. Give somebody the role administrator here, without an end.",
)
_CHANGES: Final = tuple(kind.value for kind in AuditKind if kind.value.startswith("policy:"))


@dataclass(frozen=True, slots=True)
class _Point:
    """One thing that needs attention: what it is, why it matters, and where it is dealt with."""

    icon: str
    text: str
    why: str
    path: str
    link: str
    query: Mapping[str, str]


def show() -> None:
    """The whole page."""
    st.title("Overview")
    span = st.segmented_control(
        "Time span", list(_SPANS), default="30 days", required=True, key="span", bind="query-params"
    )
    try:
        with st.spinner("Counting…"):
            found = statistics(_SPANS[span or "30 days"])
    except GatehouseError as error:
        panels.problem(error)
        return
    _numbers(found)
    _attention(found.attention)
    _over_time(found)
    if access.allows(Permission.READ_AUDIT):
        _recent()


def _numbers(found: StatisticsBody) -> None:
    counted = {
        "People": f"{found.people:,}",
        "Machines": _up_to(found.machines),
        "Sessions now": _up_to(found.sessions),
        "Roles": _up_to(found.roles),
    }
    with st.container(horizontal=True, key="numbers"):
        for name, number in counted.items():
            st.metric(name, number, border=True, width=150)


def _up_to(count: int) -> str:
    return labels.counted(count, capped=count == MAX_COUNTED)  # beyond it, it was counted exactly


def _attention(attention: AttentionBody) -> None:
    st.header("Needs attention")
    points = _points(attention)
    if not points:
        st.markdown(":material/check_circle: Nothing. All roles are used, and everything that is asked for is held.")
    for number, point in enumerate(points):
        with st.container(border=True, gap=None, key=f"attention-{number}"):
            st.markdown(f":material/{point.icon}: **{point.text}**")
            labels.small(point.why)
            row = BY_PATH.get(point.path)
            if row is not None and access.allows_row(row):
                st.page_link(row.script, label=point.link, icon=":material/arrow_forward:", query_params=point.query)


def _points(attention: AttentionBody) -> list[_Point]:
    """What needs attention, the gravest first."""
    points = []
    if attention.administrators <= 1:
        text, why = _ONE if attention.administrators else _NONE
        points.append(_Point("shield_person", text, why, "people", "See administrators", {"role": "administrator"}))
    if names := attention.unmapped_token_roles:
        text = f"{_first(names, 'role')} of the sign-in provider without a meaning here"
        why = f"Arrived in tokens, and mapped to no role: {labels.listed(names)}."
        points.append(_Point("link_off", text, why, "mappings", "Map them", {"unmapped": "true"}))
    if count := attention.people_without_roles:
        text = f"{_people(count)} without a role"
        why = "Those of them who are not blocked can open Home and Profile, and nothing else."
        points.append(_Point("person_off", text, why, "people", "See them", {"role": "No role"}))
    if names := attention.permissions_held_by_nobody:
        text = f"{_first(names, 'permission')} held by nobody"
        points.append(_Point("key_off", text, f"{labels.listed(names)}.", "roles", "See roles", {}))
    if names := attention.permissions_asked_nowhere:
        text = f"{_first(names, 'permission')} asked for nowhere"
        why = f"No page, function or endpoint asks for {labels.listed(names)}."
        points.append(_Point("help", text, why, "access", "See what asks for what", {}))
    if names := attention.unused_roles:
        text = f"{_first(names, 'role')} held by nobody"
        points.append(_Point("group_off", text, f"{labels.listed(names)}.", "roles", "See roles", {}))
    if count := attention.blocked_people:
        why = "They keep their roles, and can open nothing."
        points.append(_Point("block", f"{_people(count)} blocked", why, "people", "See them", {"state": "Blocked"}))
    return points


def _first(names: Sequence[str], one: str) -> str:
    """How many there are; lists hold the first ``_LISTED`` only."""
    return f"{_LISTED}+ {one}s" if len(names) >= _LISTED else labels.quantity(len(names), one)


def _people(count: int) -> str:
    return f"{_up_to(count)} {'person' if count == 1 else 'people'}"


def _over_time(found: StatisticsBody) -> None:
    st.header("Over time")
    frame = pd.DataFrame(
        {
            "Day": pd.to_datetime([day.day for day in found.days]),
            "Sign-ins": [day.sign_ins for day in found.days],
            "Refusals": [day.denials for day in found.days],
        }
    )
    for column, (name, color) in zip(st.columns(len(_COLORS)), _COLORS.items(), strict=True):
        with column:
            st.markdown(f"**{name} per day**")
            if len(frame) and frame[name].any():
                st.bar_chart(frame, x="Day", y=name, x_label="", y_label="", color=color, height=200)
                labels.small(f"{int(frame[name].sum()):,} in all. Days are in UTC.")
            else:
                labels.small("None in this time span.")


def _recent() -> None:
    st.header("Recent changes")
    with failures.show_errors("recent-failed"):
        page = events(AuditQuery(kinds=_CHANGES), limit=_RECENT)
        if not page.rows:
            st.write("Nobody has changed anything yet.")
        for event in page.rows:
            with st.container(gap=None):
                st.markdown(formatting.plain(event.sentence, cap=300))
                why = f" · {formatting.plain(event.reason, cap=200)}" if event.reason else ""
                labels.small(f"{labels.ago(event.at)}{why}")
        row = BY_PATH.get("audit")
        if row is not None and access.allows_row(row):
            st.page_link(row.script, label="All of it in the audit", icon=":material/history:")
