"""Changing what a token role becomes: the roles, whom it touches, why; both versions where it was changed meanwhile."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import streamlit as st

from app import formatting
from app.admin.api import mappings as mappings_api
from app.admin.api import roles as roles_api
from app.admin.widgets import confirmation, dialogs, failures, labels, notices, role_picker
from app.admin.widgets.dialogs import Dialog
from app.admin.widgets.links import MAPPINGS
from app.admin.widgets.own_permissions import missing_permissions
from app.core.contract.mappings import MappingBody
from app.core.contract.roles import MAX_COMPARED_ROLES
from app.core.errors import GatehouseError, NotFound


def show(dialog: Dialog, row: MappingBody) -> None:
    """The dialog about a token role that is known."""
    title = f"What {formatting.plain(row.token_role, cap=60)} becomes"
    dialogs.show(title, lambda: _body(dialog, row), icon=":material/swap_horiz:", wide=True)


def _body(dialog: Dialog, row: MappingBody) -> None:
    before = {role.id: role.name for role in row.roles}
    try:
        after = role_picker.pick_many(
            "Roles it becomes", key="mapping-roles", chosen=dialog.memory.setdefault("chosen", before),
            placeholder="None: it becomes nothing here",
        )  # fmt: skip
        missing = _not_held(after.keys() - before.keys())
    except GatehouseError as error:
        failures.show(error, key="mapping-roles-failed", input_kept=True)
        return
    dialog.memory["chosen"] = after
    if before == after:
        st.caption("Nothing is changed yet.")
    for sentence in effects(row, before, after):
        st.markdown(f"- {sentence}")
    if missing:
        st.warning(
            "You can map only to roles all of which you hold yourself. You do not hold: "
            f"{'; '.join(formatting.clause(formatting.sentence(name)) for name in sorted(missing)[:5])}.",
            icon=":material/lock:",
        )
    why = confirmation.reason_input("mapping", placeholder="Such as: the provider's group was renamed")
    go = confirmation.buttons("mapping", "Save", icon=":material/save:", disabled=before == after or bool(missing))
    confirmation.save(
        dialog,
        "mapping",
        row,
        reason=why,
        confirmed=go,
        update=lambda seen: _save(seen, after, why),
        load=lambda: _load(row.token_role),
        describe=lambda one: {"Becomes": labels.listed([role.name for role in one.roles], limit=50)},
    )


def effects(row: MappingBody, before: Mapping[int, str], after: Mapping[int, str]) -> list[str]:
    """What saving will do, a markdown-safe sentence each."""
    added = [name for role, name in after.items() if role not in before]
    removed = [name for role, name in before.items() if role not in after]
    people = labels.quantity(row.people, "person", "people")
    whom = f"{people} whose last sign-in brought it" if row.people else ""
    said = []
    if added:
        who = f"{whom} get{'s' if row.people == 1 else ''}" if whom else "Who signs in with it gets"
        said.append(f"{who} {labels.listed(added)}, at once." if whom else f"{who} {labels.listed(added)}.")
    if removed:
        lose = f"lose{'s' if row.people == 1 else ''}"
        said.append(
            f"{whom} {lose} {labels.listed(removed)} at once, unless they have it in another way too."
            if whom
            else f"Who signs in with it does not get {labels.listed(removed)} any more."
        )
    if before and not after:
        said.append("It becomes nothing here then.")
    return said


def _not_held(roles: Iterable[int]) -> frozenset[str]:
    """What the roles that are added give, and the asking administrator does not hold."""
    asked = list(roles)[:MAX_COMPARED_ROLES]
    if not asked:
        return frozenset()
    return missing_permissions(frozenset().union(*roles_api.permissions_of_roles(asked).values()))


def _load(token_role: str) -> MappingBody:
    """The mapping as it is now; one that becomes nothing for a token role nobody has heard of."""
    cursor = ""
    while True:
        page = mappings_api.mappings(token_role, cursor=cursor, limit=200)
        for row in page.rows:
            if row.token_role == token_role:
                return row
        if page.next is None:
            raise NotFound("This token role has neither arrived nor been mapped.")
        cursor = page.next


def _save(seen: MappingBody, after: Mapping[int, str], why: str) -> None:
    saved = mappings_api.set_mapping(seen.token_role, after, reason=why, version=seen.version)
    before = [role.id for role in seen.roles]
    name = confirmation.bold_name(seen.token_role)
    changed = labels.quantity(saved.people_changed, "person", "people")
    whom = f"It changed what {changed} may do." if saved.people_changed else "It changed nothing for anybody so far."
    roles = labels.listed(list(after.values()), limit=10) if after else "nothing here"

    def back() -> str:
        mappings_api.set_mapping(
            seen.token_role, before, reason="The last change was taken back.", version=saved.mapping.version
        )
        return f"The token role {name} becomes what it became before."

    notices.post(
        f"The token role {name} becomes {roles} now. {whom}", MAPPINGS, undo=notices.Undo("Take it back", back)
    )
