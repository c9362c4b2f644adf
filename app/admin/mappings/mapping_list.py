"""The list of mappings: the token roles that arrived or are mapped, and the roles they are mapped to."""

from __future__ import annotations

from typing import Final

import streamlit as st

from app import access, formatting
from app.admin.api import mappings as mappings_api
from app.admin.mappings import change_dialog
from app.admin.widgets import pagination
from app.admin.widgets.links import MAPPINGS
from app.core.contract.mappings import MappingBody
from app.core.permissions import Permission
from app.core.records import MAX_SEARCH_CHARACTERS
from app.ui import dialogs, notices, texts

SIZE: Final = 25
ALL, NOT_MAPPED = "All", "Not mapped"


def show() -> None:
    """Show the page.

    Raises:
        GatehouseError: A call of the remote API failed.
    """
    st.title("Mappings")
    st.caption(
        "At each sign-in, the sign-in provider sends the roles that the user has there. Here you map them to roles. A "
        "change applies at once to all users whose last sign-in contained the role."
    )
    notices.show(MAPPINGS)
    with st.spinner("Loading token roles…"):
        unmapped = mappings_api.mappings(unmapped=True, limit=1)
    if unmapped.total:
        _warn_unmapped(unmapped.total, capped=unmapped.total_capped)
    text = st.text_input(
        "Find a token role", key="mappings-search", type="search", icon=":material/search:", live=True,
        max_chars=MAX_SEARCH_CHARACTERS, placeholder="Part of its name",
    )  # fmt: skip
    which = st.segmented_control(
        "Show", [ALL, NOT_MAPPED], default=NOT_MAPPED if "unmapped" in st.query_params else ALL, required=True,
        key="mappings-which", label_visibility="collapsed",
    )  # fmt: skip
    st.query_params.from_dict({"unmapped": "true"} if which == NOT_MAPPED else {})
    query = (text, which)
    page = mappings_api.mappings(
        text, unmapped=which == NOT_MAPPED, cursor=pagination.cursor("mappings", query), limit=SIZE
    )
    may_change = access.allows(Permission.MANAGE_MAPPINGS)
    if not page.rows:
        st.info(_no_match(text, which), icon=":material/search_off:")
    for number, row in enumerate(page.rows):
        _row(number, row, may_change=may_change)
    pagination.control("mappings", query, page, size=SIZE, singular="token role", plural="token roles")
    _dialog()


def _warn_unmapped(total: int, *, capped: bool) -> None:
    many = capped or total > 1
    st.warning(
        f"**{texts.counted(total, capped=capped)} token role{'s' if many else ''} arrived and "
        f"{'are' if many else 'is'} not mapped.** {'They grant' if many else 'It grants'} nothing here. That is right "
        "for roles that have a meaning elsewhere only.",
        icon=":material/link_off:",
    )


def _no_match(text: str, which: str) -> str:
    if text:
        return "No token role matches. Try a shorter part of its name."
    if which == NOT_MAPPED:
        return "Every token role that arrived is mapped."
    return (
        "No token has contained a role yet, and no role is mapped. Roles arrive with sign-ins if the provider adds "
        "them to its tokens."
    )


def _row(number: int, row: MappingBody, *, may_change: bool) -> None:
    with st.container(key=f"mapping-{number}", border=True, gap="xsmall"):
        st.markdown(f"**{formatting.plain(row.token_role)}**")
        st.markdown(mapped_roles(row))
        people = texts.quantity(row.people, "person", "people")
        st.caption(f"In the last sign-in of {people}." if row.people else "Not in any last sign-in now.")
        if may_change:
            st.button(
                "Change", key=f"mapping-change-{number}", icon=":material/edit:",
                on_click=dialogs.open_dialog, args=("change", MAPPINGS, row),
            )  # fmt: skip


def mapped_roles(row: MappingBody) -> str:
    """The roles that a token role is mapped to, as markdown-safe text."""
    if row.own_name:
        names = [row.token_role, *(role.name for role in row.roles if role.name != row.token_role)]
        return f":material/arrow_forward: mapped to {texts.listed(names, limit=10)}; in development also by its name"
    if not row.roles:
        return ":material/link_off: not mapped"
    return f":material/arrow_forward: mapped to {texts.listed([role.name for role in row.roles], limit=10)}"


def _dialog() -> None:
    dialog = dialogs.current(MAPPINGS)
    if dialog is not None and dialog.name == "change":
        change_dialog.show(dialog, dialog.arguments[0])
