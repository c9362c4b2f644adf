"""The filters of the audit page: the controls, and the query in the page's address, which can be shared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Final

import streamlit as st

from app import access, formatting
from app.admin.api import audit as audit_api
from app.admin.api import people as people_api
from app.admin.audit import presentation
from app.core.administration_records import PeopleQuery
from app.core.audit_rows import AuditQuery
from app.core.errors import GatehouseError
from app.core.permissions import Permission
from app.ui import failures

_LAST_QUERY: Final = "audit_query"
_MAX_TEXT: Final = 800
_MAX_KINDS: Final = 20
_MAX_PEOPLE: Final = 5
_ANY: Final = "Any outcome"


def selected() -> AuditQuery:
    """Draw the controls and return the query they select.

    The address and the controls always agree: a link sets the controls, and a change of a control sets the address.

    Raises:
        GatehouseError: The kinds of events cannot be loaded.
    """
    query = from_address({name: st.query_params.get_all(name) for name in st.query_params})
    if st.session_state.get(_LAST_QUERY) != query:
        _set_controls(query)
    person_column, kind_column = st.columns(2)
    with person_column:
        name = _person(query.name)
    with kind_column:
        kinds = _kinds(query)
    has_more = query.outcome or query.since or query.until or query.target
    with st.expander("More filters", icon=":material/filter_alt:", expanded=bool(has_more), key="audit-more"):
        selection = replace(_more_filters(), name=name, kinds=kinds)
    if selection != query:
        st.query_params.from_dict(to_address(selection))
    st.session_state[_LAST_QUERY] = selection
    return selection


def from_address(parameters: Mapping[str, Sequence[str]]) -> AuditQuery:
    """The query in an address; a parameter that is not valid filters nothing. ``parameters``: name → its values."""

    def value(name: str) -> str:
        values = parameters.get(name) or [""]
        return values[-1].strip()[:_MAX_TEXT]

    outcome = value("outcome")
    until = _day(value("until"))
    return AuditQuery(
        name=value("name"),
        target=value("target"),
        kinds=tuple(dict.fromkeys(kind[:_MAX_TEXT] for kind in parameters.get("kind", ()) if kind))[:_MAX_KINDS],
        outcome=outcome if outcome and outcome != _ANY else "",
        since=presentation.day_start(_day(value("since"))),
        until=presentation.day_end(until) if until != date.max else None,
    )


def to_address(query: AuditQuery) -> dict[str, str | list[str]]:
    """The parameters of an address with this query; times are whole days."""
    since, until = first_day(query.since), last_day(query.until)
    parameters: dict[str, str | list[str]] = {
        "name": query.name,
        "target": query.target,
        "kind": list(query.kinds),
        "outcome": query.outcome,
        "since": since.isoformat() if since else "",
        "until": until.isoformat() if until else "",
    }
    return {name: value for name, value in parameters.items() if value}


def first_day(since: datetime | None) -> date | None:
    """The first day (UTC) of a query that starts at ``since``."""
    return since.astimezone(UTC).date() if since is not None else None


def last_day(until: datetime | None) -> date | None:
    """The last day (UTC) of a query that ends before ``until``."""
    return (until - timedelta(microseconds=1)).astimezone(UTC).date() if until is not None else None


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _set_controls(query: AuditQuery) -> None:
    """Set the controls to a query; before they are drawn."""
    st.session_state["audit-kinds"] = list(query.kinds)
    st.session_state["audit-outcome"] = query.outcome or _ANY
    st.session_state["audit-target"] = query.target
    st.session_state["audit-since"] = first_day(query.since)
    st.session_state["audit-until"] = last_day(query.until)
    st.session_state["audit-person"] = ""


def _kinds(query: AuditQuery) -> tuple[str, ...]:
    """Draw the filter of kinds; return the selected ones."""
    known = {kind.kind: presentation.kind_label(kind.sentence) for kind in audit_api.kinds()}
    options = [*known, *(kind for kind in query.kinds if kind not in known)]
    kinds = st.multiselect(
        "What happened", options, key="audit-kinds", placeholder="Anything", max_selections=_MAX_KINDS,
        format_func=lambda kind: known.get(kind, kind),
    )  # fmt: skip
    return tuple(kinds)


def _more_filters() -> AuditQuery:
    """Draw the filters of outcome, days and target; return them as a query."""
    outcome = st.segmented_control(
        "Outcome", [_ANY, *presentation.OUTCOMES], key="audit-outcome", required=True,
        format_func=lambda option: option if option == _ANY else presentation.outcome_label(option),
    )  # fmt: skip
    since_column, until_column = st.columns(2)
    since = since_column.date_input("From", value=None, key="audit-since", help="The whole day, in UTC.")
    until = until_column.date_input("To", value=None, key="audit-until", help="The whole day, in UTC.")
    if isinstance(since, date) and isinstance(until, date) and until < since:
        st.warning("The last day is before the first, so nothing matches.", icon=":material/date_range:")
    target = st.text_input(
        "Target", key="audit-target", max_chars=_MAX_TEXT,
        placeholder="Exactly: a role's name, a page's path, a person's audit name",
    )  # fmt: skip
    return AuditQuery(
        target=target.strip(),
        outcome=outcome if outcome and outcome != _ANY else "",
        since=presentation.day_start(since) if isinstance(since, date) else None,
        until=presentation.day_end(until) if isinstance(until, date) else None,
    )


def _person(name: str) -> str:
    """Draw the filter of a person; return the audit name in the address or the selected one, empty for all people."""
    if name:
        with st.container(key="audit-of", gap="xsmall"):
            st.markdown(f":material/person: Only events by or about **{formatting.plain(name)}**.")
            if st.button("Show all people", key="audit-all-people", icon=":material/close:"):
                return ""
        return name
    text = st.text_input(
        "Person", key="audit-person", type="search", icon=":material/search:", live=True, max_chars=_MAX_TEXT,
        placeholder="Part of a name or e-mail, or a whole audit name",
    ).strip()  # fmt: skip
    if presentation.is_audit_name(text):
        return text
    return _person_search(text) if text else ""


def _person_search(text: str) -> str:
    """Draw a button for each person whose name contains ``text``; return the audit name of the pressed one, or ""."""
    if not access.allows(Permission.READ_PEOPLE):
        st.caption("You lack the permission to see people. Enter a whole audit name: “subject at issuer”.")
        return ""
    try:
        page = people_api.people(PeopleQuery(text=text), limit=_MAX_PEOPLE)
    except GatehouseError as error:
        failures.show(error, key="audit-people-failed")
        return ""
    if not page.rows:
        st.caption("No person has that name. Try a shorter part of it.")
    selected_name = ""
    with st.container(horizontal=True, key="audit-people"):
        for person in page.rows:
            label = formatting.plain(person.shown_name, cap=60)
            if st.button(label, key=f"audit-person-{person.id}", help=formatting.plain(person.audit_name)):
                selected_name = person.audit_name
    if page.next is not None:
        st.caption(f"Only the first {_MAX_PEOPLE} are listed. Type more of the name.")
    return selected_name
