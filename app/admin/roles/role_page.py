"""One role: what it allows, with the editor for those who may change it; who has it; copy, compare and delete."""

from __future__ import annotations

from functools import partial
from typing import Final

import streamlit as st

from app import access, formatting, panels
from app.admin.api import roles as roles_api
from app.admin.roles import deletion as role_deletion
from app.admin.roles import editor, holders, role_list, unsaved_edits
from app.admin.roles.unsaved_edits import RoleEdit, Stage
from app.admin.widgets.links import AUDIT, MAPPINGS, PEOPLE, ROLES, link
from app.admin.widgets.permission_table import ListedPermissions
from app.core.contract.roles import RoleBody
from app.core.errors import GatehouseError, NotFound
from app.core.permissions import ADMINISTRATOR, Permission
from app.ui import dialogs, failures, layout, notices, texts
from app.ui.layout import header

_PERMISSIONS: Final = ListedPermissions("role-permissions", empty="The role has no permissions yet.")


def show(role_id: int, *, to_edit: bool) -> None:
    """Show the page of a role, or that there is no such role. ``to_edit``: the address asks for the editor.

    Raises:
        GatehouseError: A call of the remote API failed.
    """
    try:
        role = roles_api.role(role_id)
    except NotFound:
        edit = unsaved_edits.current(role_id)
        if edit is not None and edit.stage is Stage.REVIEWING:
            editor.show_stage(edit)  # offers a new role from the edit
            return
        role_list.show_not_found()
        return
    except GatehouseError as error:
        role_list.back_button()
        st.title("Role", anchor=False)
        panels.problem(error, input_kept=unsaved_edits.has_changes(role_id))
        return
    refused = access.missing(Permission.MANAGE_ROLES)
    edit = unsaved_edits.of_role(role) if refused is None and role.name != ADMINISTRATOR else None
    if edit is not None and edit.stage is not Stage.EDITING:
        editor.show_stage(edit)
        return
    role_list.back_button()
    with header(formatting.plain(role.name), caption=formatting.plain(role.description, cap=500)):
        _actions(role)
    notices.show(ROLES)
    if refused is not None and (to_edit or unsaved_edits.current(role.id) is not None):
        failures.show(refused, key="role-edit-refused")
    _facts(role)
    _contents(role, edit, holders.load(role))
    dialog = dialogs.current(ROLES)
    if dialog is not None and dialog.name == "delete" and dialog.arguments == (role.id,):
        role_deletion.show(role, dialog)


@st.fragment
def _contents(role: RoleBody, edit: RoleEdit | None, first_holders: holders.Loaded) -> None:
    """What the role allows, and who has it; reruns without the rest of the page while the role is edited."""
    left, right = layout.side_by_side()
    with left:
        if edit is None:
            st.header("Permissions", anchor=False)
            _PERMISSIONS.show(f"Permissions of {role.name}", role.permissions)
        else:
            editor.show_fields(edit)
    with right:
        holders.show(role, first_holders)
    if edit is not None:
        editor.show_bar(edit)


def _actions(role: RoleBody) -> None:
    may_change = access.allows(Permission.MANAGE_ROLES)
    if st.button("Compare…", key="role-compare", icon=":material/compare_arrows:"):
        role_list.go(role=role.id, compare="yes")
    if may_change and st.button("Copy", key="role-copy", icon=":material/content_copy:"):
        role_list.go(edit="new", copy=role.id)
    if may_change and not role.built_in:
        st.button(
            "Delete…", key="role-delete", icon=":material/delete:",
            on_click=partial(dialogs.open_dialog, "delete", ROLES, role.id),
        )  # fmt: skip


def _facts(role: RoleBody) -> None:
    """What is built in, how many people have the role, and where it comes from; each with the way to its page."""
    if role.built_in:
        st.markdown(f":material/lock: {built_in_text(role)}")
    if role.token_roles:
        many = len(role.token_roles) > 1
        st.markdown(
            f":material/swap_horiz: Users also get it from the sign-in provider: its role{'s' if many else ''} "
            f"**{texts.listed(role.token_roles)}** {'are' if many else 'is'} mapped to this role."
        )
    with st.container(horizontal=True, key="role-links"):
        if role.people:
            link(PEOPLE, "People with this role", icon=":material/group:", role=role.name)
        link(AUDIT, "History", icon=":material/history:", target=role.name)
        if role.token_roles:
            link(MAPPINGS, "Mappings", icon=":material/swap_horiz:")


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
