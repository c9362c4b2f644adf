"""One role: what it is, whom it concerns, what it lets them do; and ways to change, copy, compare and delete it."""

from __future__ import annotations

import streamlit as st

from app import access, formatting
from app.admin.api import roles as roles_api
from app.admin.roles import deletion as role_deletion
from app.admin.roles import drafts as role_drafts
from app.admin.roles import role_list
from app.admin.widgets import dialogs, labels, permission_list
from app.admin.widgets.links import AUDIT, MAPPINGS, PEOPLE, ROLES, link, query_button
from app.core.contract.roles import RoleBody
from app.core.errors import NotFound
from app.core.permissions import ADMINISTRATOR, Permission


def show(role_id: int) -> None:
    """The card; raises as the call does, but says itself that there is no such role."""
    try:
        role = roles_api.role(role_id)
    except NotFound:
        role_list.gone()
        return
    link(ROLES, "All roles", icon=":material/arrow_back:")
    st.title(formatting.plain(role.name))
    if role.description:
        st.markdown(formatting.plain(role.description, cap=500))
    if role.built_in:
        st.info(explained(role), icon=":material/info:")
    st.markdown(f"{role_list.counts(role)[:1].upper()}{role_list.counts(role)[1:]}.")
    _token_roles(role)
    _actions(role)
    st.subheader("What it lets people do")
    permission_list.show(role.permissions, key="role-permissions", empty="Nothing: there is no permission in it yet.")
    found = dialogs.current(ROLES)
    if found is not None and found.name == "delete" and found.about == (role.id,):
        role_deletion.show(role, found)


def explained(role: RoleBody) -> str:
    """What being built in means for this role."""
    if role.name == ADMINISTRATOR:
        return (
            "**Built in.** It holds every permission there is, also those that come with an update, so that there is "
            "always a role for everything. It cannot be changed, renamed or deleted."
        )
    return (
        "**Built in.** It comes with this installation. You can add permissions to it; it cannot be renamed or "
        "deleted, and what it comes with stays in it."
    )


def _token_roles(role: RoleBody) -> None:
    if not role.token_roles:
        return
    many = len(role.token_roles) > 1
    st.markdown(
        f"People also get it from the sign-in provider, whose role{'s' if many else ''} "
        f"**{labels.listed(role.token_roles)}** become{'' if many else 's'} this one."
    )


def _actions(role: RoleBody) -> None:
    may = access.allows(Permission.MANAGE_ROLES)
    fixed = role.name == ADMINISTRATOR
    if may and role_drafts.has_changes(role.id):
        st.warning("You have changes to this role that are not saved yet.", icon=":material/edit_note:")
    with st.container(horizontal=True, vertical_alignment="center", key="role-actions"):
        if may and not fixed:
            query_button("Change", key="role-change", icon=":material/edit:", role=role.id, edit="yes")
        if may:
            query_button("Copy", key="role-copy", icon=":material/content_copy:", edit="new", copy=role.id)
        query_button("Compare", key="role-compare", icon=":material/compare_arrows:", role=role.id, compare="yes")
        if may and not role.built_in:
            st.button(
                "Delete", key="role-delete", icon=":material/delete:",
                on_click=dialogs.open_dialog, args=("delete", ROLES, role.id),
            )  # fmt: skip
    with st.container(horizontal=True, key="role-links"):
        link(PEOPLE, "Who holds it", icon=":material/group:", role=role.name)
        link(AUDIT, "Its history", icon=":material/history:", target=role.name)
        if role.token_roles:
            link(MAPPINGS, "Its mappings", icon=":material/swap_horiz:")
