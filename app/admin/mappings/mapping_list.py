"""The table of mappings: the token roles that arrived or are mapped, and the roles that they are mapped to."""

from __future__ import annotations

import hashlib
from typing import Final

import streamlit as st

from app import access
from app.admin.api import mappings as mappings_api
from app.admin.mappings import change_dialog
from app.admin.widgets.links import MAPPINGS
from app.core import logs
from app.core.contract.mappings import MappingBody
from app.core.errors import GatehouseError
from app.core.list_orders import MappingSort
from app.core.permissions import Permission
from app.core.records import MAX_SEARCH_CHARACTERS
from app.ui import cells, dialogs, failures, notices, texts
from app.ui.cells import Cell
from app.ui.layout import header
from app.ui.table import Table
from app.ui.table_parts import Action, Column, Row

ALL, NOT_MAPPED = "All", "Not mapped"
MAP, CHANGE = "map", "change"
_MAX_BADGES: Final = 6
_ACTIONS: Final = (Action(MAP, "Map…"), Action(CHANGE, "Change…"))
TOKEN_ROLES: Final = Table(
    "mappings",
    columns=(
        Column("token-role", "Token role", sort="token_role"),
        Column("roles", "Mapped to"),
        Column("people", "In last sign-ins of", sort="people", newest_first=True, kind="short"),
    ),
    singular="token role",
    plural="token roles",
    in_address=True,
)


def show() -> None:
    """Draw the page."""
    caption = (
        "At each sign-in, the sign-in provider sends the roles that the user has there. Here you map them to roles. A "
        "change applies at once to all users whose last sign-in contained the role."
    )
    with header("Mappings", caption=caption):
        pass
    notices.show(MAPPINGS)
    try:
        with st.spinner("Loading token roles…"):
            unmapped = mappings_api.mappings(unmapped=True, limit=1)
    except GatehouseError as error:  # the list has the same reason, below a search that keeps its text
        logs.report(error, where="the number of token roles that are not mapped")
    else:
        if unmapped.total:
            _count_unmapped(unmapped.total, capped=unmapped.total_capped)
    _list()
    dialog = dialogs.current(MAPPINGS)
    if dialog is not None and dialog.name == CHANGE:
        change_dialog.show(dialog, dialog.arguments[0])


def _count_unmapped(total: int, *, capped: bool) -> None:
    many = capped or total > 1
    st.markdown(
        f":material/link_off: **{texts.counted(total, capped=capped)} token role{'s' if many else ''} arrived and "
        f"{'are' if many else 'is'} not mapped.** {'They grant' if many else 'It grants'} nothing here. That is right "
        "for roles that have a meaning elsewhere only."
    )


@st.fragment
def _list() -> None:
    """Search, filter and table; reruns without the rest of the page while the administrator types."""
    text, which = _filter_bar()
    try:
        with st.spinner("Loading token roles…"):
            page = TOKEN_ROLES.load(
                (text, which),
                lambda at: mappings_api.mappings(
                    text,
                    unmapped=which == NOT_MAPPED,
                    sort=MappingSort(at.sort),
                    cursor=at.cursor,
                    limit=at.size,
                ),
            )
    except GatehouseError as error:
        failures.show_with_retry(error, key="mappings-failed")
        return
    if not page.rows:
        st.info(_no_match(text, which), icon=":material/search_off:")
        return
    may_change = access.allows(Permission.MANAGE_MAPPINGS)
    event = TOKEN_ROLES.show(
        "Mappings",
        [_row(row, may_change=may_change) for row in page.rows],
        page,
        row_actions=_ACTIONS if may_change else (),
    )
    mapping = next((row for row in page.rows if event is not None and row_id(row.token_role) == event.row), None)
    if mapping is not None:
        dialogs.open_dialog(CHANGE, MAPPINGS, mapping)
        st.rerun()  # of the whole page: the dialog is drawn outside of the list's fragment


def _filter_bar() -> tuple[str, str]:
    """Show the search and the filter; return the text, and ``ALL`` or ``NOT_MAPPED``."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="filter-bar"):
        text = st.text_input(
            "Search", key="q", type="search", live="250ms", placeholder="Part of a token role's name",
            autocomplete="off", max_chars=MAX_SEARCH_CHARACTERS, bind="query-params", width=320,
        )  # fmt: skip
        which = st.segmented_control(
            "Show", [ALL, NOT_MAPPED], default=NOT_MAPPED if "unmapped" in st.query_params else ALL, required=True,
            key="mappings-which", wrap=True,
        )  # fmt: skip
    if which == NOT_MAPPED:
        st.query_params["unmapped"] = "true"
    else:
        st.query_params.pop("unmapped", None)
    return (text or "").strip(), which


def _no_match(text: str, which: str) -> str:
    if text:
        return "**No token role matches.** Try a shorter part of its name."
    if which == NOT_MAPPED:
        return "**Every token role that arrived is mapped.**"
    return (
        "**No token role has arrived yet, and no role is mapped.** Roles arrive with sign-ins if the provider adds "
        "them to its tokens."
    )


def _row(row: MappingBody, *, may_change: bool) -> Row:
    people = texts.quantity(row.people, "person", "people") if row.people else "no one now"
    action = CHANGE if row.roles or row.own_name else MAP
    return Row(
        row_id(row.token_role),
        row.token_role,
        (cells.text(row.token_role), mapped_roles(row), cells.text(people)),
        actions=(action,) if may_change else (),
    )


def row_id(token_role: str) -> str:
    """The id of a token role's row: of bounded size, whatever the name."""
    return hashlib.sha256(token_role.encode()).hexdigest()[:16]


def mapped_roles(row: MappingBody) -> Cell:
    """The roles that a token role is mapped to."""
    names = [role.name for role in row.roles]
    if row.own_name:
        names = [row.token_role, *(name for name in names if name != row.token_role)]
    cell = cells.badges(names, limit=_MAX_BADGES, none="not mapped")
    return cell | ({"detail": "in development also by its name"} if row.own_name else {})
