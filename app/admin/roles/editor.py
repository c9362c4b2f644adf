"""The editor of a role: name, description and permissions. The review follows, then the save.

The input is a draft, which no permission check reads: every call is guarded, and the API checks what is saved.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import streamlit as st

from app import access, formatting
from app.admin.api import roles as roles_api
from app.admin.roles import review as role_review
from app.admin.roles import unsaved_edits
from app.admin.roles.edits import set_permission
from app.admin.roles.role_list import show_not_found
from app.admin.roles.unsaved_edits import RoleEdit, Stage
from app.admin.widgets import pagination, permission_list
from app.admin.widgets.links import ROLES, link
from app.admin.widgets.own_permissions import missing_permissions
from app.admin.widgets.pagination import LocalPage
from app.admin.widgets.permission_groups import grouped, matching
from app.core.errors import NotFound
from app.core.permissions import ADMINISTRATOR, Permission
from app.core.records import MAX_ROLE_DESCRIPTION_CHARACTERS, MAX_ROLE_NAME_CHARACTERS, MAX_SEARCH_CHARACTERS
from app.ui import failures, texts

_LONG_PAGE: Final = 30
"""Permissions on the page from which the buttons are shown above the list too."""
ALL, IN_ROLE, CHANGED = "All", "In the role", "Changed"


def show(role_id: int | None, *, copy_of: int | None = None) -> None:
    """Show the editor of a role, or of a new one.

    Raises:
        GatehouseError: A call of the remote API failed.
    """
    refused = access.missing(Permission.MANAGE_ROLES)
    if refused is not None:
        _back(None)
        st.title("Roles")
        failures.show(refused, key="role-edit-refused")
        return
    try:
        edit = unsaved_edits.current(role_id, copy_of=copy_of) or unsaved_edits.begin(role_id, copy_of=copy_of)
    except NotFound:
        show_not_found()
        return
    _back(edit)
    st.title(_title(edit))
    if edit.built_in and edit.draft.base.name == ADMINISTRATOR:
        st.info("The administrator role has every permission and cannot be changed.", icon=":material/info:")
        return
    match edit.stage:
        case Stage.EDITING:
            _edit(edit)
        case Stage.REVIEWING:
            role_review.show(edit)
        case Stage.CONFLICT:
            role_review.show_conflict(edit)


def _title(edit: RoleEdit) -> str:
    draft = edit.draft
    if draft.role is not None:
        return f"Change {formatting.plain(draft.base.name)}"
    return f"Copy {formatting.plain(draft.copied_from)}" if draft.copied_from else "Create role"


def _back(edit: RoleEdit | None) -> None:
    if edit is not None and edit.draft.role is not None:
        label = f"Back to {formatting.plain(edit.draft.base.name)}"
        link(ROLES, label, icon=":material/arrow_back:", role=edit.draft.role)
    else:
        link(ROLES, "All roles", icon=":material/arrow_back:")


def _edit(edit: RoleEdit) -> None:
    if edit.omitted:
        st.warning(
            f"**The copy omits {texts.quantity(len(edit.omitted), 'permission')}** because you do not hold "
            f"{'it' if len(edit.omitted) == 1 else 'them'}: {texts.listed(edit.omitted)}.",
            icon=":material/lock:",
        )
    draft, key = edit.draft, f"role-{edit.number}"
    name = st.text_input(
        "Name", draft.edited.name, key=f"{key}-name", max_chars=MAX_ROLE_NAME_CHARACTERS, disabled=edit.built_in,
        help="A built-in role keeps its name." if edit.built_in else None,
    )  # fmt: skip
    description = st.text_input(
        "Description", draft.edited.description, key=f"{key}-description", max_chars=MAX_ROLE_DESCRIPTION_CHARACTERS,
        placeholder="One sentence, such as: Answers customers and views their orders.",
    )  # fmt: skip
    edit.draft = replace(draft, edited=replace(draft.edited, name=name.strip(), description=description.strip()))
    st.subheader("Permissions")
    summary = st.container(key="role-edit-summary")
    count = _permissions(edit, key)
    with summary:
        st.markdown(_summary(edit))
        if count > _LONG_PAGE:
            _buttons(edit, "-above")
    _buttons(edit)


def _permissions(edit: RoleEdit, key: str) -> int:
    """Show one page of the catalogue, each permission with a check box; return the number of permissions shown."""
    text = st.text_input(
        "Find a permission", key=f"{key}-find", type="search", icon=":material/search:", live=True,
        max_chars=MAX_SEARCH_CHARACTERS, placeholder="Part of a name or sentence",
    )  # fmt: skip
    which = st.segmented_control(
        "Show", [ALL, IN_ROLE, CHANGED], default=ALL, required=True, key=f"{key}-which", label_visibility="collapsed"
    )
    page = _page(edit, text, which)
    if not page.rows:
        st.info(_no_match(text, which), icon=":material/search_off:")
    query = (text, which)
    locked = missing_permissions(name for name in page.rows if name not in edit.draft.base.permissions)
    for group in grouped(page.rows):
        st.markdown(f"**{formatting.plain(group.title)}**")
        for name in group.names:
            _check_box(edit, name, key, locked=name in locked and name not in edit.draft.edited.permissions)
    if locked:
        st.caption(
            "You cannot grant the locked permissions because you do not hold them. An administrator who holds them can."
        )
    pagination.control(
        "role-catalogue", query, page, size=permission_list.SIZE, singular="permission", plural="permissions"
    )
    return len(page.rows)


def _page(edit: RoleEdit, text: str, which: str) -> LocalPage[str]:
    """The names on the page of the catalogue that the search and the selection show."""
    query = (text, which)
    if which == ALL:
        cursor = pagination.cursor("role-catalogue", query)
        page = roles_api.catalogue(text, cursor=cursor, limit=permission_list.SIZE)
        edit.sentences |= {row.name: row.sentence for row in page.rows}
        return LocalPage(tuple(row.name for row in page.rows), page.next, page.total, page.total_capped)
    change = edit.draft.change
    names = edit.draft.edited.permissions if which == IN_ROLE else {*change.added, *change.removed}
    return permission_list.slice_of(matching(names, text, edit.sentences), "role-catalogue", query)


def _no_match(text: str, which: str) -> str:
    if text:
        return "No permission matches. Try a shorter part of its name or sentence."
    return {IN_ROLE: "The role has no permissions yet.", CHANGED: "You have not changed any permission yet."}.get(
        which, "There are no permissions."
    )


def _check_box(edit: RoleEdit, name: str, key: str, *, locked: bool) -> None:
    """Show the check box of one permission; its value goes into the draft."""
    draft, widget = edit.draft, f"{key}-has-{name}"
    included = bool(st.session_state.get(widget, name in draft.edited.permissions))
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        checked = st.checkbox(
            permission_list.label(name, edit.sentences), value=name in draft.edited.permissions, key=widget,
            disabled=locked, wrap=True,
        )  # fmt: skip
        # Beside the label, not in it: a screen reader reads the markup of a label aloud.
        if locked:
            st.badge("you do not hold it", icon=":material/lock:", color="gray")
        elif included != (name in draft.base.permissions):
            st.badge("added" if included else "removed", color="green" if included else "orange")
    edit.draft = set_permission(draft, name, included=checked)


def _summary(edit: RoleEdit) -> str:
    change = edit.draft.change
    text = texts.quantity(len(edit.draft.edited.permissions), "permission")
    if edit.draft.role is None:
        return f"{text} chosen."
    changes = [
        f"{len(names):,} {word}" for names, word in ((change.added, "added"), (change.removed, "removed")) if names
    ]
    return (
        f"{text}; **{' and '.join(changes)}**, not saved yet." if changes else f"{text}; nothing added or removed yet."
    )


def _buttons(edit: RoleEdit, where: str = "") -> None:
    """Show the buttons that open the review and discard the edit. ``where``: suffix of their keys."""
    draft = edit.draft
    obstacle = "Enter a name first." if not draft.edited.name else "" if draft.change else "There are no changes yet."
    with st.container(horizontal=True, vertical_alignment="center", key=f"role-edit-buttons{where}"):
        if st.button(
            "Review before saving", key=f"role-review{where}", icon=":material/fact_check:",
            disabled=bool(obstacle),
        ):  # fmt: skip
            edit.stage = Stage.REVIEWING
            st.rerun()
        if st.button("Discard changes" if draft.change else "Cancel", key=f"role-drop{where}"):
            leave(draft.role)
        if obstacle:
            st.caption(obstacle)


def leave(role_id: int | None) -> None:
    """Discard the edit, and show the role, or the list."""
    unsaved_edits.drop(role_id)
    st.query_params.from_dict({"role": str(role_id)} if role_id is not None else {})
    st.rerun()
