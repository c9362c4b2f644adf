"""The list of roles, each with the number of its permissions and of the people who have it."""

from __future__ import annotations

from typing import Final

import streamlit as st

from app import access, formatting
from app.admin.api import roles as roles_api
from app.admin.widgets import pagination
from app.admin.widgets.links import ROLES, link, query_button
from app.core.contract.roles import RoleBody, RoleItem
from app.core.permissions import Permission
from app.core.records import MAX_SEARCH_CHARACTERS
from app.ui import texts

SIZE: Final = 25


def show() -> None:
    """Show the list.

    Raises:
        GatehouseError: A call of the remote API failed.
    """
    st.title("Roles")
    st.caption("A role is a named set of permissions. A change applies at once, also to users who are signed in.")
    if access.allows(Permission.MANAGE_ROLES):
        query_button("Create role", key="role-make", icon=":material/add:", edit="new")
    text = st.text_input(
        "Find a role", key="roles-search", type="search", icon=":material/search:", live=True,
        max_chars=MAX_SEARCH_CHARACTERS, placeholder="Part of its name",
    )  # fmt: skip
    with st.spinner("Loading roles…"):
        page = roles_api.roles(text, cursor=pagination.cursor("roles", text), limit=SIZE)
    if not page.rows:
        st.info(
            "No role matches. Try another part of its name." if text else "There are no roles yet.",
            icon=":material/search_off:",
        )
    for role in page.rows:
        _row(role)
    pagination.control("roles", text, page, size=SIZE, singular="role", plural="roles")


def _row(role: RoleItem) -> None:
    with st.container(key=f"role-{role.id}", border=True, gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            link(ROLES, f"**{formatting.plain(role.name)}**", role=role.id)
            if role.built_in:
                st.badge("built in", color="gray")
        if role.description:
            st.markdown(formatting.plain(role.description, cap=300))
        st.caption(counts(role))


def counts(role: RoleItem | RoleBody) -> str:
    """``12 permissions, assigned to 34 people``, as markdown-safe text."""
    permissions = role.permissions if isinstance(role, RoleItem) else len(role.permissions)
    people = texts.counted(role.people, capped=role.people_capped)
    singular = role.people == 1 and not role.people_capped
    holders = "not assigned" if not role.people else f"assigned to {people} {'person' if singular else 'people'}"
    return f"{texts.quantity(permissions, 'permission')}, {holders}"


def show_not_found() -> None:
    """Show that there is no such role, with a link to the list."""
    st.title("No such role")
    st.write("It was deleted, or the address is wrong.")
    link(ROLES, "All roles", icon=":material/arrow_back:")
