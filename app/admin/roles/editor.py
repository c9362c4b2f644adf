"""Changing a role, or making one: what it is called and what it lets people do; the review follows, then the save.

What is typed and ticked is a draft. It decides nothing: every call asks for itself, and the API checks what is saved.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import streamlit as st

from app import access, formatting
from app.admin.api import roles as roles_api
from app.admin.roles import drafts as role_drafts
from app.admin.roles import review as role_review
from app.admin.roles.drafts import Editing, Stage
from app.admin.roles.edits import toggled
from app.admin.roles.role_list import gone
from app.admin.widgets import failures, labels, pagination, permission_list
from app.admin.widgets.links import ROLES, link
from app.admin.widgets.own_permissions import missing_permissions
from app.admin.widgets.pagination import LocalPage
from app.admin.widgets.permission_groups import grouped, matching
from app.core.errors import NotFound
from app.core.permissions import ADMINISTRATOR, Permission

DESCRIPTION_MAX: Final = 500
_LONG: Final = 30
ALL, INSIDE, CHANGED = "All", "In the role", "Changed"


def show(role_id: int | None, *, copy_of: int | None = None) -> None:
    """The editor of a role, or of a new one; raises as the calls do."""
    refused = access.missing(Permission.MANAGE_ROLES)
    if refused is not None:
        _back(None)
        st.title("Roles")
        failures.show(refused, key="role-edit-refused")
        return
    try:
        editing = role_drafts.current(role_id, copy_of=copy_of) or role_drafts.begin(role_id, copy_of=copy_of)
    except NotFound:
        gone()
        return
    _back(editing)
    st.title(_title(editing))
    if editing.built_in and editing.draft.base.name == ADMINISTRATOR:
        st.info("The administrator role holds every permission there is. It cannot be changed.", icon=":material/info:")
        return
    match editing.stage:
        case Stage.EDITING:
            _edit(editing)
        case Stage.REVIEWING:
            role_review.show(editing)
        case Stage.MEANWHILE:
            role_review.show_meanwhile(editing)


def _title(editing: Editing) -> str:
    draft = editing.draft
    if draft.role is not None:
        return f"Change {formatting.plain(draft.base.name)}"
    return f"Copy {formatting.plain(draft.copied_from)}" if draft.copied_from else "Make a role"


def _back(editing: Editing | None) -> None:
    if editing is not None and editing.draft.role is not None:
        label = f"Back to {formatting.plain(editing.draft.base.name)}"
        link(ROLES, label, icon=":material/arrow_back:", role=editing.draft.role)
    else:
        link(ROLES, "All roles", icon=":material/arrow_back:")


def _edit(editing: Editing) -> None:
    if editing.left_out:
        st.warning(
            f"**{labels.quantity(len(editing.left_out), 'permission')} left out of the copy**, because you do not hold "
            f"{'it' if len(editing.left_out) == 1 else 'them'} yourself: {labels.listed(editing.left_out)}.",
            icon=":material/lock:",
        )
    draft, key = editing.draft, f"role-{editing.number}"
    name = st.text_input(
        "Name", draft.mine.name, key=f"{key}-name", max_chars=role_drafts.NAME_MAX, disabled=editing.built_in,
        help="A built-in role keeps its name." if editing.built_in else None,
    )  # fmt: skip
    description = st.text_input(
        "What it is for", draft.mine.description, key=f"{key}-description", max_chars=DESCRIPTION_MAX,
        placeholder="One sentence, such as: Answers customers and looks at their orders.",
    )  # fmt: skip
    editing.draft = replace(draft, mine=replace(draft.mine, name=name.strip(), description=description.strip()))
    st.subheader("What it lets people do")
    summary = st.container(key="role-edit-summary")
    shown = _permissions(editing, key)
    with summary:
        st.markdown(_summary(editing))
        if shown > _LONG:  # the way on is not only at the end of a long list
            _onwards(editing, "-above")
    _onwards(editing)


def _permissions(editing: Editing, key: str) -> int:
    """The catalogue, each permission with a tick; returns how many are shown."""
    text = st.text_input(
        "Find a permission", key=f"{key}-find", type="search", icon=":material/search:", live=True,
        max_chars=permission_list.MAX_SEARCH_LENGTH, placeholder="Part of a name or sentence",
    )  # fmt: skip
    which = st.segmented_control(
        "Show", [ALL, INSIDE, CHANGED], default=ALL, required=True, key=f"{key}-which", label_visibility="collapsed"
    )
    page = _page(editing, text, which)
    if not page.rows:
        st.info(_nothing(text, which), icon=":material/search_off:")
    asked = (text, which)
    locked = missing_permissions(name for name in page.rows if name not in editing.draft.base.permissions)
    for group in grouped(page.rows):
        st.markdown(f"**{formatting.plain(group.title)}**")
        for name in group.names:
            _tick(editing, name, key, locked=name in locked and name not in editing.draft.mine.permissions)
    if locked:
        st.caption("What is locked you do not hold yourself, so you cannot give it: an administrator who does can.")
    pagination.control(
        "role-catalogue", asked, page, size=permission_list.SIZE, singular="permission", plural="permissions"
    )
    return len(page.rows)


def _page(editing: Editing, text: str, which: str) -> LocalPage[str]:
    """Names of one page of what is asked for."""
    asked = (text, which)
    if which == ALL:
        cursor = pagination.cursor("role-catalogue", asked)
        known = roles_api.catalogue(text, cursor=cursor, limit=permission_list.SIZE)
        editing.sentences |= {one.name: one.sentence for one in known.rows}
        return LocalPage(tuple(one.name for one in known.rows), known.next, known.total, known.total_capped)
    change = editing.draft.change
    names = editing.draft.mine.permissions if which == INSIDE else {*change.added, *change.removed}
    return permission_list.slice_of(matching(names, text, editing.sentences), "role-catalogue", asked)


def _nothing(text: str, which: str) -> str:
    if text:
        return "No permission has that in its name or sentence. Try a shorter part of it."
    return {INSIDE: "There is no permission in it yet.", CHANGED: "You have changed nothing yet."}.get(
        which, "There are no permissions."
    )


def _tick(editing: Editing, name: str, key: str, *, locked: bool) -> None:
    """One permission; what is ticked goes into the draft."""
    draft, widget = editing.draft, f"{key}-has-{name}"
    wanted = bool(st.session_state.get(widget, name in draft.mine.permissions))
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        ticked = st.checkbox(
            permission_list.label(name, editing.sentences), value=name in draft.mine.permissions, key=widget,
            disabled=locked, wrap=True,
        )  # fmt: skip
        # Beside the label, not in it: a screen reader says a label as it is written.
        if locked:
            st.badge("you do not hold it", icon=":material/lock:", color="gray")
        elif wanted != (name in draft.base.permissions):
            st.badge("added" if wanted else "removed", color="green" if wanted else "orange")
    editing.draft = toggled(draft, name, wanted=ticked)


def _summary(editing: Editing) -> str:
    change = editing.draft.change
    text = labels.quantity(len(editing.draft.mine.permissions), "permission")
    if editing.draft.role is None:
        return f"{text} chosen."
    changes = [
        f"{len(names):,} {word}" for names, word in ((change.added, "added"), (change.removed, "removed")) if names
    ]
    return (
        f"{text}; **{' and '.join(changes)}**, not saved yet." if changes else f"{text}; nothing added or removed yet."
    )


def _onwards(editing: Editing, where: str = "") -> None:
    """The review, and the way out."""
    draft = editing.draft
    lacking = "Give it a name first." if not draft.mine.name else "" if draft.change else "Nothing is changed yet."
    with st.container(horizontal=True, vertical_alignment="center", key=f"role-edit-buttons{where}"):
        if st.button(
            "Review before saving", key=f"role-review{where}", icon=":material/fact_check:",
            disabled=bool(lacking),
        ):  # fmt: skip
            editing.stage = Stage.REVIEWING
            st.rerun()
        if st.button("Drop my changes" if draft.change else "Cancel", key=f"role-drop{where}"):
            leave(draft.role)
        if lacking:
            st.caption(lacking)


def leave(role_id: int | None) -> None:
    """Forget the edit, and show the role, or all of them."""
    role_drafts.drop(role_id)
    st.query_params.from_dict({"role": str(role_id)} if role_id is not None else {})
    st.rerun()
