"""The review of an edited role before it is saved, the save, and the conflict with another administrator's change.

The review shows what is added and removed and which users that affects. The remote API computes the numbers again in
every run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import streamlit as st

from app import formatting
from app.admin.api import roles as roles_api
from app.admin.roles import unsaved_edits
from app.admin.roles.edits import RoleChange, RoleContent, difference, rebase
from app.admin.roles.unsaved_edits import RoleEdit, Stage
from app.admin.widgets import permission_list
from app.admin.widgets.links import ROLES
from app.core.administration_records import MAX_COUNTED
from app.core.contract.roles import RoleBody, RoleReviewBody
from app.core.errors import GatehouseError, NotFound, StaleVersion
from app.ui import confirmation, failures, notices, texts
from app.ui.confirmation import undo_reason
from app.ui.sentences import DialogText, NoticeText, Sentence, write

_MAX_LISTED: Final = 50


def show(edit: RoleEdit) -> None:
    """Show the review with the button that saves."""
    draft = edit.draft
    change = draft.change
    if not change:
        edit.stage = Stage.EDITING
        st.rerun()
    _texts(change)
    review: RoleReviewBody | None = None
    try:
        review = None if draft.role is None else roles_api.review_role(draft.role, draft.edited.permissions)
    except NotFound:
        _offer_new_role(edit)
        return
    except GatehouseError as error:
        failures.show(error, key="review-failed", input_kept=True)
    if review is not None:
        st.markdown(_affected(review, change))
    for title, names, verb in (("Added", change.added, "gain"), ("Removed", change.removed, "lose")):
        if names:
            _listed(edit, title, names, [effect(name, review, verb) for name in names])
    reason = confirmation.reason_input(
        "role-save", placeholder="Such as: the front desk answers orders now", before=edit.reason
    )
    edit.reason = reason
    with st.container(horizontal=True, key="role-save-buttons"):
        save = st.button("Save", key="role-save", icon=":material/save:", type="primary")
        if st.button("Back to editing", key="role-back", icon=":material/arrow_back:"):
            edit.stage = Stage.EDITING
            edit.reset_widgets()
            st.rerun()
    if save:
        _save(edit, reason)


def effect(permission: str, review: RoleReviewBody | None, verb: str) -> str:
    """Return a markdown-safe sentence: how many people gain or lose a permission.

    Args:
        permission: The permission that is added or removed.
        review: The remote API's review; None for a new role, which gives an empty text.
        verb: ``gain`` or ``lose``.
    """
    if review is None:
        return ""
    count = (review.gain if verb == "gain" else review.lose).get(permission, 0)
    others = review.other_roles.get(permission, ())
    if not review.people:
        return "No user has the role, so no user is affected now."
    if verb == "gain":
        if not count:
            return "No user gains it: all users with the role have it already."
        already = f" Some have it already through {texts.listed(others)}." if others else ""
        return f"{_people(count, 'gain')} it.{already}"
    text = f"{_people(count, 'lose')} it." if count else "No user loses it: all users with the role have it otherwise."
    if not others:
        return text
    return f"{text} :material/warning: Another role has it too: {texts.listed(others)}. Users with that role keep it."


def _people(count: int, verb: str) -> str:
    return f"1 person {verb}s" if count == 1 else f"{texts.counted(count, capped=count >= MAX_COUNTED)} people {verb}"


def _affected(review: RoleReviewBody, change: RoleChange) -> str:
    """How many people have the role, and how many live sessions the change affects."""
    people = texts.counted(review.people, capped=review.people_capped)
    singular = review.people == 1 and not review.people_capped
    if not review.people:
        return "No user has this role now."
    text = f"**{people} {'person has' if singular else 'people have'}** this role."
    if not change.added and not change.removed:
        return text
    if not review.sessions:
        return f"{text} None of the affected users is signed in now."
    sessions = texts.quantity(review.sessions, "live session")
    return (
        f"{text} :material/bolt: **{sessions}** {'is' if review.sessions == 1 else 'are'} affected: permissions change "
        "within two seconds, while the users are working."
    )


def _texts(change: RoleChange) -> None:
    for label, pair in (("Name", change.name), ("Description", change.description)):
        if pair is not None:
            before, after = (formatting.plain(text, cap=300) or "empty" for text in pair)
            st.markdown(
                f"**{label}:** {after}" if not pair[0] else f"**{label}:** {before} :material/arrow_forward: {after}"
            )


def _listed(edit: RoleEdit, title: str, names: Sequence[str], effects: Iterable[str]) -> None:
    with st.container(border=True, key=f"review-{title.lower()}"):
        icon = ":material/add_circle:" if title == "Added" else ":material/do_not_disturb_on:"
        st.markdown(f"{icon} **{title}: {texts.quantity(len(names), 'permission')}**")
        rows = []
        for name, effect in list(zip(names, effects, strict=True))[:_MAX_LISTED]:
            line = permission_list.line(name, sentences=edit.sentences)
            rows.append(f"- {line}  \n  {effect}" if effect else f"- {line}")
        st.markdown("\n".join(rows))
        if len(names) > _MAX_LISTED:
            st.caption(f"And {len(names) - _MAX_LISTED:,} more. To see all of them, go back and choose “Changed”.")


def _save(edit: RoleEdit, reason: str) -> None:
    try:
        saved: list[RoleBody] = []
        if not confirmation.attempt("role-save", reason, lambda: saved.append(_call(edit, reason)), versioned=True):
            return
    except StaleVersion:
        _load_conflict(edit)
        return
    _report(edit, saved[0], reason)


def _call(edit: RoleEdit, reason: str) -> RoleBody:
    draft = edit.draft
    if draft.role is None:
        return roles_api.create_role(
            draft.edited.name, description=draft.edited.description, permissions=draft.edited.permissions, reason=reason
        )
    return _put(draft.role, draft.edited, reason=reason, version=draft.version)


def _put(role: int, content: RoleContent, *, reason: str, version: str) -> RoleBody:
    return roles_api.update_role(
        role, name=content.name, description=content.description, permissions=content.permissions, reason=reason,
        version=version,
    )  # fmt: skip


def _report(edit: RoleEdit, saved: RoleBody, reason: str) -> None:
    """Post the notice about the saved role, with Undo, and open its page."""
    draft = edit.draft
    if draft.role is None:
        text = write(NoticeText.ROLE_CREATED, role=saved.name, permissions=saved.permissions)
        undo = notices.Undo(lambda: _undo_creation(saved, reason))
    else:
        text = write(
            NoticeText.ROLE_CHANGED,
            role=draft.base.name,
            changes=draft.change,
            holders=(saved.people, saved.people_capped),
        )
        undo = notices.Undo(lambda: _undo_change(draft.base, saved, reason))
    notices.post(text, ROLES, undo=undo)
    unsaved_edits.drop(draft.role)
    st.query_params.from_dict({"role": str(saved.id)})
    st.rerun()


def _undo_change(before: RoleContent, saved: RoleBody, reason: str) -> Sentence:
    _put(saved.id, before, reason=undo_reason(reason), version=saved.version)
    changes = difference(unsaved_edits.content_of(saved), before)
    return write(NoticeText.UNDONE_CHANGE, role=saved.name, changes=changes)


def _undo_creation(saved: RoleBody, reason: str) -> Sentence:
    roles_api.delete_role(saved.id, move_to=None, reason=undo_reason(reason), version=saved.version)
    st.query_params.clear()
    return write(NoticeText.UNDONE_CREATION, role=saved.name)


def _load_conflict(edit: RoleEdit) -> None:
    """Load the newer version, and show both versions from the next run on."""
    draft = edit.draft
    try:
        edit.newer = roles_api.role(draft.role or 0)
    except NotFound:
        _offer_new_role(edit)
        return
    except GatehouseError as error:
        failures.show(error, key="role-conflict-failed", input_kept=True)
        return
    edit.stage = Stage.CONFLICT
    st.rerun()


def _offer_new_role(edit: RoleEdit) -> None:
    """Report that the role was deleted while it was edited, and offer to create a new one from the edit."""
    st.warning(
        write(DialogText.ROLE_GONE, role=edit.draft.base.name),
        icon=":material/delete:",
    )
    if st.button("Create a new role from it", key="role-as-new"):
        new = unsaved_edits.begin_new(edit.draft.edited)
        new.sentences = edit.sentences
        unsaved_edits.drop(edit.draft.role)
        st.query_params.from_dict({"edit": "new"})
        st.rerun()


def show_conflict(edit: RoleEdit) -> None:
    """Show the changes of both administrators after a version conflict, and how to continue. Neither is lost."""
    newer = edit.newer
    if newer is None:
        edit.stage = Stage.REVIEWING
        st.rerun()
    draft, content = edit.draft, unsaved_edits.content_of(newer)
    st.warning(
        write(DialogText.ROLE_CONFLICT, role=draft.base.name),
        icon=":material/difference:",
    )
    first, second = st.columns(2)
    with first.container(border=True, key="meanwhile-theirs"):
        st.header("Changes of the other administrator")
        _changes(difference(draft.base, content), edit.sentences)
    with second.container(border=True, key="meanwhile-mine"):
        st.header("Your changes")
        _changes(draft.change, edit.sentences)
    with st.container(horizontal=True, key="meanwhile-buttons"):
        if st.button("Apply my changes to the new version", key="meanwhile-on-top"):
            edit.draft = rebase(draft, content, newer.version)
            edit.stage, edit.newer = Stage.REVIEWING, None
            edit.reset_widgets()
            if not edit.draft.change:
                notices.post(write(NoticeText.ROLE_EQUAL, role=newer.name), ROLES)
                unsaved_edits.drop(draft.role)
                st.query_params.from_dict({"role": str(newer.id)})
            st.rerun()
        if st.button("Discard my changes", key="meanwhile-theirs-only"):
            unsaved_edits.drop(draft.role)
            st.query_params.from_dict({"role": str(newer.id)})
            st.rerun()
    st.caption("You review the result again before it is saved.")


def _changes(change: RoleChange, sentences: Mapping[str, str]) -> None:
    _texts(change)
    for title, names in (("Added", change.added), ("Removed", change.removed)):
        if names:
            st.markdown(f"**{title}**")
            st.markdown(
                "\n".join(f"- {permission_list.line(name, sentences=sentences)}" for name in names[:_MAX_LISTED])
            )
            if len(names) > _MAX_LISTED:
                st.caption(f"And {len(names) - _MAX_LISTED:,} more.")
    if not change:
        st.write("None that are visible here: the role was changed and changed back.")
