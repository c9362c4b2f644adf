"""The overview page: numbers, points that need attention, recent changes, sign-ins and refusals over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import streamlit as st

from app import access, panels
from app.admin.api.audit import chain_head, events
from app.admin.api.installation import statistics
from app.admin.widgets import audit_events
from app.core.administration_records import MAX_COUNTED
from app.core.audit import AuditKind
from app.core.audit_rows import AuditQuery
from app.core.contract.statistics import AttentionBody, StatisticsBody
from app.core.errors import GatehouseError
from app.core.permissions import Permission
from app.navigation import BY_FILE, BY_PATH
from app.ui import cells, charts, failures, figures, texts
from app.ui.figures import Figure
from app.ui.layout import header, side_by_side
from app.ui.table import Table
from app.ui.table_parts import Column, Row

_SPANS: Final = {"7 days": 7, "30 days": 30, "90 days": 90}
_HOME_DAYS: Final = 7
_RECENT: Final = 8
_MAX_NAMES: Final = 20
_ONE_ADMINISTRATOR: Final = (
    "Only one permanent administrator",
    "If this person leaves or loses the account, no one can change permissions. Appoint a second administrator.",
)
_NO_ADMINISTRATOR: Final = (
    "No administrator was appointed here",
    "Appoint one, so that a change at your sign-in provider cannot lock you out.",
)
_BROKEN_AUDIT: Final = (
    "The end of the audit is not as Gatehouse left it",
    "It may have been changed in the database. Verify all events to see where.",
)
_CHANGES: Final = tuple(kind.value for kind in AuditKind if kind.value.startswith("policy:"))
RECENT_CHANGES: Final = Table(
    "recent-changes",
    columns=(
        Column("change", "Change", kind="prose", opens=True),
        Column("when", "When", kind="short"),
    ),
    singular="change",
    plural="changes",
)


@dataclass(frozen=True, slots=True)
class _Point:
    """Something to act on, with a link to the page where to do so."""

    icon: str
    text: str
    detail: str
    path: str
    """Path of the page."""
    link: str
    """Label of the link."""
    query: Mapping[str, str]


def show() -> None:
    """Draw the page."""
    with header("Overview"):
        span = st.segmented_control(
            "Time span", list(_SPANS), default="30 days", required=True, key="span", bind="query-params",
            label_visibility="collapsed", wrap=True,
        )  # fmt: skip
    try:
        with st.spinner("Loading the numbers…"):
            numbers = statistics(_SPANS[span or "30 days"])
    except GatehouseError as error:
        panels.problem(error)
        return
    _numbers(numbers, span or "30 days")
    wide, narrow = side_by_side()
    with wide:
        _attention(numbers.attention)
        if access.allows(Permission.READ_AUDIT):
            _recent()
    with narrow:
        _over_time(numbers, span or "30 days")


def _numbers(numbers: StatisticsBody, span: str) -> None:
    since = {"since": (numbers.days[-1].day - timedelta(days=_SPANS[span] - 1)).isoformat()} if numbers.days else {}
    sign_ins, refusals = sum(day.sign_ins for day in numbers.days), sum(day.denials for day in numbers.days)
    figures.show(
        "overview",
        (
            Figure("people", f"{numbers.people:,}", "person", path="people"),
            Figure("blocked", _up_to(numbers.attention.blocked_people), path="people", query={"state": "Blocked"}),
            Figure("machines", _up_to(numbers.machines), "machine", path="people", query={"kind": "Machines"}),
            Figure("sessions now", _up_to(numbers.sessions), "session now", path="sessions"),
            Figure("roles", _up_to(numbers.roles), "role", path="roles"),
            Figure(
                f"sign-ins in {span}", f"{sign_ins:,}", f"sign-in in {span}", path="audit",
                query={"kind": AuditKind.SESSION_BEGIN.value, **since},
            ),
            Figure(
                f"refusals in {span}", f"{refusals:,}", f"refusal in {span}", path="audit",
                query={"outcome": "refused", **since},
            ),
        ),
    )  # fmt: skip


def _up_to(count: int) -> str:
    return texts.counted(count, capped=count == MAX_COUNTED)  # a larger count is exact


def _attention(attention: AttentionBody) -> None:
    st.header("Needs attention", anchor=False)
    points = [*_broken_audit(), *_points(attention)]
    if not points:
        st.markdown(":material/check_circle: Nothing. Access does not depend on one person, and everyone has a role.")
    for number, point in enumerate(points):
        _show_point(point, key=f"point-attention-{number}")
    unused = _unused(attention)
    if unused:
        with st.expander(f"{texts.quantity(len(unused), 'thing')} to clean up", icon=":material/cleaning_services:"):
            for number, point in enumerate(unused):
                _show_point(point, key=f"point-unused-{number}")


def show_attention() -> None:
    """Show what needs attention, for another page: nothing while nothing does."""
    with failures.show_errors("attention-failed"):
        points = [*_broken_audit(), *_points(statistics(_HOME_DAYS).attention)]
        if points:
            st.header("Needs attention", anchor=False)
        for number, point in enumerate(points):
            _show_point(point, key=f"point-attention-{number}")


def _show_point(point: _Point, *, key: str) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center", gap="small", key=key):
        with st.container(gap=None, width="stretch"):
            st.markdown(f":material/{point.icon}: **{point.text}**")
            texts.small(point.detail)
        row = BY_PATH.get(point.path)
        if row is not None and access.allows_row(row):
            st.page_link(row.script, label=point.link, icon=":material/arrow_forward:", query_params=point.query)


def _broken_audit() -> list[_Point]:
    """Return a point if the end of the audit is not as Gatehouse left it, for a user who may read the audit."""
    if not access.allows(Permission.READ_AUDIT):
        return []
    with failures.show_errors("attention-chain-failed"):
        if not chain_head().sealed:
            return [_Point("gpp_bad", *_BROKEN_AUDIT, "audit", "Verify all events", {})]
    return []


def _points(attention: AttentionBody) -> list[_Point]:
    """Return what an administrator should act on, the most serious first."""
    points = []
    if attention.administrators <= 1:
        text, detail = _ONE_ADMINISTRATOR if attention.administrators else _NO_ADMINISTRATOR
        points.append(_Point("shield_person", text, detail, "people", "See administrators", {"role": "administrator"}))
    if names := attention.unmapped_token_roles:
        text = f"{_quantity(names, 'role')} of the sign-in provider not mapped"
        detail = f"No permission comes from {texts.listed(names)}."
        points.append(_Point("link_off", text, detail, "mappings", "Map them", {"unmapped": "true"}))
    if count := attention.people_without_roles:
        text = f"{_people(count)} without a role"
        detail = "Without a role a person can open Home and Profile only."
        points.append(_Point("person_off", text, detail, "people", "See them", {"role": "No role"}))
    return points


def _unused(attention: AttentionBody) -> list[_Point]:
    """Return what is unused: it may be meant for later, so it is no warning."""
    points = []
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
    return points


def _quantity(names: Sequence[str], singular: str) -> str:
    """``5 roles``, or ``20+ roles``: the API returns the first ``_MAX_NAMES`` names only."""
    return f"{_MAX_NAMES}+ {singular}s" if len(names) >= _MAX_NAMES else texts.quantity(len(names), singular)


def _people(count: int) -> str:
    return f"{_up_to(count)} {'person' if count == 1 else 'people'}"


def _over_time(numbers: StatisticsBody, span: str) -> None:
    st.header("Over time", anchor=False)
    days = [day.day for day in numbers.days]
    sign_ins, refusals = [day.sign_ins for day in numbers.days], [day.denials for day in numbers.days]
    charts.daily(
        "overview",
        days,
        (
            charts.Series("Sign-ins", charts.SIGN_INS_COLOR, sign_ins),
            charts.Series("Refusals", charts.REFUSALS_COLOR, refusals),
        ),
    )
    texts.small(f"The last {span}, by day (UTC).")
    if any(sign_ins) or any(refusals):
        charts.table("overview", days, {"Sign-ins": sign_ins, "Refusals": refusals})


def _recent() -> None:
    st.header("Recent changes", anchor=False)
    with failures.show_errors("recent-failed"):
        page = events(AuditQuery(kinds=_CHANGES), limit=_RECENT)
        if not page.rows:
            st.markdown("No changes yet.")
            return
        rows = [
            Row(
                str(event.seq), event.sentence, (audit_events.sentence(event), cells.time(event.at)),
                href=f"audit?event={event.seq}",
            )
            for event in page.rows
        ]  # fmt: skip
        pressed = RECENT_CHANGES.show("Recent changes", rows)
        audit = BY_FILE["audit.py"]
        if pressed is not None and access.allows_row(audit):
            st.switch_page(audit.script, query_params={"event": pressed.row})
        if access.allows_row(audit):
            st.page_link(audit.script, label="All events in the audit", icon=":material/history:")
