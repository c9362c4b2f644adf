"""The dialog that deletes a role: the effects, the role that its people get instead, the reason; with Undo if possible.

A deletion can be undone if no person or mapping had the role.
"""

from __future__ import annotations

import streamlit as st

from app import formatting
from app.admin.api import roles as roles_api
from app.admin.widgets import role_picker
from app.admin.widgets.links import ROLES
from app.core.contract.roles import RoleBody, RoleItem
from app.core.errors import GatehouseError, StaleVersion
from app.ui import confirmation, dialogs, failures, notices, texts


def show(role: RoleBody, dialog: dialogs.Dialog) -> None:
    """Show the dialog."""
    dialogs.show(f"Delete {formatting.plain(role.name)}?", lambda: _body(role, dialog), icon=":material/delete:")


def _body(role: RoleBody, dialog: dialogs.Dialog) -> None:
    version = dialog.memory.setdefault("version", role.version)
    if version != role.version:
        st.warning("This role was changed meanwhile. You see its current state.", icon=":material/sync:")
    target = None
    try:
        if role.people:
            st.write(
                f"**{texts.counted(role.people, capped=role.people_capped)} "
                f"{'person has' if role.people == 1 else 'people have'} it.** Choose the role that they get instead. "
                "It is granted in the same transaction; other people are not affected."
            )
            target = role_picker.pick_one("Role they get instead", key="delete-move-to", without={role.id})
        else:
            st.write("No one has this role, so no one loses permissions.")
    except GatehouseError as error:
        failures.show(error, key="delete-roles-failed")
    if role.token_roles:
        st.write(
            f"The provider's role{'s' if len(role.token_roles) > 1 else ''} {texts.listed(role.token_roles)} "
            f"will {'be mapped to the other role' if target is not None else 'not be mapped'} then."
        )
    st.write("The role is deleted permanently. The audit log keeps a record of it.")
    reason = confirmation.reason_input("delete", placeholder="Such as: the team was dissolved")
    target_missing = bool(role.people) and target is None
    if confirmation.buttons("delete", "Delete role", icon=":material/delete:", disabled=target_missing, danger=True):
        _delete(role, target, reason)


def _delete(role: RoleBody, target: RoleItem | None, reason: str) -> None:
    moved: list[int] = []

    def delete() -> None:
        move_to = target.id if target is not None else None
        moved.append(roles_api.delete_role(role.id, move_to=move_to, reason=reason, version=role.version))

    try:
        if not confirmation.attempt("delete", reason, delete, versioned=True):
            return
    except StaleVersion:
        st.warning(
            "This role was changed just now and is not deleted. Review its current state, then delete it again.",
            icon=":material/sync:",
        )
        return
    _report(role, target, moved[0])


def _report(role: RoleBody, target: RoleItem | None, moved: int) -> None:
    """Post the notice about the deletion, with Undo if no person or mapping had the role, and open the list."""
    replacement = ""
    if target is not None and moved:
        replacement = f" {texts.quantity(moved, 'person', 'people')} got {formatting.plain(target.name)} instead."
    undo = None if moved or role.token_roles else notices.Undo("Undo", lambda: _undo_deletion(role))
    notices.post(f"The role **{formatting.plain(role.name)}** was deleted.{replacement}", ROLES, undo=undo)
    st.query_params.clear()
    dialogs.close_and_rerun()


def _undo_deletion(role: RoleBody) -> str:
    roles_api.create_role(
        role.name, description=role.description, permissions=role.permissions, reason="The deletion was undone."
    )
    return f"The role **{formatting.plain(role.name)}** was created again."
