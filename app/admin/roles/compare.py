"""Two roles side by side: which permissions only one of them has, and those of both."""

from __future__ import annotations

from typing import Final

import streamlit as st

from app import formatting, panels
from app.admin.api import roles as roles_api
from app.admin.roles.edits import PermissionComparison, compare_permissions
from app.admin.roles.role_list import back_button, show_not_found
from app.admin.widgets import role_picker
from app.admin.widgets.permission_table import ListedPermissions
from app.core.contract.roles import RoleBody
from app.core.errors import GatehouseError, NotFound
from app.ui.layout import header

DIFFERENCES, ALL = "Differences", "All"
_TABLE: Final = ListedPermissions("compared-permissions", empty="Neither role has a permission yet.")


def show(first_id: int, second_id: int | None) -> None:
    """Show the comparison, or the picker for the other role.

    Raises:
        GatehouseError: A call of the remote API failed.
    """
    try:
        first = roles_api.role(first_id)
        second = roles_api.role(second_id) if second_id is not None else None
    except NotFound:
        show_not_found()
        return
    except GatehouseError as error:
        back_button()
        st.title("Compare roles", anchor=False)
        panels.problem(error)
        return
    back_button()
    names = [formatting.plain(role.name) for role in (first, second) if role is not None]
    with header(f"Compare {' and '.join(names)}"):
        if st.button(f"Open {names[0]}", key="open-first"):
            _go(role=first.id)
        if second is not None and st.button(f"Open {names[1]}", key="open-second"):
            _go(role=second.id)
    with st.container(width=320, key="compare-picker"):
        other = role_picker.pick_one(
            "Compare with" if second is None else "Compare with another role",
            key=f"compare-with-{first.id}",
            without={first.id},
        )
    if other is not None and other.id != second_id:
        _go(role=first.id, compare=other.id)
    if second is None:
        st.info(f"Choose the role to compare with **{names[0]}**.", icon=":material/compare_arrows:")
        return
    _side_by_side(first, second)


def _side_by_side(first: RoleBody, second: RoleBody) -> None:
    parts = compare_permissions(frozenset(first.permissions), frozenset(second.permissions))
    if not parts.only_first and not parts.only_second:
        st.success(
            f"**{formatting.plain(first.name)}** and **{formatting.plain(second.name)}** have exactly the same "
            "permissions.",
            icon=":material/equal:",
        )
    st.markdown(summary(first.name, second.name, parts))
    which = DIFFERENCES
    if parts.both and (parts.only_first or parts.only_second):
        which = st.segmented_control(
            "Show", [DIFFERENCES, ALL], default=DIFFERENCES, required=True, key="compare-which"
        )
    differences = (*parts.only_first, *parts.only_second)
    names = differences if which == DIFFERENCES and differences else (*differences, *parts.both)
    _TABLE.show(
        "Permissions of both roles",
        names,
        marks=_columns(first, second),
    )


def _columns(first: RoleBody, second: RoleBody) -> dict[str, frozenset[str]]:
    """Column → permissions of the role; two roles that look the same get their numbers."""
    names = (first.name, second.name) if first.name != second.name else (f"{first.name} 1", f"{second.name} 2")
    return {names[0]: frozenset(first.permissions), names[1]: frozenset(second.permissions)}


def summary(first: str, second: str, parts: PermissionComparison) -> str:
    """How many permissions only one role has, and how many both have; markdown."""
    return (
        f"**{len(parts.only_first):,}** only in {formatting.plain(first)} · "
        f"**{len(parts.only_second):,}** only in {formatting.plain(second)} · **{len(parts.both):,}** in both"
    )


def _go(**query: int) -> None:
    st.query_params.from_dict({name: str(value) for name, value in query.items()})
    st.rerun()
