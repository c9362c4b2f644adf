"""The table of roles, each with the number of its permissions and of the people who have it."""

from __future__ import annotations

from typing import Final

import streamlit as st

from app import access
from app.admin.api import roles as roles_api
from app.admin.roles import unsaved_edits
from app.admin.widgets.links import ROLES
from app.core.contract.roles import RoleItem
from app.core.errors import GatehouseError
from app.core.list_orders import RoleSort
from app.core.permissions import Permission
from app.core.records import MAX_SEARCH_CHARACTERS
from app.ui import cells, failures, notices
from app.ui.cells import Tone
from app.ui.layout import header
from app.ui.table import Table
from app.ui.table_parts import OPEN, Action, Column, Row, TableEvent

COMPARE: Final = "compare"
LIST: Final = Table(
    "roles",
    columns=(
        Column("name", "Role", sort="name"),
        Column("permissions", "Permissions", sort="permissions", newest_first=True, kind="number"),
        Column("people", "People", sort="people", newest_first=True, kind="number"),
    ),
    singular="role",
    plural="roles",
    in_address=True,
)
_BULK: Final = (Action(COMPARE, "Compare", icon="compare_arrows", rows=2),)
_LIST_QUERY: Final = "roles-query"  # the query of the list while a role is open


def show() -> None:
    """Draw the page: the title, the notice and the table."""
    caption = "A role is a named set of permissions. A change applies at once, also to users who are signed in."
    with header("Roles", caption=caption):
        if access.allows(Permission.MANAGE_ROLES) and st.button(
            "New role", key="new-role", icon=":material/add:", type="primary"
        ):
            go(edit="new")
    notices.show(ROLES)
    _list()


@st.fragment
def _list() -> None:
    """Search and table; reruns without the rest of the page while the administrator types."""
    text = st.text_input(
        "Search", key="q", type="search", live="250ms", placeholder="Part of a role's name", autocomplete="off",
        max_chars=MAX_SEARCH_CHARACTERS, bind="query-params", width=320,
    ).strip()  # fmt: skip
    try:
        with st.spinner("Loading roles…"):
            page = LIST.load(
                text, lambda at: roles_api.roles(text, sort=RoleSort(at.sort), cursor=at.cursor, limit=at.size)
            )
    except GatehouseError as error:
        failures.show_with_retry(error, key="roles-failed")
        return
    if not page.rows:
        st.info(
            "**No role matches.** Try a shorter part of its name." if text else "There are no roles yet.",
            icon=":material/search_off:",
        )
        return
    event = LIST.show("Roles", [_row(role) for role in page.rows], page, bulk=_BULK)
    if event is not None:
        _handle(event)


def _handle(event: TableEvent) -> None:
    if event.name == OPEN:
        go(role=event.row)
    elif event.name == COMPARE:
        first, second = LIST.selected
        LIST.clear_selection()
        go(role=first, compare=second)


def _row(role: RoleItem) -> Row:
    marks = [cells.badge("built-in")] if role.built_in else []
    if unsaved_edits.has_changes(role.id):
        marks.append(cells.badge("changes not saved", tone=Tone.WARNING))
    return Row(
        str(role.id),
        role.name,
        (
            cells.with_badges(cells.text(role.name, detail=role.description), marks),
            cells.number(role.permissions),
            cells.number(role.people, capped=role.people_capped) if role.people else cells.text("no one"),
        ),
        href=f"?role={role.id}",
    )


def go(**query: str | int) -> None:
    """Show another view of the page, at an address of its own; the query of the list is kept for the way back."""
    if not {"role", "edit"} & set(st.query_params):
        st.session_state[_LIST_QUERY] = st.query_params.to_dict()
    st.query_params.from_dict({name: str(value) for name, value in query.items()})
    st.rerun()


def back_button() -> None:
    """Show the way back to the list."""
    st.button("All roles", key="all-roles", icon=":material/arrow_back:", type="tertiary", on_click=_back_to_list)


def _back_to_list() -> None:
    st.query_params.from_dict(st.session_state.get(_LIST_QUERY, {}))


def show_not_found() -> None:
    """Show that there is no such role, with the way to the list."""
    back_button()
    with header("No such role"):
        pass
    st.write("It was deleted, or the address is wrong.")
