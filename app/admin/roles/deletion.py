"""The dialog that deletes a role: the effects, the role that its people get instead, the reason; with Undo if possible.

A deletion can be undone if no person or mapping had the role.
"""

from __future__ import annotations

import streamlit as st

from app.admin.api import roles as roles_api
from app.admin.widgets import role_picker
from app.admin.widgets.links import ROLES
from app.core.contract.roles import RoleBody, RoleItem
from app.core.errors import GatehouseError, StaleVersion
from app.ui import confirmation, dialogs, failures, notices
from app.ui.confirmation import undo_reason
from app.ui.sentences import ButtonText, DialogText, DialogTitle, NoticeText, Sentence, write


def show(role: RoleBody, dialog: dialogs.Dialog) -> None:
    """Show the dialog."""
    dialogs.show(write(DialogTitle.DELETE_ROLE, role=role.name), lambda: _body(role, dialog), icon=":material/delete:")


def _body(role: RoleBody, dialog: dialogs.Dialog) -> None:
    version = dialog.memory.setdefault("version", role.version)
    if version != role.version:
        st.warning(write(DialogText.ROLE_NEWER, role=role.name), icon=":material/sync:")
    target = None
    try:
        if role.people:
            st.markdown(write(DialogText.MOVES_PEOPLE, holders=(role.people, role.people_capped), role=role.name))
            target = role_picker.pick_one("Role instead", key="delete-move-to", without={role.id})
        else:
            st.markdown(write(DialogText.MOVES_NO_ONE, role=role.name))
    except GatehouseError as error:
        failures.show(error, key="delete-roles-failed")
    if role.token_roles:
        mapping = DialogText.MOVES_MAPPING if target is not None else DialogText.ENDS_MAPPING
        st.markdown(write(mapping, role=role.name, token_roles=role.token_roles))
    st.markdown(write(DialogText.DELETES_ROLE, role=role.name))
    reason = confirmation.reason_input("delete", placeholder="Such as: the team was dissolved")
    target_missing = bool(role.people) and target is None
    label = write(ButtonText.DELETE_ROLE)
    if confirmation.buttons("delete", label, icon=":material/delete:", disabled=target_missing, danger=True):
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
        st.warning(write(DialogText.ROLE_NOT_DELETED, role=role.name), icon=":material/sync:")
        return
    _report(role, target, moved[0], reason)


def _report(role: RoleBody, target: RoleItem | None, moved: int, reason: str) -> None:
    """Post the notice about the deletion, with Undo if no person or mapping had the role, and open the list."""
    mappings = role.token_roles
    text = write(
        NoticeText.ROLE_DELETED,
        role=role.name,
        moved=(moved, mappings) if target is not None else (0, ()),
        target_role=target.name if target is not None else "",
        unmapped=mappings if target is None else (),
    )
    undo = None if moved or mappings else notices.Undo(lambda: _undo_deletion(role, reason))
    notices.post(text, ROLES, undo=undo)
    st.query_params.clear()
    dialogs.close_and_rerun()


def _undo_deletion(role: RoleBody, reason: str) -> Sentence:
    roles_api.create_role(
        role.name, description=role.description, permissions=role.permissions, reason=undo_reason(reason)
    )
    return write(NoticeText.UNDONE_DELETION, role=role.name, permissions=role.permissions)
