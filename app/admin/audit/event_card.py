"""One audit event: its sentence, its fields as a list with names, and the whole event as JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import streamlit as st

from app import formatting, panels
from app.admin.api import audit as audit_api
from app.admin.audit import people_names, presentation
from app.admin.widgets import audit_events
from app.admin.widgets.links import PEOPLE, link
from app.core.contract.audit import AuditItem
from app.core.errors import GatehouseError, NotFound
from app.ui import facts, texts
from app.ui.layout import header

_IDENTIFIED: Final = frozenset({"grant", "person", "role"})
"""Details that are an identifier where they are a number."""
LIST_QUERY: Final = "audit-list-query"  # the query of the list while an event is open


def show(seq: int) -> None:
    """Draw the page of the event with this number."""
    with header(f"Event {seq:,}"):
        st.button("All events", key="audit-back", icon=":material/arrow_back:", on_click=_back_to_list)
    try:
        with st.spinner("Loading the event…"):
            event = audit_api.event(seq)
    except NotFound:
        st.info(
            "There is no event with this number. It may have been deleted: the audit keeps events up to a retention "
            "boundary.",
            icon=":material/search_off:",
        )
        return
    except GatehouseError as error:
        panels.problem(error)
        return
    _event(event)


def _event(event: AuditItem) -> None:
    with facts.listed("event"):
        st.header(formatting.plain(event.sentence, cap=500), anchor=False)
        label = audit_events.outcome_label(event.outcome)
        if event.outcome != audit_events.SUCCEEDED:
            color = "orange" if event.outcome == audit_events.REFUSED else "red"
            st.markdown(f":{color}-badge[{formatting.plain(label)}]")
        reason = audit_events.entered_reason(event)
        facts.text("Reason", reason)
        with facts.fact("When"):
            st.markdown(f"{texts.timestamp(event.at, seconds=True)} ({texts.ago(event.at)})")
        _person("Who", event.actor, event.actor_name)
        if event.target != event.actor:
            _person("About", event.target, event.target_name)
        for name, value in event.details.items():
            facts.text(_label(name, value), _value(value))
        facts.text("Address", event.address)
        if event.reason and not reason:
            facts.text("Reason code", event.reason)
        with facts.fact("Kind"):
            facts.identifier(event.kind)
        if event.correlation_id:
            with facts.fact("Reference"):
                facts.identifier(event.correlation_id)
    if st.toggle("Show as JSON", key="event-json"):
        st.code(presentation.event_json(event), language="json", wrap_lines=True)


def _person(label: str, audit_name: str, current_name: str) -> None:
    """The actor or the target: the name, a link to the card and to all events, and the identifier."""
    if not audit_name:
        return
    with facts.fact(label):
        name = formatting.plain(people_names.display_name(audit_name, current_name), cap=300)
        person = people_names.person_named(audit_name)
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            if person is None or not link(PEOPLE, name, icon=":material/person:", person=person.id):
                st.markdown(name, width="content")
            if people_names.subject_in(audit_name):
                st.button(
                    "All events of this person", key=f"audit-all-{label}", type="tertiary",
                    icon=":material/history:", on_click=st.query_params.from_dict, args=({"name": audit_name},),
                )  # fmt: skip
        if people_names.subject_in(audit_name):
            facts.identifier(audit_name)


def _label(name: str, value: object) -> str:
    """The name of a detail as a label: ``granted_until`` → ``Granted until``."""
    words = name.replace("_", " ").strip()
    label = words[:1].upper() + words[1:]
    return f"{label} ID" if name in _IDENTIFIED and isinstance(value, int) else label


def _value(value: object) -> str:
    """The value of a detail as a text; a time in the viewer's time zone."""
    if value is None or value == "":
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = f"{value:,}" if isinstance(value, int) else str(value)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return texts.local_time(moment) if moment.tzinfo is not None else text


def _back_to_list() -> None:
    st.query_params.from_dict(st.session_state.get(LIST_QUERY, {}))


def open_event(seq: str) -> None:
    """Open an event at its own address; the query of the list is kept for the way back."""
    st.session_state[LIST_QUERY] = {name: st.query_params.get_all(name) for name in st.query_params}
    st.query_params.from_dict({"event": seq})
    st.rerun()
