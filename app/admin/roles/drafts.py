"""Edits of roles that are not saved yet, kept by the server for this tab. Display only: nothing is decided by them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import count
from typing import Final

import streamlit as st

from app.admin.api import roles as roles_api
from app.admin.roles.edits import Content, RoleDraft, copy_name
from app.admin.widgets.own_permissions import missing_permissions
from app.core.contract.roles import RoleBody

NAME_MAX: Final = 100
_KEY: Final = "role_drafts"
_MOST: Final = 5
_numbers: Final = count(1)


class Stage(Enum):
    """Where an edit stands."""

    EDITING = auto()
    REVIEWING = auto()
    MEANWHILE = auto()  # somebody else changed the role; both versions are shown


@dataclass(slots=True)
class Editing:
    """One edit."""

    draft: RoleDraft
    built_in: bool = False
    copy_of: int | None = None
    left_out: tuple[str, ...] = ()
    """What a copy was begun without, because the administrator does not hold it."""
    stage: Stage = Stage.EDITING
    sentences: dict[str, str] = field(default_factory=dict)
    """Permission → what the API said of it."""
    reason: str = ""
    theirs: RoleBody | None = None
    number: int = field(default_factory=lambda: next(_numbers))
    """Part of its widgets' keys: a new one makes them show what the draft says."""

    def drawn_anew(self) -> None:
        """Let the widgets show what the draft says now, rather than what was typed before."""
        self.number = next(_numbers)


def content_of(role: RoleBody) -> Content:
    """What an administrator sets of a role."""
    return Content(role.name, role.description, frozenset(role.permissions))


def current(role_id: int | None, *, copy_of: int | None = None) -> Editing | None:
    """The edit of this role (None: of a new one, begun as that copy) that is under way; None when there is none."""
    found = _drafts().get(role_id)
    return found if found is not None and found.copy_of == copy_of else None


def begin(role_id: int | None, *, copy_of: int | None = None) -> Editing:
    """Begin an edit; raises as the calls do, ``NotFound`` among them."""
    if role_id is not None:
        role = roles_api.role(role_id)
        content = content_of(role)
        editing = Editing(RoleDraft(content, content, role=role.id, version=role.version), built_in=role.built_in)
    elif copy_of is not None:
        role = roles_api.role(copy_of)
        missing = missing_permissions(role.permissions)
        mine = Content(copy_name(role.name, cap=NAME_MAX), role.description, frozenset(role.permissions) - missing)
        editing = Editing(RoleDraft(mine, copied_from=role.name), copy_of=copy_of, left_out=tuple(sorted(missing)))
    else:
        editing = Editing(RoleDraft(Content()))
    drafts = _drafts()
    drafts.pop(role_id, None)
    while len(drafts) >= _MOST:
        drafts.pop(next(iter(drafts)))
    drafts[role_id] = editing
    return editing


def drop(role_id: int | None) -> None:
    """Forget an edit."""
    _drafts().pop(role_id, None)


def has_changes(role_id: int) -> bool:
    """Whether there is an edit of this role that would change something."""
    found = _drafts().get(role_id)
    return found is not None and bool(found.draft.change)


def _drafts() -> dict[int | None, Editing]:
    drafts: dict[int | None, Editing] = st.session_state.setdefault(_KEY, {})
    return drafts
