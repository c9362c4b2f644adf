"""Unsaved edits of roles, kept by the server for this tab. For display only: no permission check reads them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import count
from typing import Final

import streamlit as st

from app.admin.api import roles as roles_api
from app.admin.roles.edits import RoleContent, RoleDraft, copy_name
from app.admin.widgets.own_permissions import missing_permissions
from app.core.contract.roles import RoleBody
from app.core.records import MAX_ROLE_NAME_CHARACTERS

_KEY: Final = "role_drafts"
_MAX_DRAFTS: Final = 5
_numbers: Final = count(1)


class Stage(Enum):
    """The step of an edit."""

    EDITING = auto()
    REVIEWING = auto()
    CONFLICT = auto()
    """Another administrator changed the role; both versions are shown."""


@dataclass(slots=True)
class RoleEdit:
    """An edit of a role, with the state of its pages."""

    draft: RoleDraft
    built_in: bool = False
    copy_of: int | None = None
    """Id of the role that a new one was copied from."""
    omitted: tuple[str, ...] = ()
    """Permissions that the copy omits because the administrator does not hold them."""
    stage: Stage = Stage.EDITING
    sentences: dict[str, str] = field(default_factory=dict)
    """Permission → its sentence from the API."""
    reason: str = ""
    newer: RoleBody | None = None
    """The role as another administrator saved it, after a conflict."""
    number: int = field(default_factory=lambda: next(_numbers))
    """Part of the widgets' keys: a new number makes them show the draft."""

    def reset_widgets(self) -> None:
        """Make the widgets show the draft instead of their last input."""
        self.number = next(_numbers)


def content_of(role: RoleBody) -> RoleContent:
    """The fields of a role that an administrator sets."""
    return RoleContent(role.name, role.description, frozenset(role.permissions))


def current(role_id: int | None) -> RoleEdit | None:
    """Return the unsaved edit of a role (None: of a new one), or None."""
    return _drafts().get(role_id)


def of_role(role: RoleBody) -> RoleEdit:
    """Return the edit of a role as it is now: the unsaved one, or a new one where nothing is changed yet."""
    edit = current(role.id)
    if edit is not None and (edit.draft.change or edit.draft.version == role.version):
        return edit
    content = content_of(role)
    draft = RoleDraft(content, content, role=role.id, version=role.version)
    return _begin(role.id, RoleEdit(draft, built_in=role.built_in))


def of_new_role(*, copy_of: int | None = None) -> RoleEdit:
    """Return the unsaved edit of a new role, or start one.

    Args:
        copy_of: The role to copy into the new one, if any.

    Raises:
        NotFound: There is no such role.
        GatehouseError: A call of the remote API failed.
    """
    edit = current(None)
    if edit is not None and edit.copy_of == copy_of:
        return edit
    if copy_of is None:
        return begin_new(RoleContent())
    role = roles_api.role(copy_of)
    missing = missing_permissions(role.permissions)
    name = copy_name(role.name, cap=MAX_ROLE_NAME_CHARACTERS)
    content = RoleContent(name, role.description, frozenset(role.permissions) - missing)
    draft = RoleDraft(content, copied_from=role.name)
    return _begin(None, RoleEdit(draft, copy_of=copy_of, omitted=tuple(sorted(missing))))


def begin_new(content: RoleContent) -> RoleEdit:
    """Start the edit of a new role with this content."""
    return _begin(None, RoleEdit(RoleDraft(content)))


def _begin(role_id: int | None, edit: RoleEdit) -> RoleEdit:
    """Keep a new edit; edits without a change are dropped, and then the oldest ones."""
    drafts = _drafts()
    drafts.pop(role_id, None)
    for other in [other for other, kept in drafts.items() if not kept.draft.change]:
        del drafts[other]
    while len(drafts) >= _MAX_DRAFTS:
        drafts.pop(next(iter(drafts)))
    drafts[role_id] = edit
    return edit


def drop(role_id: int | None) -> None:
    """Discard the edit of a role."""
    _drafts().pop(role_id, None)


def has_changes(role_id: int) -> bool:
    """Whether there is an unsaved edit of this role that would change it."""
    edit = _drafts().get(role_id)
    return edit is not None and bool(edit.draft.change)


def _drafts() -> dict[int | None, RoleEdit]:
    drafts: dict[int | None, RoleEdit] = st.session_state.setdefault(_KEY, {})
    return drafts
