"""Pickers for roles: a list to choose from, with a search if there are more roles than the list offers."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import streamlit as st

from app.admin.api import roles as roles_api
from app.core.contract.roles import RoleItem
from app.core.records import MAX_SEARCH_CHARACTERS
from app.ui import dialogs, failures

SIZE: Final = 100
"""The most roles that the list offers at once."""


def pick_one(label: str, *, key: str, without: Collection[int] = ()) -> RoleItem | None:
    """Show the picker for one role; return it, or None while none is chosen.

    Raises:
        GatehouseError: A call of the remote API failed.
    """
    offered = _offered(label, key, without)
    chosen: int | None = st.selectbox(
        label, list(offered), index=None, format_func=lambda role: offered[role].name, key=key,
        placeholder="Choose a role",
    )  # fmt: skip
    return offered.get(chosen) if chosen is not None else None


def pick_many(label: str, *, key: str, chosen: dict[int, str], placeholder: str = "Choose roles") -> dict[int, str]:
    """Show the picker for any number of roles; return the choice, id → name.

    Args:
        label: The label of the picker.
        key: Prefix of the widgets' keys.
        chosen: The roles chosen at first, id → name.
        placeholder: The text while none is chosen.

    Raises:
        GatehouseError: A call of the remote API failed.
    """
    offered = {role.id: role.name for role in _offered(label, key, ()).values()}
    options = chosen | offered
    st.session_state.setdefault(key, list(chosen))
    picked: list[int] = st.multiselect(
        label, list(options), format_func=lambda role: options[role], key=key, placeholder=placeholder
    )
    return {role: options[role] for role in picked}


def _offered(label: str, key: str, without: Collection[int]) -> dict[int, RoleItem]:
    """Return the roles on offer, id → role; show the search only if not all roles are on offer.

    In a dialog the last roles stay on offer when they cannot be read again.
    """
    search = f"{key}-search"
    text: str = st.session_state.get(search) or ""
    page, error = dialogs.read_or_last(key, text, lambda: roles_api.roles(text, limit=SIZE))
    if error is not None:
        failures.show_with_retry(error, key=f"{key}-failed")
    if page.next is not None or text:
        st.text_input(
            f"Search for {label[:1].lower()}{label[1:]}", key=search, type="search", icon=":material/search:",
            live=True, max_chars=MAX_SEARCH_CHARACTERS, placeholder="Part of a role's name",
            help="There are more roles than are offered below at once.",
        )  # fmt: skip
    return {role.id: role for role in page.rows if role.id not in without}
