"""Edits of a role: the difference to the base, and a draft that is rebased on a newer version."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.admin.roles.edits import (
    PermissionComparison,
    RoleContent,
    RoleDraft,
    compare_permissions,
    copy_name,
    difference,
    rebase,
    set_permission,
)

BASE = RoleContent("Clerk", "Works at the desk.", frozenset({"read:a", "read:b", "read:c"}))
NAMES = st.frozensets(st.sampled_from([f"read:{letter}" for letter in "abcdef"]))
CONTENTS = st.builds(RoleContent, st.sampled_from(["x", "y", "z"]), st.sampled_from(["", "d", "e"]), NAMES)


def test_the_difference_of_two_contents() -> None:
    after = RoleContent("Clerk", "Works at the front desk.", frozenset({"read:a", "read:c", "write:a"}))
    edit = difference(BASE, after)
    assert edit.added == ("write:a",)
    assert edit.removed == ("read:b",)
    assert edit.name is None
    assert edit.description == ("Works at the desk.", "Works at the front desk.")
    assert edit
    assert not difference(BASE, BASE)


def test_the_permissions_of_two_roles_are_compared() -> None:
    assert compare_permissions(frozenset({"b", "a", "c"}), frozenset({"c", "d"})) == PermissionComparison(
        ("a", "b"), ("c",), ("d",)
    )


def test_rebasing_applies_the_draft_to_the_newer_version() -> None:
    edited = RoleContent("Front clerk", BASE.description, frozenset({"read:a", "read:b", "write:a"}))  # -c +write:a
    newer = RoleContent("Desk clerk", "New words.", frozenset({"read:a", "read:c", "read:d"}))  # -b +d
    draft = rebase(RoleDraft(edited, BASE, role=7, version="1"), newer, "2")
    assert draft.base == newer
    assert draft.version == "2"
    assert draft.role == 7
    assert draft.edited == RoleContent("Front clerk", "New words.", frozenset({"read:a", "read:d", "write:a"}))


@given(CONTENTS, CONTENTS, CONTENTS)
def test_rebasing_keeps_the_changes_of_both_sides(base: RoleContent, edited: RoleContent, newer: RoleContent) -> None:
    own, other = difference(base, edited), difference(base, newer)
    result = rebase(RoleDraft(edited, base), newer, "2").edited
    assert result.permissions >= set(own.added)
    assert not result.permissions & set(own.removed)
    assert result.permissions >= set(other.added) - set(own.removed)
    assert not result.permissions & (set(other.removed) - set(own.added))
    if not own.name:
        assert result.name == newer.name


@given(CONTENTS, CONTENTS)
def test_rebasing_a_draft_without_changes_gives_the_newer_version(base: RoleContent, newer: RoleContent) -> None:
    assert rebase(RoleDraft(base, base), newer, "2").edited == newer


def test_setting_a_permission_twice_restores_the_draft() -> None:
    draft = RoleDraft(BASE, BASE)
    assert set_permission(draft, "write:a", included=True).change.added == ("write:a",)
    assert set_permission(draft, "read:a", included=False).change.removed == ("read:a",)
    assert set_permission(set_permission(draft, "read:a", included=False), "read:a", included=True) == draft


def test_a_name_for_a_copy_is_short_enough() -> None:
    assert copy_name("viewer", cap=60) == "viewer (copy)"
    assert len(copy_name("n" * 100, cap=60)) == 60
