"""The filters of the audit page: the bar of controls, and the query in the page's address, which can be shared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Final

import streamlit as st

from app import access, formatting
from app.admin.api import audit as audit_api
from app.admin.api import people as people_api
from app.admin.audit import people_names, presentation
from app.admin.widgets import audit_events
from app.core.administration_records import PeopleQuery
from app.core.audit_rows import AuditQuery
from app.core.errors import GatehouseError
from app.core.permissions import Permission
from app.ui import failures, texts

_LAST_QUERY: Final = "audit_query"
_KINDS_KEY: Final = "audit-kinds"
_MAX_TEXT: Final = 800
_MAX_KINDS: Final = 20
_MAX_PEOPLE: Final = 5


def selected() -> AuditQuery:
    """Draw the controls and return the query they select.

    The address and the controls always agree: a link sets the controls, and a change of a control sets the address.

    Raises:
        GatehouseError: The kinds of events cannot be loaded.
    """
    zone = texts.viewer_zone()
    query = from_address({name: st.query_params.get_all(name) for name in st.query_params}, zone)
    # Streamlit drops the values of controls while another page is open.
    if st.session_state.get(_LAST_QUERY) != query or _KINDS_KEY not in st.session_state:
        _set_controls(query, zone)
    with st.container(horizontal=True, vertical_alignment="bottom", key="audit-filters"):
        text = st.text_input(
            "Person or object", key="audit-person", type="search", live="250ms", max_chars=_MAX_TEXT, width=200,
            placeholder="Name, e-mail, role, page…", autocomplete="off",
        )  # fmt: skip
        kinds = _kinds(query)
        selection = replace(_outcome_and_days(zone), name=query.name, target=query.target, kinds=kinds)
        if selection != AuditQuery():
            st.button("Clear filters", key="audit-clear", type="tertiary", on_click=_clear)
    if selection.since and selection.until and selection.until <= selection.since:
        st.warning("The last day is before the first, so nothing matches.", icon=":material/date_range:")
    _suggestions((text or "").strip())
    _chosen(selection)
    if selection != query:
        st.query_params.from_dict(to_address(selection, zone))
    st.session_state[_LAST_QUERY] = selection
    return selection


def from_address(parameters: Mapping[str, Sequence[str]], zone: tzinfo = UTC) -> AuditQuery:
    """The query in an address; a parameter that is not valid filters nothing.

    Args:
        parameters: Name → its values.
        zone: Where days begin and end.
    """

    def value(name: str) -> str:
        values = parameters.get(name) or [""]
        return values[-1].strip()[:_MAX_TEXT]

    outcome, until = value("outcome"), _day(value("until"))
    return AuditQuery(
        name=value("name"),
        target=value("target"),
        kinds=tuple(dict.fromkeys(kind[:_MAX_TEXT] for kind in parameters.get("kind", ()) if kind))[:_MAX_KINDS],
        outcome=outcome if outcome in audit_events.OUTCOMES else "",
        since=presentation.day_start(_day(value("since")), zone),
        until=presentation.day_end(until, zone) if until != date.max else None,
    )


def to_address(query: AuditQuery, zone: tzinfo = UTC) -> dict[str, str | list[str]]:
    """The parameters of an address with this query; times are whole days."""
    since, until = first_day(query.since, zone), last_day(query.until, zone)
    parameters: dict[str, str | list[str]] = {
        "name": query.name,
        "target": query.target,
        "kind": list(query.kinds),
        "outcome": query.outcome,
        "since": since.isoformat() if since else "",
        "until": until.isoformat() if until else "",
    }
    return {name: value for name, value in parameters.items() if value}


def first_day(since: datetime | None, zone: tzinfo = UTC) -> date | None:
    """The first day of a query that starts at ``since``."""
    return since.astimezone(zone).date() if since is not None else None


def last_day(until: datetime | None, zone: tzinfo = UTC) -> date | None:
    """The last day of a query that ends before ``until``."""
    return (until - timedelta(microseconds=1)).astimezone(zone).date() if until is not None else None


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _set_controls(query: AuditQuery, zone: tzinfo) -> None:
    """Set the controls to a query; before they are drawn."""
    st.session_state[_KINDS_KEY] = list(query.kinds)
    st.session_state["audit-outcome"] = query.outcome or None
    st.session_state["audit-since"] = first_day(query.since, zone)
    st.session_state["audit-until"] = last_day(query.until, zone)
    st.session_state["audit-person"] = ""


def _kinds(query: AuditQuery) -> tuple[str, ...]:
    """Draw the filter of kinds; return the selected ones."""
    known = {kind.kind: presentation.kind_label(kind.sentence) for kind in audit_api.kinds()}
    options = [*known, *(kind for kind in query.kinds if kind not in known)]
    kinds = st.multiselect(
        "What happened", options, key=_KINDS_KEY, placeholder="Anything", max_selections=_MAX_KINDS, width=200,
        format_func=lambda kind: known.get(kind, kind),
    )  # fmt: skip
    return tuple(kinds)


def _outcome_and_days(zone: tzinfo) -> AuditQuery:
    """Draw the filters of outcome and days; return them as a query."""
    outcome = st.selectbox(
        "Outcome", list(audit_events.OUTCOMES), index=None, key="audit-outcome", placeholder="Any outcome", width=140,
        format_func=audit_events.outcome_label,
    )  # fmt: skip
    since = st.date_input("From", value=None, key="audit-since", width=165)
    until = st.date_input("To", value=None, key="audit-until", width=165)
    return AuditQuery(
        outcome=outcome or "",
        since=presentation.day_start(since, zone) if isinstance(since, date) else None,
        until=presentation.day_end(until, zone) if isinstance(until, date) else None,
    )


def _suggestions(text: str) -> None:
    """Draw a button for each person that ``text`` matches, and one for the object of exactly that name."""
    if not text:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="audit-people"):
        st.markdown("Show events of:", width="content")
        if presentation.is_audit_name(text):
            _suggestion(people_names.display_name(text), "name", text, icon=":material/person:")
            return
        has_more = _people(text) if access.allows(Permission.READ_PEOPLE) else False
        _suggestion(f"role, page or other object “{text}”", "target", text, icon=":material/label:")
        if has_more:
            st.markdown(f":small[The first {_MAX_PEOPLE} people. Type more of the name.]", width="content")


def _people(text: str) -> bool:
    """Draw a button for each person whose name contains ``text``; return whether there are more than these."""
    try:
        page = people_api.people(PeopleQuery(text=text), limit=_MAX_PEOPLE)
    except GatehouseError as error:
        failures.show(error, key="audit-people-failed")
        return False
    for person in page.rows:
        _suggestion(
            person.shown_name, "name", person.audit_name, icon=":material/person:", help_text=person.email,
            key=f"audit-person-{person.id}",
        )  # fmt: skip
    return page.next is not None


def _suggestion(label: str, parameter: str, value: str, *, icon: str, help_text: str = "", key: str = "") -> None:
    st.button(
        formatting.plain(label, cap=60), key=key or f"audit-by-{parameter}", icon=icon,
        help=formatting.plain(help_text) or None, on_click=_choose, args=(parameter, value),
    )  # fmt: skip


def _chosen(query: AuditQuery) -> None:
    """Draw the person and the object that the list is limited to, each with a button that removes it."""
    if not query.name and not query.target:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="audit-of"):
        if query.name:
            person = people_names.person_named(query.name)
            name = people_names.display_name(query.name, person.shown_name if person is not None else "")
            st.markdown(f"By or about **{formatting.plain(name)}**", width="content")
            st.button(
                "Show all people", key="audit-all-people", icon=":material/close:", type="tertiary",
                on_click=_choose, args=("name", ""),
            )  # fmt: skip
        if query.target:
            name = people_names.display_name(query.target)
            st.markdown(f"About **{formatting.plain(name)}**", width="content")
            st.button(
                "Show all objects", key="audit-all-objects", icon=":material/close:", type="tertiary",
                on_click=_choose, args=("target", ""),
            )  # fmt: skip


def _choose(parameter: str, value: str) -> None:
    """Set or remove a parameter of the address; the controls follow."""
    if value:
        st.query_params[parameter] = value
    elif parameter in st.query_params:
        del st.query_params[parameter]


def _clear() -> None:
    st.query_params.clear()
