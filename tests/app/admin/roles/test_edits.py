"""What an edit of a role changes, and an edit made on top of somebody else's."""

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
    found = difference(BASE, after)
    assert found.added == ("write:a",)
    assert found.removed == ("read:b",)
    assert found.name is None
    assert found.description == ("Works at the desk.", "Works at the front desk.")
    assert found
    assert not difference(BASE, BASE)


def test_two_roles_side_by_side() -> None:
    assert compare_permissions(frozenset({"b", "a", "c"}), frozenset({"c", "d"})) == PermissionComparison(
        ("a", "b"), ("c",), ("d",)
    )


def test_own_changes_are_made_to_what_somebody_else_left() -> None:
    mine = RoleContent("Front clerk", BASE.description, frozenset({"read:a", "read:b", "write:a"}))  # -c +write:a
    theirs = RoleContent("Desk clerk", "New words.", frozenset({"read:a", "read:c", "read:d"}))  # -b +d
    draft = rebase(RoleDraft(mine, BASE, role=7, version="1"), theirs, "2")
    assert draft.base == theirs
    assert draft.version == "2"
    assert draft.role == 7
    assert draft.edited == RoleContent("Front clerk", "New words.", frozenset({"read:a", "read:d", "write:a"}))


@given(CONTENTS, CONTENTS, CONTENTS)
def test_nothing_either_side_did_is_lost_unless_the_other_undid_it(
    base: RoleContent, mine: RoleContent, theirs: RoleContent
) -> None:
    own, other = difference(base, mine), difference(base, theirs)
    result = rebase(RoleDraft(mine, base), theirs, "2").edited
    assert result.permissions >= set(own.added)
    assert not result.permissions & set(own.removed)
    assert result.permissions >= set(other.added) - set(own.removed)
    assert not result.permissions & (set(other.removed) - set(own.added))
    if not own.name:
        assert result.name == theirs.name


@given(CONTENTS, CONTENTS)
def test_without_changes_of_ones_own_theirs_stands(base: RoleContent, theirs: RoleContent) -> None:
    assert rebase(RoleDraft(base, base), theirs, "2").edited == theirs


def test_taking_in_and_out() -> None:
    draft = RoleDraft(BASE, BASE)
    assert set_permission(draft, "write:a", included=True).change.added == ("write:a",)
    assert set_permission(draft, "read:a", included=False).change.removed == ("read:a",)
    assert set_permission(set_permission(draft, "read:a", included=False), "read:a", included=True) == draft


def test_a_name_for_a_copy_is_short_enough() -> None:
    assert copy_name("viewer", cap=60) == "viewer (copy)"
    assert len(copy_name("n" * 100, cap=60)) == 60
