"""Choosing roles among a thousand: a list to choose from, and a search that narrows it when it is long."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import streamlit as st

from app.admin.api import roles as roles_api
from app.admin.widgets.permission_list import SEARCH_MAX
from app.core.contract.roles import RoleItem

SIZE: Final = 100
"""Roles that are offered at once."""


def pick_one(label: str, *, key: str, without: Collection[int] = ()) -> RoleItem | None:
    """One role, or None while none is chosen. Raises as the call does."""
    offered = _offered(label, key, without)
    chosen: int | None = st.selectbox(
        label, list(offered), index=None, format_func=lambda role: offered[role].name, key=key,
        placeholder="Choose a role",
    )  # fmt: skip
    return offered.get(chosen) if chosen is not None else None


def pick_many(label: str, *, key: str, chosen: dict[int, str], placeholder: str = "Choose roles") -> dict[int, str]:
    """Any number of roles, id → name; ``chosen`` is what was chosen before. Raises as the call does."""
    offered = {role.id: role.name for role in _offered(label, key, ()).values()}
    options = chosen | offered
    st.session_state.setdefault(key, list(chosen))
    picked: list[int] = st.multiselect(
        label, list(options), format_func=lambda role: options[role], key=key, placeholder=placeholder
    )
    return {role: options[role] for role in picked}


def _offered(label: str, key: str, without: Collection[int]) -> dict[int, RoleItem]:
    """Id → role, for those that are offered now. The search stands there only where not all of them are."""
    search = f"{key}-search"
    text: str = st.session_state.get(search) or ""
    page = roles_api.roles(text, limit=SIZE)
    if page.next is not None or text:
        st.text_input(
            f"Search for {label[:1].lower()}{label[1:]}", key=search, type="search", icon=":material/search:",
            live=True, max_chars=SEARCH_MAX, placeholder="Part of a role's name",
            help="There are more roles than are offered below at once.",
        )  # fmt: skip
    return {role.id: role for role in page.rows if role.id not in without}
