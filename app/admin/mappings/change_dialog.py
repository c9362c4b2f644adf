"""The dialog that changes a mapping: the roles, the effects, the reason; both versions after a version conflict."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import streamlit as st

from app import formatting
from app.admin.api import mappings as mappings_api
from app.admin.api import roles as roles_api
from app.admin.widgets import role_picker
from app.admin.widgets.links import MAPPINGS
from app.admin.widgets.own_permissions import missing_permissions
from app.core.contract.mappings import MappingBody
from app.core.errors import GatehouseError, NotFound
from app.core.records import MAX_COMPARED_ROLES
from app.ui import confirmation, dialogs, failures, notices, texts
from app.ui.dialogs import Dialog


def show(dialog: Dialog, row: MappingBody) -> None:
    """Show the dialog about a token role."""
    title = f"Map {formatting.plain(row.token_role, cap=60)}"
    dialogs.show(title, lambda: _body(dialog, row), icon=":material/swap_horiz:", wide=True)


def _body(dialog: Dialog, row: MappingBody) -> None:
    before = {role.id: role.name for role in row.roles}
    try:
        after = role_picker.pick_many(
            "Map to roles", key="mapping-roles", chosen=dialog.memory.setdefault("chosen", before),
            placeholder="No roles: not mapped",
        )  # fmt: skip
        missing = _missing_permissions(after.keys() - before.keys())
    except GatehouseError as error:
        failures.show(error, key="mapping-roles-failed", input_kept=True)
        return
    dialog.memory["chosen"] = after
    if before == after:
        st.caption("There are no changes yet.")
    for sentence in effects(row, before, after):
        st.markdown(f"- {sentence}")
    if missing:
        st.warning(
            "You can map only to roles whose permissions you hold yourself. You do not hold: "
            f"{'; '.join(formatting.clause(formatting.sentence(name)) for name in sorted(missing)[:5])}.",
            icon=":material/lock:",
        )
    reason = confirmation.reason_input("mapping", placeholder="Such as: the provider's group was renamed")
    unchanged = before == after
    confirmed = confirmation.buttons("mapping", "Save", icon=":material/save:", disabled=unchanged or bool(missing))
    confirmation.save(
        dialog,
        "mapping",
        row,
        reason=reason,
        confirmed=confirmed,
        update=lambda latest: _update(latest, after, reason),
        load=lambda: _load(row.token_role),
        describe=lambda mapping: {"Mapped to": texts.listed([role.name for role in mapping.roles], limit=50)},
    )


def effects(row: MappingBody, before: Mapping[int, str], after: Mapping[int, str]) -> list[str]:
    """Return what saving will do, a markdown-safe sentence each.

    Args:
        row: The mapping.
        before: The roles now, id → name.
        after: The roles after saving, id → name.
    """
    added = [name for role, name in after.items() if role not in before]
    removed = [name for role, name in before.items() if role not in after]
    people = f"{texts.quantity(row.people, 'person', 'people')} whose last sign-in contained it"
    third_person = "s" if row.people == 1 else ""
    sentences = []
    if added:
        sentences.append(
            f"{people} get{third_person} {texts.listed(added)} at once."
            if row.people
            else f"Users who sign in with it get {texts.listed(added)}."
        )
    if removed:
        sentences.append(
            f"{people} lose{third_person} {texts.listed(removed)} at once, unless another grant includes it."
            if row.people
            else f"Users who sign in with it no longer get {texts.listed(removed)}."
        )
    if before and not after:
        sentences.append("The token role is not mapped then.")
    return sentences


def _missing_permissions(roles: Iterable[int]) -> frozenset[str]:
    """Return the permissions of the added roles that the caller does not hold."""
    compared = list(roles)[:MAX_COMPARED_ROLES]
    if not compared:
        return frozenset()
    return missing_permissions(frozenset().union(*roles_api.permissions_of_roles(compared).values()))


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
    before = [role.id for role in mapping.roles]
    name = confirmation.bold_name(mapping.token_role)
    people = texts.quantity(saved.people_changed, "person", "people")
    effect = f"This changed the permissions of {people}." if saved.people_changed else "No permissions changed."
    result = f"mapped to {texts.listed(list(after.values()), limit=10)}" if after else "no longer mapped"

    def undo() -> str:
        mappings_api.set_mapping(
            mapping.token_role, before, reason="The last change was undone.", version=saved.mapping.version
        )
        return f"The mapping of the token role {name} is as it was before."

    notices.post(f"The token role {name} is {result}. {effect}", MAPPINGS, undo=notices.Undo("Undo", undo))
