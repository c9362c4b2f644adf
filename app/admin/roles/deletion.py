"""Deleting a role: what it will do, where its people go, why; and the way back where nobody was touched."""

from __future__ import annotations

import streamlit as st

from app import formatting
from app.admin.api import roles as roles_api
from app.admin.widgets import confirmation, dialogs, failures, labels, notices, role_picker
from app.admin.widgets.links import ROLES
from app.core.contract.roles import RoleBody, RoleItem
from app.core.errors import GatehouseError, StaleVersion


def show(role: RoleBody, dialog: dialogs.Dialog) -> None:
    """The dialog."""
    dialogs.show(f"Delete {formatting.plain(role.name)}?", lambda: _body(role, dialog), icon=":material/delete:")


def _body(role: RoleBody, dialog: dialogs.Dialog) -> None:
    version = dialog.memory.setdefault("version", role.version)
    if version != role.version:
        st.warning("Somebody changed this role meanwhile. What you see here is how it is now.", icon=":material/sync:")
    target = None
    try:
        if role.people:
            st.write(
                f"**{labels.counted(role.people, capped=role.people_capped)} "
                f"{'person holds' if role.people == 1 else 'people hold'} it.** Say which role they get instead: it is "
                "given to them in the same moment, and nobody else is touched."
            )
            target = role_picker.pick_one("Role they get instead", key="delete-move-to", without={role.id})
        else:
            st.write("Nobody holds it, so nobody loses anything.")
    except GatehouseError as error:
        failures.show(error, key="delete-roles-failed")
    if role.token_roles:
        st.write(
            f"The provider's role{'s' if len(role.token_roles) > 1 else ''} {labels.listed(role.token_roles)} "
            f"will {'become the other role' if target is not None else 'be mapped nowhere'} then."
        )
    st.write("The role is gone for good then; the audit keeps what it was.")
    reason = confirmation.reason_input("delete", placeholder="Such as: nobody does this work any more")
    nowhere = bool(role.people) and target is None
    if confirmation.buttons("delete", "Delete the role", icon=":material/delete:", disabled=nowhere):
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
            "Somebody changed this role in this very moment. Look at what you see now, then delete it again.",
            icon=":material/sync:",
        )
        return
    _gone(role, target, moved[0])


def _gone(role: RoleBody, target: RoleItem | None, moved: int) -> None:
    """Say what happened, with the way back where nobody was touched."""
    went = ""
    if target is not None and moved:
        went = f" {labels.quantity(moved, 'person', 'people')} got {formatting.plain(target.name)} instead."
    undo = None if moved or role.token_roles else notices.Undo("Make it again", lambda: _again(role))
    notices.post(f"The role **{formatting.plain(role.name)}** was deleted.{went}", ROLES, undo=undo)
    st.query_params.clear()
    dialogs.close_and_rerun()


def _again(role: RoleBody) -> str:
    roles_api.create_role(
        role.name, description=role.description, permissions=role.permissions, reason="Deleting it was taken back."
    )
    return f"The role **{formatting.plain(role.name)}** is there again."
