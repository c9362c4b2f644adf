"""The overview page: numbers, points that need attention, sign-ins and refusals over time, recent changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pandas as pd
import streamlit as st

from app import access, formatting, panels
from app.admin.api.audit import events
from app.admin.api.installation import statistics
from app.core.administration_records import MAX_COUNTED
from app.core.audit import AuditKind
from app.core.audit_rows import AuditQuery
from app.core.contract.statistics import AttentionBody, StatisticsBody
from app.core.errors import GatehouseError
from app.core.permissions import Permission
from app.navigation import BY_PATH
from app.ui import failures, texts

_SPANS: Final = {"7 days": 7, "30 days": 30, "90 days": 90}
_COLORS: Final = {"Sign-ins": "#3f8f78", "Refusals": "#d9933d"}
_RECENT: Final = 8
_MAX_NAMES: Final = 20
_ONE_ADMINISTRATOR: Final = (
    "Only one permanent administrator",
    "If this person leaves or loses the account, no one can change permissions. Appoint a second administrator.",
)
_NO_ADMINISTRATOR: Final = (
    "No administrator was appointed here",
    "Grant a user the role administrator, no expiry, so that a change at the sign-in provider cannot lock you out.",
)
_CHANGES: Final = tuple(kind.value for kind in AuditKind if kind.value.startswith("policy:"))


@dataclass(frozen=True, slots=True)
class _Point:
    """A point that needs attention, with a link to the page where to act."""

    icon: str
    text: str
    detail: str
    path: str
    """Path of the page."""
    link: str
    """Label of the link."""
    query: Mapping[str, str]


def show() -> None:
    """Show the page."""
    st.title("Overview")
    span = st.segmented_control(
        "Time span", list(_SPANS), default="30 days", required=True, key="span", bind="query-params"
    )
    try:
        with st.spinner("Loading the numbers…"):
            numbers = statistics(_SPANS[span or "30 days"])
    except GatehouseError as error:
        panels.problem(error)
        return
    _numbers(numbers)
    _attention(numbers.attention)
    _over_time(numbers)
    if access.allows(Permission.READ_AUDIT):
        _recent()


def _numbers(numbers: StatisticsBody) -> None:
    texts = {
        "People": f"{numbers.people:,}",
        "Machines": _up_to(numbers.machines),
        "Sessions now": _up_to(numbers.sessions),
        "Roles": _up_to(numbers.roles),
    }
    with st.container(horizontal=True, key="numbers"):
        for name, text in texts.items():
            st.metric(name, text, border=True, width=150)


def _up_to(count: int) -> str:
    return texts.counted(count, capped=count == MAX_COUNTED)  # a larger count is exact


def _attention(attention: AttentionBody) -> None:
    st.header("Needs attention")
    points = _points(attention)
    if not points:
        st.markdown(":material/check_circle: Nothing. All roles and all required permissions are assigned.")
    for number, point in enumerate(points):
        with st.container(border=True, gap=None, key=f"attention-{number}"):
            st.markdown(f":material/{point.icon}: **{point.text}**")
            texts.small(point.detail)
            row = BY_PATH.get(point.path)
            if row is not None and access.allows_row(row):
                st.page_link(row.script, label=point.link, icon=":material/arrow_forward:", query_params=point.query)


def _points(attention: AttentionBody) -> list[_Point]:
    """Return the points that need attention, the most serious first."""
    points = []
    if attention.administrators <= 1:
        text, detail = _ONE_ADMINISTRATOR if attention.administrators else _NO_ADMINISTRATOR
        points.append(_Point("shield_person", text, detail, "people", "See administrators", {"role": "administrator"}))
    if names := attention.unmapped_token_roles:
        text = f"{_quantity(names, 'role')} of the sign-in provider not mapped"
        detail = f"Arrived in tokens, and mapped to no role: {texts.listed(names)}."
        points.append(_Point("link_off", text, detail, "mappings", "Map them", {"unmapped": "true"}))
    if count := attention.people_without_roles:
        text = f"{_people(count)} without a role"
        detail = "Unless they are blocked, they can open Home and Profile only."
        points.append(_Point("person_off", text, detail, "people", "See them", {"role": "No role"}))
    if names := attention.permissions_held_by_nobody:
        text = f"{_quantity(names, 'permission')} not assigned"
        points.append(_Point("key_off", text, f"{texts.listed(names)}.", "roles", "See roles", {}))
    if names := attention.permissions_asked_nowhere:
        text = f"{_quantity(names, 'permission')} not required anywhere"
        detail = f"No page, function or endpoint requires {texts.listed(names)}."
        points.append(_Point("help", text, detail, "access", "See the access matrix", {}))
    if names := attention.unused_roles:
        text = f"{_quantity(names, 'role')} not assigned"
        points.append(_Point("group_off", text, f"{texts.listed(names)}.", "roles", "See roles", {}))
    if count := attention.blocked_people:
        detail = "They keep their roles, but cannot open any page."
        points.append(_Point("block", f"{_people(count)} blocked", detail, "people", "See them", {"state": "Blocked"}))
    return points


def _quantity(names: Sequence[str], singular: str) -> str:
    """``5 roles``, or ``20+ roles``: the API returns the first ``_MAX_NAMES`` names only."""
    return f"{_MAX_NAMES}+ {singular}s" if len(names) >= _MAX_NAMES else texts.quantity(len(names), singular)


def _people(count: int) -> str:
    return f"{_up_to(count)} {'person' if count == 1 else 'people'}"


def _over_time(numbers: StatisticsBody) -> None:
    st.header("Over time")
    frame = pd.DataFrame(
        {
            "Day": pd.to_datetime([day.day for day in numbers.days]),
            "Sign-ins": [day.sign_ins for day in numbers.days],
            "Refusals": [day.denials for day in numbers.days],
        }
    )
    for column, (name, color) in zip(st.columns(len(_COLORS)), _COLORS.items(), strict=True):
        with column:
            st.markdown(f"**{name} per day**")
            if len(frame) and frame[name].any():
                st.bar_chart(frame, x="Day", y=name, x_label="", y_label="", color=color, height=200)
                texts.small(f"{int(frame[name].sum()):,} in all. Days are in UTC.")
            else:
                texts.small("None in this time span.")


def _recent() -> None:
    st.header("Recent changes")
    with failures.show_errors("recent-failed"):
        page = events(AuditQuery(kinds=_CHANGES), limit=_RECENT)
        if not page.rows:
            st.write("No changes yet.")
        for event in page.rows:
            with st.container(gap=None):
                st.markdown(formatting.plain(event.sentence, cap=300))
                reason = f" · {formatting.plain(event.reason, cap=200)}" if event.reason else ""
                texts.small(f"{texts.ago(event.at)}{reason}")
        row = BY_PATH.get("audit")
        if row is not None and access.allows_row(row):
            st.page_link(row.script, label="All changes in the audit", icon=":material/history:")
