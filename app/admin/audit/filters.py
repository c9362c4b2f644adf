"""Which audit events are asked for: what stands in the page's address, so that it can be shared, and its controls."""

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
from app.admin.widgets import failures
from app.core.audit_rows import AuditQuery
from app.core.directory import PeopleQuery
from app.core.errors import GatehouseError
from app.core.permissions import Permission

_LAST: Final = "audit_asked"
_TEXT_MAX: Final = 800
_MOST_KINDS: Final = 20
_MOST_PEOPLE: Final = 5
_ANY: Final = "Any outcome"


def chosen() -> AuditQuery:
    """Draw the controls and return what they ask for. Raises as the calls do.

    The address and the controls say the same: who comes by a link finds the controls set, and who sets a control can
    share the address.
    """
    asked = from_address({name: st.query_params.get_all(name) for name in st.query_params})
    if st.session_state.get(_LAST) != asked:
        _set_controls(asked)
    person, what = st.columns(2)
    with person:
        name = _person(asked.name)
    with what:
        kinds = _kinds(asked)
    rarer = asked.outcome or asked.since or asked.until or asked.target
    with st.expander("More filters", icon=":material/filter_alt:", expanded=bool(rarer), key="audit-more"):
        wanted = replace(_rarer(), name=name, kinds=kinds)
    if wanted != asked:
        st.query_params.from_dict(to_address(wanted))
    st.session_state[_LAST] = wanted
    return wanted


def from_address(query: Mapping[str, Sequence[str]]) -> AuditQuery:
    """What an address asks for; what it says wrongly asks for nothing. ``query``: name → its values."""

    def one(name: str) -> str:
        values = query.get(name) or [""]
        return values[-1].strip()[:_TEXT_MAX]

    outcome = one("outcome")
    until = _day(one("until"))
    return AuditQuery(
        name=one("name"),
        target=one("target"),
        kinds=tuple(dict.fromkeys(kind[:_TEXT_MAX] for kind in query.get("kind", ()) if kind))[:_MOST_KINDS],
        outcome=outcome if outcome and outcome != _ANY else "",
        since=presentation.beginning(_day(one("since"))),
        until=presentation.end(until) if until != date.max else None,
    )


def to_address(asked: AuditQuery) -> dict[str, str | list[str]]:
    """The query of an address that asks for this; days are whole."""
    since, until = first_day(asked.since), last_day(asked.until)
    query: dict[str, str | list[str]] = {
        "name": asked.name,
        "target": asked.target,
        "kind": list(asked.kinds),
        "outcome": asked.outcome,
        "since": since.isoformat() if since else "",
        "until": until.isoformat() if until else "",
    }
    return {name: value for name, value in query.items() if value}


def first_day(since: datetime | None) -> date | None:
    """The first day that is asked for."""
    return since.astimezone(UTC).date() if since is not None else None


def last_day(until: datetime | None) -> date | None:
    """The last day that is asked for; ``until`` is the moment after it."""
    return (until - timedelta(microseconds=1)).astimezone(UTC).date() if until is not None else None


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _set_controls(asked: AuditQuery) -> None:
    """Make the controls say what is asked; before they are drawn."""
    st.session_state["audit-kinds"] = list(asked.kinds)
    st.session_state["audit-outcome"] = asked.outcome or _ANY
    st.session_state["audit-target"] = asked.target
    st.session_state["audit-since"] = first_day(asked.since)
    st.session_state["audit-until"] = last_day(asked.until)
    st.session_state["audit-person"] = ""


def _kinds(asked: AuditQuery) -> tuple[str, ...]:
    """What happened."""
    known = {kind.kind: presentation.kind_in_words(kind.sentence) for kind in audit_api.kinds()}
    options = [*known, *(kind for kind in asked.kinds if kind not in known)]
    kinds = st.multiselect(
        "What happened", options, key="audit-kinds", placeholder="Anything", max_selections=_MOST_KINDS,
        format_func=lambda kind: known.get(kind, kind),
    )  # fmt: skip
    return tuple(kinds)


def _rarer() -> AuditQuery:
    """How it went, when, and what it was done to."""
    outcome = st.segmented_control(
        "Outcome", [_ANY, *presentation.OUTCOMES], key="audit-outcome", required=True,
        format_func=lambda one: one if one == _ANY else presentation.outcome_word(one),
    )  # fmt: skip
    since_column, until_column = st.columns(2)
    since = since_column.date_input("From", value=None, key="audit-since", help="The whole day, in UTC.")
    until = until_column.date_input("To", value=None, key="audit-until", help="The whole day, in UTC.")
    if isinstance(since, date) and isinstance(until, date) and until < since:
        st.warning("The last day is before the first, so nothing matches.", icon=":material/date_range:")
    target = st.text_input(
        "What it was done to", key="audit-target", max_chars=_TEXT_MAX,
        placeholder="Exactly: a role's name, a page's path, a person's audit name",
    )  # fmt: skip
    return AuditQuery(
        target=target.strip(),
        outcome=outcome if outcome and outcome != _ANY else "",
        since=presentation.beginning(since) if isinstance(since, date) else None,
        until=presentation.end(until) if isinstance(until, date) else None,
    )


def _person(name: str) -> str:
    """Whose events: the audit name in the address, or one that is chosen now; empty for everybody's."""
    if name:
        with st.container(key="audit-of", gap="xsmall"):
            st.markdown(f":material/person: Only what **{formatting.plain(name)}** did, or what was done to them.")
            if st.button("Show everybody's", key="audit-everybody", icon=":material/close:"):
                return ""
        return name
    text = st.text_input(
        "Person", key="audit-person", type="search", icon=":material/search:", live=True, max_chars=_TEXT_MAX,
        placeholder="Part of a name or e-mail, or a whole audit name",
    ).strip()  # fmt: skip
    if presentation.is_audit_name(text):
        return text
    return _found(text) if text else ""


def _found(text: str) -> str:
    """People whose name is like ``text``, to choose one of; empty while none is chosen."""
    if not access.allows(Permission.READ_PEOPLE):
        st.caption("Without the permission to see people only a whole audit name finds somebody: “subject at issuer”.")
        return ""
    try:
        page = people_api.people(PeopleQuery(text=text), limit=_MOST_PEOPLE)
    except GatehouseError as error:
        failures.show(error, key="audit-people-failed")
        return ""
    if not page.rows:
        st.caption("Nobody is called that. Try a shorter part of the name.")
    picked = ""
    with st.container(horizontal=True, key="audit-people"):
        for person in page.rows:
            label = formatting.plain(person.shown_name, cap=60)
            if st.button(label, key=f"audit-person-{person.id}", help=formatting.plain(person.audit_name)):
                picked = person.audit_name
    if page.next is not None:
        st.caption(f"Only the first {_MOST_PEOPLE} are shown: type more of the name.")
    return picked
