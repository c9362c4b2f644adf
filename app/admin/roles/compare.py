"""Two roles side by side: the permissions of only one role, and those of both."""

from __future__ import annotations

import streamlit as st

from app import formatting
from app.admin.api import roles as roles_api
from app.admin.roles.edits import compare_permissions
from app.admin.roles.role_list import show_not_found
from app.admin.widgets import permission_list, role_picker
from app.admin.widgets.links import ROLES, link
from app.core.contract.roles import RoleBody
from app.core.errors import NotFound


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
    link(ROLES, f"Back to {formatting.plain(first.name)}", icon=":material/arrow_back:", role=first.id)
    st.title("Compare roles")
    if second is None:
        st.write(f"Choose a role to compare with **{formatting.plain(first.name)}**.")
        other = role_picker.pick_one("Other role", key="compare-with", without={first.id})
        if other is not None:
            st.query_params["compare"] = str(other.id)
            st.rerun()
        return
    _side_by_side(first, second)


def _side_by_side(first: RoleBody, second: RoleBody) -> None:
    parts = compare_permissions(frozenset(first.permissions), frozenset(second.permissions))
    names = (formatting.plain(first.name), formatting.plain(second.name))
    if not parts.only_first and not parts.only_second:
        st.success(f"**{names[0]}** and **{names[1]}** have exactly the same permissions.", icon=":material/equal:")
    for column, side, role, name, only in zip(
        st.columns(2), ("first", "second"), (first, second), names, (parts.only_first, parts.only_second), strict=True
    ):
        with column.container(border=True, key=f"only-{side}"):
            st.subheader(f"Only {name}")
            permission_list.show(only, key=f"only-{side}-list", empty="The other role has all of them too.")
            link(ROLES, f"Open {name}", icon=":material/open_in_new:", role=role.id)
    st.subheader(f"Both ({len(parts.both):,})")
    permission_list.show(parts.both, key="both", empty="They have no permission in common.")
    link(ROLES, "Compare with another role", icon=":material/compare_arrows:", role=first.id, compare="yes")
