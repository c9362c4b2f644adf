"""The dialog that changes a mapping: the roles, the effects, the reason; both versions after a version conflict."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from app.admin.api import mappings as mappings_api
from app.admin.api import roles as roles_api
from app.admin.widgets import role_picker
from app.admin.widgets.links import MAPPINGS
from app.admin.widgets.own_permissions import missing_permissions
from app.core.contract.mappings import MappingBody
from app.core.errors import GatehouseError, NotFound
from app.core.records import MAX_COMPARED_ROLES
from app.ui import confirmation, dialogs, failures, notices, texts
from app.ui.confirmation import undo_reason
from app.ui.dialogs import Dialog
from app.ui.sentences import ButtonText, DialogText, DialogTitle, NoticeText, Sentence, write


def show(dialog: Dialog, row: MappingBody) -> None:
    """Show the dialog about a token role."""
    title = write(DialogTitle.MAP, token_role=row.token_role)
    dialogs.show(title, lambda: _body(dialog, row), icon=":material/swap_horiz:", wide=True)


def _body(dialog: Dialog, row: MappingBody) -> None:
    before = {role.id: role.name for role in row.roles}
    try:
        after = role_picker.pick_many(
            "Map to roles", key="mapping-roles", chosen=dialog.memory.setdefault("chosen", before),
            placeholder="No roles: not mapped",
        )  # fmt: skip
    except GatehouseError as error:
        failures.show_with_retry(error, key="mapping-roles-failed")
        return
    dialog.memory["chosen"] = after
    missing: frozenset[str] | None
    try:
        missing = _missing_permissions(frozenset(after.keys() - before.keys()))
    except GatehouseError as error:  # the effects and the reason stay: what is entered is not lost
        missing = None
        failures.show(error, key="mapping-permissions-failed")
    confirmation.show_effects(effects(row, before, after))
    if missing:
        st.warning(
            write(DialogText.MAPS_TOO_MUCH, token_role=row.token_role, permissions=sorted(missing)),
            icon=":material/lock:",
        )
    reason = confirmation.reason_input("mapping", placeholder="Such as: the provider's group was renamed")
    unchanged = before == after
    label = write(ButtonText.SAVE_MAPPING)
    confirmed = confirmation.buttons(
        "mapping", label, icon=":material/save:", disabled=unchanged or missing is None or bool(missing)
    )
    confirmation.save(
        dialog,
        "mapping",
        row,
        reason=reason,
        confirmed=confirmed,
        warning=write(DialogText.MAPPING_CHANGED, token_role=row.token_role),
        update=lambda latest: _update(latest, after, reason),
        load=lambda: _load(row.token_role),
        describe=lambda mapping: {"Mapped to": texts.listed([role.name for role in mapping.roles], limit=50)},
    )


def effects(row: MappingBody, before: Mapping[int, str], after: Mapping[int, str]) -> list[Sentence]:
    """Return what saving will do.

    Args:
        row: The mapping.
        before: The roles now, id → name.
        after: The roles after saving, id → name.
    """
    token_role = row.token_role
    added = [name for role, name in after.items() if role not in before]
    removed = [name for role, name in before.items() if role not in after]
    sentences = []
    if not added and not removed:
        sentences.append(write(DialogText.STAYS_MAPPED, token_role=token_role, roles=list(before.values())))
    if added:
        text = DialogText.MAPS if row.people else DialogText.MAPS_LATER
        sentences.append(write(text, token_role=token_role, roles=added, affected=row.people))
    if removed:
        text = DialogText.UNMAPS if row.people else DialogText.UNMAPS_LATER
        sentences.append(write(text, token_role=token_role, roles=removed, affected=row.people))
    if before and not after:
        sentences.append(write(DialogText.MAPS_NOTHING, token_role=token_role))
    return sentences


def _missing_permissions(roles: frozenset[int]) -> frozenset[str]:
    """Return the permissions of the added roles that the caller does not hold.

    Raises:
        GatehouseError: The permissions of the roles cannot be read.
    """
    compared = sorted(roles)[:MAX_COMPARED_ROLES]
    if not compared:
        return frozenset()
    contents, failure = dialogs.read_or_last("permissions", roles, lambda: roles_api.permissions_of_roles(compared))
    if failure is not None:
        raise failure
    return missing_permissions(frozenset().union(*contents.values()))


def _load(token_role: str) -> MappingBody:
    """Load the current mapping.

    Raises:
        NotFound: The token role has neither arrived nor been mapped.
    """
    cursor = ""
    while True:
        page = mappings_api.mappings(token_role, cursor=cursor, limit=200)
        for row in page.rows:
            if row.token_role == token_role:
                return row
        if page.next is None:
            raise NotFound("This token role has neither arrived nor been mapped.")
        cursor = page.next


def _update(mapping: MappingBody, after: Mapping[int, str], reason: str) -> None:
    saved = mappings_api.set_mapping(mapping.token_role, after, reason=reason, version=mapping.version)
    text = write(
        NoticeText.MAPPED,
        token_role=mapping.token_role,
        roles=list(after.values()),
        before_roles=[role.name for role in mapping.roles],
        affected=saved.people_changed,
    )
    undo = notices.Undo(lambda: _undo(mapping, saved.mapping, reason))
    notices.post(text, MAPPINGS, undo=undo)


def _undo(before: MappingBody, saved: MappingBody, reason: str) -> Sentence:
    roles = {role.id: role.name for role in before.roles}
    mappings_api.set_mapping(before.token_role, roles, reason=undo_reason(reason), version=saved.version)
    return write(NoticeText.UNDONE_MAPPING, token_role=before.token_role, roles=list(roles.values()))
