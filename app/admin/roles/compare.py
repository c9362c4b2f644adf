"""Two roles side by side: what only the one lets people do, what both do."""

from __future__ import annotations

import streamlit as st

from app import formatting
from app.admin.api import roles as roles_api
from app.admin.roles.edits import compared
from app.admin.roles.role_list import gone
from app.admin.widgets import permission_list, role_picker
from app.admin.widgets.links import ROLES, link
from app.core.contract.roles import RoleBody
from app.core.errors import NotFound


def show(first_id: int, second_id: int | None) -> None:
    """The comparison, or the choice of the other role; raises as the calls do."""
    try:
        first = roles_api.role(first_id)
        second = roles_api.role(second_id) if second_id is not None else None
    except NotFound:
        gone()
        return
    link(ROLES, f"Back to {formatting.plain(first.name)}", icon=":material/arrow_back:", role=first.id)
    st.title("Compare roles")
    if second is None:
        st.write(f"Which role do you want to see beside **{formatting.plain(first.name)}**?")
        other = role_picker.pick_one("Other role", key="compare-with", without={first.id})
        if other is not None:
            st.query_params["compare"] = str(other.id)
            st.rerun()
        return
    _side_by_side(first, second)


def _side_by_side(first: RoleBody, second: RoleBody) -> None:
    parts = compared(frozenset(first.permissions), frozenset(second.permissions))
    names = (formatting.plain(first.name), formatting.plain(second.name))
    if not parts.only_first and not parts.only_second:
        st.success(f"**{names[0]}** and **{names[1]}** let people do exactly the same.", icon=":material/equal:")
    for column, side, role, name, only in zip(
        st.columns(2), ("first", "second"), (first, second), names, (parts.only_first, parts.only_second), strict=True
    ):
        with column.container(border=True, key=f"only-{side}"):
            st.subheader(f"Only {name}")
            permission_list.show(only, key=f"only-{side}-list", empty="Nothing that the other does not.")
            link(ROLES, f"Open {name}", icon=":material/open_in_new:", role=role.id)
    st.subheader(f"Both ({len(parts.both):,})")
    permission_list.show(parts.both, key="both", empty="They have nothing in common.")
    link(ROLES, "Compare with another role", icon=":material/compare_arrows:", role=first.id, compare="yes")
