"""The editor of a role: name, description and permissions, with a bar that stays in view. The review follows.

The input is a draft, which no permission check reads: every call is guarded, and the API checks what is saved.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Final

import streamlit as st

from app import access, formatting
from app.admin.api import roles as roles_api
from app.admin.roles import review as role_review
from app.admin.roles import role_list, unsaved_edits
from app.admin.roles.edits import RoleDraft, set_permission
from app.admin.roles.unsaved_edits import RoleEdit, Stage
from app.admin.widgets import pagination, permission_list
from app.admin.widgets.links import PEOPLE, ROLES, link
from app.admin.widgets.own_permissions import missing_permissions
from app.admin.widgets.permission_groups import grouped, matching
from app.core.errors import GatehouseError, NotFound
from app.core.permissions import Permission
from app.core.records import MAX_ROLE_DESCRIPTION_CHARACTERS, MAX_ROLE_NAME_CHARACTERS, MAX_SEARCH_CHARACTERS
from app.ui import failures, notices, texts
from app.ui.layout import action_bar, header, row
from app.ui.pages import LocalPage

IN_ROLE, ALL, CHANGED = "In the role", "All permissions", "Changed"
_CATALOGUE: Final = "role-catalogue"


def show_new(*, copy_of: int | None) -> None:
    """Show the editor of a new role.

    Raises:
        GatehouseError: A call of the remote API failed.
    """
    refused = access.missing(Permission.MANAGE_ROLES)
    if refused is not None:
        role_list.back_button()
        with header("New role"):
            pass
        failures.show(refused, key="role-edit-refused")
        return
    try:
        edit = unsaved_edits.of_new_role(copy_of=copy_of)
    except NotFound:
        role_list.show_not_found()
        return
    if edit.stage is not Stage.EDITING:
        show_stage(edit)
        return
    role_list.back_button()
    with header(_title(edit.draft)):
        pass
    notices.show(ROLES)
    if edit.omitted:
        st.warning(
            f"**The copy omits {texts.quantity(len(edit.omitted), 'permission')}** because you do not hold "
            f"{'it' if len(edit.omitted) == 1 else 'them'}: {texts.listed(edit.omitted)}.",
            icon=":material/lock:",
        )
    show_fields(edit)
    show_bar(edit)


def show_stage(edit: RoleEdit) -> None:
    """Show what follows the editor: the review, or the conflict with another administrator's change."""
    with header(f"{_title(edit.draft)}: review before saving"):
        pass
    notices.show(ROLES)
    if edit.stage is Stage.CONFLICT:
        role_review.show_conflict(edit)
    else:
        role_review.show(edit)


def _title(draft: RoleDraft) -> str:
    if draft.role is not None:
        return f"Change {formatting.plain(draft.base.name)}"
    return f"Copy {formatting.plain(draft.copied_from)}" if draft.copied_from else "New role"


def show_fields(edit: RoleEdit) -> None:
    """Show the inputs; what is entered goes into the draft."""
    draft, key = edit.draft, f"role-{edit.number}"
    with st.container(horizontal=True, key="role-texts"):
        name = st.text_input(
            "Name", draft.edited.name, key=f"{key}-name", max_chars=MAX_ROLE_NAME_CHARACTERS, disabled=edit.built_in,
            help="A built-in role keeps its name." if edit.built_in else None, width=260, autocomplete="off",
        )  # fmt: skip
        description = st.text_input(
            "Description", draft.edited.description, key=f"{key}-description",
            max_chars=MAX_ROLE_DESCRIPTION_CHARACTERS, autocomplete="off",
            placeholder="One sentence, such as: Answers customers and views their orders.",
        )  # fmt: skip
    edit.draft = replace(draft, edited=replace(draft.edited, name=name.strip(), description=description.strip()))
    st.header("Permissions", anchor=False)
    with st.container(horizontal=True, vertical_alignment="bottom", key="permission-search"):
        text = st.text_input(
            "Search for a permission", key=f"{key}-find", type="search", live="250ms", width=320, autocomplete="off",
            max_chars=MAX_SEARCH_CHARACTERS, placeholder="Part of a name or sentence",
        ).strip()  # fmt: skip
        which = st.segmented_control(
            "Show", [IN_ROLE, ALL, CHANGED], default=IN_ROLE if draft.base.permissions else ALL, required=True,
            key=f"{key}-which", wrap=True,
        )  # fmt: skip
    _permissions(edit, key, text, which)


def _permissions(edit: RoleEdit, key: str, text: str, which: str) -> None:
    """Show one page of permissions, by resource, each with a check box."""
    try:
        page = _page(edit, text, which)
    except GatehouseError as error:
        failures.show_with_retry(error, key="permissions-failed")
        return
    if not page.rows:
        st.info(_no_match(text, which), icon=":material/search_off:")
        if which != ALL:
            st.button(
                "Search all permissions" if text else "Show all permissions", key="show-all-permissions",
                on_click=_show_all, args=(f"{key}-which",),
            )  # fmt: skip
    locked = missing_permissions(name for name in page.rows if name not in edit.draft.base.permissions)
    for group in grouped(page.rows):
        with st.container(gap="xxsmall"):
            st.markdown(f"**{formatting.plain(group.title)}**")
            for name in group.names:
                _check_box(edit, name, key, locked=name in locked and name not in edit.draft.edited.permissions)
    if locked:
        texts.small(
            "You cannot grant the locked permissions because you do not hold them. An administrator who holds them can."
        )
    pagination.control(
        _CATALOGUE, (text, which), page, size=permission_list.SIZE, singular="permission", plural="permissions"
    )


def _show_all(key: str) -> None:
    st.session_state[key] = ALL


def _page(edit: RoleEdit, text: str, which: str) -> LocalPage[str]:
    """The names on the page of the catalogue that the search and the selection show."""
    query = (text, which)
    if which == ALL:
        cursor = pagination.cursor(_CATALOGUE, query)
        page = roles_api.catalogue(text, cursor=cursor, limit=permission_list.SIZE)
        edit.sentences |= {row.name: row.sentence for row in page.rows}
        return LocalPage(tuple(row.name for row in page.rows), page.next, page.total, page.total_capped)
    change = edit.draft.change
    names: Collection[str] = {*change.added, *change.removed}
    if which == IN_ROLE:  # those just removed too, so that they can be ticked again
        names = edit.draft.base.permissions | edit.draft.edited.permissions
    return permission_list.slice_of(matching(names, text, edit.sentences), _CATALOGUE, query)


def _no_match(text: str, which: str) -> str:
    if text:
        where = {IN_ROLE: " in the role", CHANGED: " that you changed"}.get(which, "")
        return f"**No permission{where} matches.** Try a shorter part of its name or sentence."
    return {
        IN_ROLE: "**The role has no permissions yet.**",
        CHANGED: "**You have not changed any permission yet.**",
    }.get(which, "There are no permissions.")


def _check_box(edit: RoleEdit, name: str, key: str, *, locked: bool) -> None:
    """Show the check box of one permission, and who has it; the box's value goes into the draft."""
    draft, widget = edit.draft, f"{key}-has-{name}"
    included = bool(st.session_state.get(widget, name in draft.edited.permissions))
    with row(name):
        checked = st.checkbox(
            permission_list.label(name, edit.sentences), value=name in draft.edited.permissions, key=widget,
            disabled=locked, wrap=True, width="stretch",
        )  # fmt: skip
        # Beside the label, not in it: a screen reader reads the markup of a label aloud.
        if locked:
            st.badge("you do not hold it", icon=":material/lock:", color="gray")
        elif included != (name in draft.base.permissions):
            st.badge("added" if included else "removed", color="green" if included else "orange")
        link(PEOPLE, "Who has this", icon=":material/group:", permission=name)
    edit.draft = set_permission(draft, name, included=checked)


def show_bar(edit: RoleEdit) -> None:
    """Show the bar with what changed, and the buttons that open the review and discard the edit."""
    draft = edit.draft
    if draft.role is not None and not draft.change:
        return
    with action_bar():
        st.markdown(summary(draft), width="content")
        with st.container(horizontal=True, width="content", gap="small", key="role-edit-buttons"):
            if st.button(
                "Review", key="role-review", icon=":material/fact_check:", type="primary",
                disabled=not (draft.edited.name and draft.change),
            ):  # fmt: skip
                edit.stage = Stage.REVIEWING
                st.rerun()
            if st.button("Discard", key="role-drop"):
                leave(draft.role)


def summary(draft: RoleDraft) -> str:
    """What would be saved, in a few words; markdown."""
    if not draft.edited.name:
        return "Enter a name to continue."
    change = draft.change
    if draft.role is None:
        return f"**{texts.quantity(len(draft.edited.permissions), 'permission')}** chosen; not saved yet"
    counts = [
        f"{sign} {len(names):,}" for sign, names in (("+", change.added), ("\N{MINUS SIGN}", change.removed)) if names
    ]
    parts = (
        [f"{' '.join(counts)} {'permissions' if len(change.added) + len(change.removed) > 1 else 'permission'}"]
        if counts
        else []
    )
    parts += [name for name, pair in (("name", change.name), ("description", change.description)) if pair is not None]
    return f"**{', '.join(parts)}**; not saved yet"


def leave(role_id: int | None) -> None:
    """Discard the edit, and show the role, or the list."""
    unsaved_edits.drop(role_id)
    st.query_params.from_dict({"role": str(role_id)} if role_id is not None else {})
    st.rerun()
