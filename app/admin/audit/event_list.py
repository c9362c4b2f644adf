"""The audit page: the state of the chain, the filters, the table of events, and the download."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import streamlit as st

from app import panels
from app.admin.api import audit as audit_api
from app.admin.audit import chain_state, event_card, export, filters, people_names
from app.admin.widgets import audit_events
from app.core.audit_rows import AuditQuery, AuditSort
from app.core.contract.audit import AuditItem, Events
from app.core.errors import GatehouseError
from app.ui import cells
from app.ui.layout import header
from app.ui.table import Table
from app.ui.table_parts import Column, Position, Row

EVENTS: Final = Table(
    "audit",
    columns=(
        Column("when", "When", sort="at", newest_first=True, kind="short"),
        Column("what", "What happened", kind="prose", opens=True),
        Column("who", "Who", hides="later"),
        Column("address", "Address", kind="short", hides="later"),
    ),
    singular="event",
    plural="events",
    in_address=True,
)


def show() -> None:
    """Draw the page."""
    with header("Audit"):
        actions = st.container(horizontal=True, width="content", key="audit-actions")
    try:
        head = chain_state.show()
        query = filters.selected()
        with st.spinner("Loading events…"):
            page = EVENTS.load(query, lambda at: _events(query, at))
    except GatehouseError as error:
        panels.problem(error)
        return
    with actions:
        export.show(query, small=export.is_small(page, head))
    if not page.rows:
        _empty(query)
        return
    event = EVENTS.show("Audit events", [row(event) for event in page.rows], page)
    if event is not None:
        event_card.open_event(event.row)


def _events(query: AuditQuery, at: Position) -> Events:
    return audit_api.events(replace(query, sort=AuditSort(at.sort)), cursor=at.cursor, limit=at.size)


def row(event: AuditItem) -> Row:
    """The row of an event, for the columns of ``EVENTS``."""
    actor = people_names.display_name(event.actor, event.actor_name) if event.actor else ""
    return Row(
        str(event.seq),
        event.sentence,
        (cells.time(event.at), audit_events.sentence(event), cells.text(actor), cells.text(event.address)),
        href=f"audit?event={event.seq}",
    )


def _empty(query: AuditQuery) -> None:
    if query == AuditQuery():
        st.info("Nothing has been recorded yet.", icon=":material/history:")
    else:
        st.info("**No event matches.** Remove a filter.", icon=":material/search_off:")
