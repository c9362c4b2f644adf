"""The table of people: search while typing, filters, and the selection for bulk actions."""

from __future__ import annotations

from typing import Final

import streamlit as st

from app import access
from app.admin.api.people import people
from app.admin.people import add_person, bulk_actions
from app.admin.people.people_filters import filter_bar
from app.admin.widgets import labels
from app.core.administration_records import PeopleQuery, PersonState
from app.core.contract.people import PersonItem
from app.core.errors import GatehouseError
from app.core.permissions import Permission
from app.ui import cells, dialogs, failures, notices, states
from app.ui.cells import Tone
from app.ui.layout import header
from app.ui.table import Table
from app.ui.table_parts import OPEN, Action, Column, Row

PAGE_URL: Final = "/people"
PEOPLE: Final = Table(
    "people",
    columns=(
        Column("name", "Name", sort="name"),
        Column("state", "State", kind="short"),
        Column("roles", "Roles"),
        Column("seen", "Last seen", sort="last_seen_at", newest_first=True, kind="short", hides="late"),
        Column("first-seen", "First seen", sort="first_seen_at", newest_first=True, kind="short", hides="later"),
    ),
    singular="person",
    plural="people",
    in_address=True,
)
STATE_TONES: Final = {PersonState.BLOCKED: Tone.BAD, PersonState.ACTIVE: Tone.GOOD}
_LIST_QUERY: Final = "people-query"  # the query of the list while a card is open


def show() -> None:
    """Draw the page: the title, notices, the list and the open dialog."""
    with header("People"):
        if access.allows(Permission.MANAGE_GRANTS):
            st.button(
                "Add a person", key="add-person", icon=":material/person_add:", type="primary",
                on_click=dialogs.open_dialog, args=(add_person.NAME, PAGE_URL),
            )  # fmt: skip
    notices.show(PAGE_URL)
    _list()
    dialog = dialogs.current(PAGE_URL)
    if dialog is not None and dialog.name == add_person.NAME:
        add_person.show(dialog)
    elif dialog is not None:
        bulk_actions.show(dialog)


@st.fragment
def _list() -> None:
    """Search, filters and table; reruns without the rest of the page while the administrator types."""
    above = st.container()
    try:
        with st.spinner("Loading people…"):
            with above:
                query = filter_bar()
            page = PEOPLE.load(query, lambda at: people(query, sort=at.sort, cursor=at.cursor, limit=at.size))
    except GatehouseError as error:
        failures.show_with_retry(error, key="people-failed")
        return
    if not page.rows:
        _empty(query)
        return
    may_grant = access.allows(Permission.MANAGE_GRANTS)
    event = PEOPLE.show(
        "People",
        [_row(row, may_grant=may_grant) for row in page.rows],
        page,
        bulk=bulk_actions.offered(),
        row_actions=[Action("grant", "Grant…", "add_circle", compact=True)] if may_grant else [],
    )
    if event is None:
        return
    if event.name == OPEN:
        open_card(int(event.row))
    chosen = PEOPLE.selected
    if event.row:
        chosen = {str(row.id): row.shown_name for row in page.rows if str(row.id) == event.row}
    if not chosen:  # the person is not in the list any more
        return
    dialogs.open_dialog(event.name, PAGE_URL, {int(number): name for number, name in chosen.items()})
    st.rerun()  # of the whole page: the dialog is drawn outside of the list's fragment


def _row(row: PersonItem, *, may_grant: bool) -> Row:
    detail = row.email if row.name and row.email else row.subject.subject
    return Row(
        str(row.id),
        row.shown_name,
        (
            cells.person(row.shown_name, detail=detail if detail != row.shown_name else "", machine=row.machine),
            {"badges": [cells.badge(labels.STATES[row.state], tone=STATE_TONES.get(row.state, Tone.PLAIN))]},
            cells.badges(row.roles, none="no role"),
            cells.time(row.last_seen_at),
            cells.time(row.first_seen_at),
        ),
        href=f"?person={row.id}",
        actions=("grant",) if may_grant else (),
    )


def _empty(query: PeopleQuery) -> None:
    """The message of an empty list."""
    if query == PeopleQuery():
        text = "People appear when they sign in for the first time, or when you add them."
        states.empty("There are no people yet.", text, icon="group", key="people")
    else:
        text = "Try a shorter part of the name, the e-mail address or the user ID, or clear the filters."
        states.empty("No match.", text, icon="person_search", key="people")


def open_card(person_id: int) -> None:
    """Open the card of a person at its own address; the query of the list is kept for the way back."""
    st.session_state[_LIST_QUERY] = st.query_params.to_dict()
    # Not a link: on its own page Streamlit 1.67 follows one without changing the address.
    st.query_params.from_dict({"person": str(person_id)})
    st.rerun()


def back_to_list() -> None:
    """Go back from a card to the list, with the query it had."""
    st.query_params.from_dict(st.session_state.get(_LIST_QUERY, {}))
