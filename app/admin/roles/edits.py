"""What an edit of a role changes, and what to do when somebody else has changed it meanwhile.

Pure: compares contents by name. What is allowed, and whom it touches, only the remote API says.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Content:
    """All of a role that an administrator sets."""

    name: str = ""
    description: str = ""
    permissions: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class RoleDraft:
    """An edit that is not saved yet."""

    mine: Content
    """As it stands in the editor."""
    base: Content = Content()
    """As the role was when the edit began; empty for a new role."""
    role: int | None = None
    """Id of the role; None for a new one."""
    version: str = ""
    """The version that ``base`` is; what a save must name."""
    copied_from: str = ""
    """Name of the role a new one began as; empty otherwise."""

    @property
    def change(self) -> RoleChange:
        """What saving would change."""
        return change(self.base, self.mine)


class RoleChange(NamedTuple):
    """The difference of two contents of a role; texts are None where they are equal."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    name: tuple[str, str] | None
    """(before, after)."""
    description: tuple[str, str] | None

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.name or self.description)


class Compared(NamedTuple):
    """Two sets of permissions side by side, each part sorted."""

    only_first: tuple[str, ...]
    both: tuple[str, ...]
    only_second: tuple[str, ...]


def compared(first: frozenset[str], second: frozenset[str]) -> Compared:
    """What is in the one, in both, and in the other."""
    return Compared(tuple(sorted(first - second)), tuple(sorted(first & second)), tuple(sorted(second - first)))


def change(before: Content, after: Content) -> RoleChange:
    """What became of ``before``."""
    removed, _, added = compared(before.permissions, after.permissions)
    return RoleChange(
        added=added,
        removed=removed,
        name=(before.name, after.name) if before.name != after.name else None,
        description=(before.description, after.description) if before.description != after.description else None,
    )


def on_top(draft: RoleDraft, theirs: Content, version: str) -> RoleDraft:
    """The draft's own changes made to ``theirs``, the role as somebody else has left it; ``version`` is theirs.

    What only they changed stays as they left it; where both changed a text, the draft's counts, as it was typed last.
    """
    own = draft.change
    mine = Content(
        name=draft.mine.name if own.name else theirs.name,
        description=draft.mine.description if own.description else theirs.description,
        permissions=(theirs.permissions | frozenset(own.added)) - frozenset(own.removed),
    )
    return replace(draft, mine=mine, base=theirs, version=version)


def toggled(draft: RoleDraft, permission: str, *, wanted: bool) -> RoleDraft:
    """The draft with ``permission`` in it or not."""
    one = frozenset({permission})
    permissions = draft.mine.permissions | one if wanted else draft.mine.permissions - one
    return replace(draft, mine=replace(draft.mine, permissions=permissions))


def copy_name(name: str, *, cap: int) -> str:
    """A name to begin a copy with: at most ``cap`` characters."""
    ending = " (copy)"
    return f"{name[: cap - len(ending)].rstrip()}{ending}"
