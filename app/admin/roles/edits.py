"""The difference between two versions of a role, and the rebase of an edit onto a newer version.

Pure: compares by name. The remote API decides what is allowed, and reports which users a change affects.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class RoleContent:
    """The fields of a role that an administrator sets."""

    name: str = ""
    description: str = ""
    permissions: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class RoleDraft:
    """An edit that is not saved yet."""

    edited: RoleContent
    """The fields as they are in the editor."""
    base: RoleContent = RoleContent()
    """The role as it was when the edit began; empty for a new role."""
    role: int | None = None
    """Id of the role; None for a new one."""
    version: str = ""
    """The version of ``base``, which a save must name."""
    copied_from: str = ""
    """Name of the role that a new one was copied from; empty otherwise."""

    @property
    def change(self) -> RoleChange:
        """What saving would change."""
        return difference(self.base, self.edited)


class RoleChange(NamedTuple):
    """The difference between two versions of a role; texts are None where they are equal."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    name: tuple[str, str] | None
    """(before, after)."""
    description: tuple[str, str] | None

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.name or self.description)


class PermissionComparison(NamedTuple):
    """Two sets of permissions side by side, each part sorted."""

    only_first: tuple[str, ...]
    both: tuple[str, ...]
    only_second: tuple[str, ...]


def compare_permissions(first: frozenset[str], second: frozenset[str]) -> PermissionComparison:
    """Split two sets of permissions into the first's own, the common ones, and the second's own."""
    return PermissionComparison(
        tuple(sorted(first - second)), tuple(sorted(first & second)), tuple(sorted(second - first))
    )


def difference(before: RoleContent, after: RoleContent) -> RoleChange:
    """Return what changed from ``before`` to ``after``."""
    removed, _, added = compare_permissions(before.permissions, after.permissions)
    return RoleChange(
        added=added,
        removed=removed,
        name=(before.name, after.name) if before.name != after.name else None,
        description=(before.description, after.description) if before.description != after.description else None,
    )


def rebase(draft: RoleDraft, newer: RoleContent, version: str) -> RoleDraft:
    """Apply the changes of ``draft`` to ``newer``, the role as another administrator saved it.

    Fields that the draft does not change stay as in ``newer``. Where both changed a text, the draft's text is used.

    Args:
        draft: The edit.
        newer: The role as it is now.
        version: The version of ``newer``.
    """
    own = draft.change
    edited = RoleContent(
        name=draft.edited.name if own.name else newer.name,
        description=draft.edited.description if own.description else newer.description,
        permissions=(newer.permissions | frozenset(own.added)) - frozenset(own.removed),
    )
    return replace(draft, edited=edited, base=newer, version=version)


def set_permission(draft: RoleDraft, permission: str, *, included: bool) -> RoleDraft:
    """Return the draft with or without ``permission``."""
    change = frozenset({permission})
    permissions = draft.edited.permissions | change if included else draft.edited.permissions - change
    return replace(draft, edited=replace(draft.edited, permissions=permissions))


def copy_name(name: str, *, cap: int) -> str:
    """Return the name for a copy of a role: at most ``cap`` characters."""
    suffix = " (copy)"
    return f"{name[: cap - len(suffix)].rstrip()}{suffix}"
