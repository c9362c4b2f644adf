"""One role: its description, its permissions, who has it; with buttons to change, copy, compare and delete it."""

from __future__ import annotations

import streamlit as st

from app import access, formatting
from app.admin.api import roles as roles_api
from app.admin.roles import deletion as role_deletion
from app.admin.roles import role_list, unsaved_edits
from app.admin.widgets import permission_list
from app.admin.widgets.links import AUDIT, MAPPINGS, PEOPLE, ROLES, link, query_button
from app.core.contract.roles import RoleBody
from app.core.errors import NotFound
from app.core.permissions import ADMINISTRATOR, Permission
from app.ui import dialogs, texts


def show(role_id: int) -> None:
    """Show the card of a role, or that there is no such role.

    Raises:
        GatehouseError: A call of the remote API failed.
    """
    try:
        role = roles_api.role(role_id)
    except NotFound:
        role_list.show_not_found()
        return
    link(ROLES, "All roles", icon=":material/arrow_back:")
    st.title(formatting.plain(role.name))
    if role.description:
        st.markdown(formatting.plain(role.description, cap=500))
    if role.built_in:
        st.info(built_in_text(role), icon=":material/info:")
    st.markdown(f"{role_list.counts(role)[:1].upper()}{role_list.counts(role)[1:]}.")
    _token_roles(role)
    _actions(role)
    st.subheader("Permissions")
    permission_list.show(role.permissions, key="role-permissions", empty="The role has no permissions yet.")
    dialog = dialogs.current(ROLES)
    if dialog is not None and dialog.name == "delete" and dialog.arguments == (role.id,):
        role_deletion.show(role, dialog)


def built_in_text(role: RoleBody) -> str:
    """What an administrator can change of a built-in role."""
    if role.name == ADMINISTRATOR:
        return (
            "**Built in.** It has every permission, including those that an update adds, so one role always allows "
            "everything. It cannot be changed, renamed or deleted."
        )
    return (
        "**Built in.** It comes with this installation. You can add permissions to it, but not remove those that it "
        "comes with. It cannot be renamed or deleted."
    )


def _token_roles(role: RoleBody) -> None:
    if not role.token_roles:
        return
    many = len(role.token_roles) > 1
    st.markdown(
        f"Users also get it from the sign-in provider: its role{'s' if many else ''} "
        f"**{texts.listed(role.token_roles)}** {'are' if many else 'is'} mapped to this role."
    )


def _actions(role: RoleBody) -> None:
    may_change = access.allows(Permission.MANAGE_ROLES)
    fixed = role.name == ADMINISTRATOR
    if may_change and unsaved_edits.has_changes(role.id):
        st.warning("You have changes to this role that are not saved yet.", icon=":material/edit_note:")
    with st.container(horizontal=True, vertical_alignment="center", key="role-actions"):
        if may_change and not fixed:
            query_button("Change", key="role-change", icon=":material/edit:", role=role.id, edit="yes")
        if may_change:
            query_button("Copy", key="role-copy", icon=":material/content_copy:", edit="new", copy=role.id)
        query_button("Compare", key="role-compare", icon=":material/compare_arrows:", role=role.id, compare="yes")
        if may_change and not role.built_in:
            st.button(
                "Delete", key="role-delete", icon=":material/delete:",
                on_click=dialogs.open_dialog, args=("delete", ROLES, role.id),
            )  # fmt: skip
    with st.container(horizontal=True, key="role-links"):
        link(PEOPLE, "People with this role", icon=":material/group:", role=role.name)
        link(AUDIT, "History", icon=":material/history:", target=role.name)
        if role.token_roles:
            link(MAPPINGS, "Mappings", icon=":material/swap_horiz:")
