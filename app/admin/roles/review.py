"""Before a role is saved: what is added and removed, whom that touches, and why; and what somebody else did meanwhile.

The figures are the remote API's, asked afresh each time this is drawn.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import streamlit as st

from app import formatting
from app.admin.api import roles as roles_api
from app.admin.roles import drafts as role_drafts
from app.admin.roles.drafts import Editing, Stage
from app.admin.roles.edits import Content, RoleChange, RoleDraft, change, on_top
from app.admin.widgets import confirmation, failures, labels, notices, permission_list
from app.admin.widgets.links import ROLES
from app.core.contract.roles import RoleBody, RoleReviewBody
from app.core.directory import MAX_COUNTED
from app.core.errors import GatehouseError, NotFound, StaleVersion

_MOST_LISTED: Final = 50


def show(editing: Editing) -> None:
    """The review, and the save."""
    draft = editing.draft
    own = draft.change
    if not own:
        editing.stage = Stage.EDITING
        st.rerun()
    st.subheader("Review before saving")
    _texts(own)
    review: RoleReviewBody | None = None
    try:
        review = None if draft.role is None else roles_api.review_role(draft.role, draft.mine.permissions)
    except NotFound:
        _gone(editing)
        return
    except GatehouseError as error:
        failures.show(error, key="review-failed", input_kept=True)
    if review is not None:
        st.markdown(_concerned(review, own))
    for title, names, word in (("Added", own.added, "gain"), ("Removed", own.removed, "lose")):
        if names:
            _listed(editing, title, names, [effect(name, review, word) for name in names])
    reason = confirmation.reason_input("role-save", placeholder="Such as: the front desk answers orders now")
    editing.reason = reason
    with st.container(horizontal=True, key="role-save-buttons"):
        save = st.button("Save", key="role-save", icon=":material/save:")
        if st.button("Back to editing", key="role-back", icon=":material/arrow_back:"):
            editing.stage = Stage.EDITING
            editing.drawn_anew()
            st.rerun()
    if save:
        _save(editing, reason)


def effect(permission: str, review: RoleReviewBody | None, word: str) -> str:
    """Whom one added (``gain``) or removed (``lose``) permission touches, in a sentence; markdown-safe."""
    if review is None:
        return ""
    count = (review.gain if word == "gain" else review.lose).get(permission, 0)
    others = review.other_roles.get(permission, ())
    if not review.people:
        return "Nobody holds the role, so nobody gains or loses it now."
    if word == "gain":
        if not count:
            return "Nobody gains anything by it: all who hold the role have it already."
        already = f" Some have it already through {labels.listed(others)}." if others else ""
        return f"{_people(count, 'gain')} it.{already}"
    text = f"{_people(count, 'lose')} it." if count else "Nobody loses it: all who hold the role have it otherwise too."
    if not others:
        return text
    return f"{text} :material/warning: Another role gives it too: {labels.listed(others)}. Who holds that keeps it."


def _people(count: int, verb: str) -> str:
    return f"1 person {verb}s" if count == 1 else f"{labels.counted(count, capped=count >= MAX_COUNTED)} people {verb}"


def _concerned(review: RoleReviewBody, own: RoleChange) -> str:
    """Whom the change concerns as a whole."""
    people = labels.counted(review.people, capped=review.people_capped)
    one = review.people == 1 and not review.people_capped
    if not review.people:
        return "Nobody holds this role now."
    text = f"**{people} {'person holds' if one else 'people hold'}** this role."
    if not own.added and not own.removed:
        return text
    if not review.sessions:
        return f"{text} None of those it changes something for is signed in now."
    sessions = labels.quantity(review.sessions, "live session")
    return (
        f"{text} :material/bolt: **{sessions}** {'is' if review.sessions == 1 else 'are'} affected: what they may do "
        "changes while they are at work, within two seconds."
    )


def _texts(own: RoleChange) -> None:
    for label, pair in (("Name", own.name), ("What it is for", own.description)):
        if pair is not None:
            before, after = (formatting.plain(text, cap=300) or "nothing" for text in pair)
            st.markdown(
                f"**{label}:** {after}" if not pair[0] else f"**{label}:** {before} :material/arrow_forward: {after}"
            )


def _listed(editing: Editing, title: str, names: Sequence[str], effects: Iterable[str]) -> None:
    with st.container(border=True, key=f"review-{title.lower()}"):
        icon = ":material/add_circle:" if title == "Added" else ":material/do_not_disturb_on:"
        st.markdown(f"{icon} **{title}: {labels.quantity(len(names), 'permission')}**")
        rows = []
        for name, effect in list(zip(names, effects, strict=True))[:_MOST_LISTED]:
            line = permission_list.line(name, sentences=editing.sentences)
            rows.append(f"- {line}  \n  {effect}" if effect else f"- {line}")
        st.markdown("\n".join(rows))
        if len(names) > _MOST_LISTED:
            st.caption(f"And {len(names) - _MOST_LISTED:,} more. Go back and choose “Changed” to see them all.")


def _save(editing: Editing, reason: str) -> None:
    try:
        saved: list[RoleBody] = []
        if not confirmation.attempt("role-save", reason, lambda: saved.append(_call(editing, reason)), versioned=True):
            return
    except StaleVersion:
        _meanwhile(editing)
        return
    _done(editing, saved[0])


def _call(editing: Editing, reason: str) -> RoleBody:
    draft = editing.draft
    if draft.role is None:
        return roles_api.create_role(
            draft.mine.name, description=draft.mine.description, permissions=draft.mine.permissions, reason=reason
        )
    return _put(draft.role, draft.mine, reason=reason, version=draft.version)


def _put(role: int, content: Content, *, reason: str, version: str) -> RoleBody:
    return roles_api.update_role(
        role, name=content.name, description=content.description, permissions=content.permissions, reason=reason,
        version=version,
    )  # fmt: skip


def _done(editing: Editing, saved: RoleBody) -> None:
    """Say what happened and offer the way back."""
    draft = editing.draft
    name = formatting.plain(saved.name)
    if draft.role is None:
        text, undo = (
            f"The role **{name}** is there now. Nobody holds it yet.",
            notices.Undo("Delete it again", lambda: _unmake(saved)),
        )
    else:
        own = draft.change
        parts = [f"{len(names):,} {word}" for names, word in ((own.added, "added"), (own.removed, "removed")) if names]
        what = f": {' and '.join(parts)}" if parts else ""
        text, undo = (
            f"The role **{name}** was changed{what}. It holds at once.",
            notices.Undo("Take it back", lambda: _put_back(draft.base, saved)),
        )
    notices.post(text, ROLES, undo=undo)
    role_drafts.drop(draft.role)
    st.query_params.from_dict({"role": str(saved.id)})
    st.rerun()


def _put_back(before: Content, saved: RoleBody) -> str:
    _put(saved.id, before, reason="The last change was taken back.", version=saved.version)
    return f"The role **{formatting.plain(before.name)}** is as it was before."


def _unmake(saved: RoleBody) -> str:
    roles_api.delete_role(saved.id, move_to=None, reason="Making it was taken back.", version=saved.version)
    st.query_params.clear()
    return f"The role **{formatting.plain(saved.name)}** is deleted again."


def _meanwhile(editing: Editing) -> None:
    """Fetch what somebody else has left, and show both from the next run on."""
    draft = editing.draft
    try:
        editing.theirs = roles_api.role(draft.role or 0)
    except NotFound:
        _gone(editing)
        return
    except GatehouseError as error:
        failures.show(error, key="meanwhile-failed", input_kept=True)
        return
    editing.stage = Stage.MEANWHILE
    st.rerun()


def _gone(editing: Editing) -> None:
    """The role was deleted while it was edited: the edit can become a new one."""
    st.warning(
        "**Somebody deleted this role meanwhile.** Nothing of yours was saved. What you entered is still here.",
        icon=":material/delete:",
    )
    if st.button("Make a new role of it", key="role-as-new"):
        old = editing.draft
        fresh = role_drafts.begin(None)
        fresh.draft = RoleDraft(old.mine)
        fresh.sentences = editing.sentences
        role_drafts.drop(old.role)
        st.query_params.from_dict({"edit": "new"})
        st.rerun()


def show_meanwhile(editing: Editing) -> None:
    """Both versions of a role that somebody else changed first, and the ways on. Nothing is lost by itself."""
    theirs = editing.theirs
    if theirs is None:
        editing.stage = Stage.REVIEWING
        st.rerun()
    draft, now = editing.draft, role_drafts.content_of(theirs)
    st.warning(
        "**Somebody changed this role while you were at it.** Nothing of yours was saved yet, and nothing of theirs is "
        "lost: choose how to go on.",
        icon=":material/difference:",
    )
    first, second = st.columns(2)
    with first.container(border=True, key="meanwhile-theirs"):
        st.subheader("What they changed")
        _changes(change(draft.base, now), editing.sentences)
    with second.container(border=True, key="meanwhile-mine"):
        st.subheader("What you changed")
        _changes(draft.change, editing.sentences)
    with st.container(horizontal=True, key="meanwhile-buttons"):
        if st.button("Put my changes on top of theirs", key="meanwhile-on-top"):
            editing.draft = on_top(draft, now, theirs.version)
            editing.stage, editing.theirs = Stage.REVIEWING, None
            editing.drawn_anew()
            if not editing.draft.change:
                notices.post("They had made the same changes: there is nothing left to save.", ROLES)
                role_drafts.drop(draft.role)
                st.query_params.from_dict({"role": str(theirs.id)})
            st.rerun()
        if st.button("Keep theirs and drop mine", key="meanwhile-theirs-only"):
            role_drafts.drop(draft.role)
            st.query_params.from_dict({"role": str(theirs.id)})
            st.rerun()
    st.caption("Before anything is saved you see the review once more.")


def _changes(what: RoleChange, sentences: Mapping[str, str]) -> None:
    _texts(what)
    for title, names in (("Added", what.added), ("Removed", what.removed)):
        if names:
            st.markdown(f"**{title}**")
            st.markdown(
                "\n".join(f"- {permission_list.line(name, sentences=sentences)}" for name in names[:_MOST_LISTED])
            )
            if len(names) > _MOST_LISTED:
                st.caption(f"And {len(names) - _MOST_LISTED:,} more.")
    if not what:
        st.write("Nothing that you see here: it was changed and changed back.")
