"""The first people who have a role, and the way to all of them."""

from __future__ import annotations

from typing import Final

import streamlit as st

from app import access
from app.admin.api.people import people
from app.admin.widgets.links import PEOPLE, link
from app.core.administration_records import PeopleQuery
from app.core.contract.people import People, PersonItem
from app.core.contract.roles import RoleBody
from app.core.errors import GatehouseError
from app.core.permissions import Permission
from app.navigation import BY_FILE
from app.ui import cells, failures, texts
from app.ui.table import Table
from app.ui.table_parts import OPEN, Column, Row

_MAX_SHOWN: Final = 5
Loaded = People | GatehouseError | None
HOLDERS: Final = Table(
    "role-holders",
    columns=(Column("person", "Person"), Column("seen", "Last seen", kind="short")),
    singular="person",
    plural="people",
)


def load(role: RoleBody) -> Loaded:
    """The first people who have the role; None for an administrator who may not see people."""
    if not role.people or not access.allows(Permission.READ_PEOPLE):
        return None
    try:
        return people(PeopleQuery(role=role.name), limit=_MAX_SHOWN)
    except GatehouseError as error:
        return error


def show(role: RoleBody, loaded: Loaded) -> None:
    """Draw the section about the people who have the role. ``loaded``: what ``load`` returned."""
    st.header("Who has it", anchor=False)
    st.markdown(holders_text(role))
    if loaded is None:
        return
    if isinstance(loaded, GatehouseError):
        failures.show(loaded, key="holders-failed")
        return
    event = HOLDERS.show("People with this role", [_row(row) for row in loaded.rows])
    if event is not None and event.name == OPEN:
        st.switch_page(BY_FILE["people.py"].script, query_params={"person": event.row})
    if loaded.next is not None:
        total = texts.counted(role.people, capped=role.people_capped)
        link(PEOPLE, f"All {total} people", icon=":material/group:", role=role.name)


def holders_text(role: RoleBody) -> str:
    """How many people have the role, as a sentence."""
    if not role.people:
        return "No one has this role."
    if role.people == 1 and not role.people_capped:
        return "1 person has this role."
    return f"{texts.counted(role.people, capped=role.people_capped)} people have this role."


def _row(person: PersonItem) -> Row:
    detail = person.email if person.email != person.shown_name else ""
    return Row(
        str(person.id),
        person.shown_name,
        (cells.person(person.shown_name, detail=detail, machine=person.machine), cells.time(person.last_seen_at)),
        href=f"people?person={person.id}",
    )
