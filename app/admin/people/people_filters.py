"""The search and the filters above the table of people; the page's address has them too."""

from __future__ import annotations

import time
from typing import Final

import streamlit as st

from app import access
from app.admin.api.roles import roles
from app.admin.widgets import labels
from app.core.administration_records import PeopleQuery
from app.core.permissions import Permission
from app.core.records import MAX_SEARCH_CHARACTERS
from app.ui import failures

NO_ROLE: Final = "No role"
_STATES: Final = {label: state for state, label in labels.STATES.items()}
_KINDS: Final = {"People": False, "Machines": True}
_MAX_ROLES_OFFERED: Final = 200
_ROLES_TTL_SECONDS: Final = 60.0
_ROLE_NAMES: Final = "people-role-names"


def filter_bar() -> PeopleQuery:
    """Show the search and the filters; return the query."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="filter-bar"):
        text = st.text_input(
            "Search", key="q", type="search", live="250ms", placeholder="Name, e-mail or user ID", autocomplete="off",
            max_chars=MAX_SEARCH_CHARACTERS, bind="query-params", width=320,
        )  # fmt: skip
        role = _role_filter()
        state = st.selectbox(
            "State", list(_STATES), index=None, key="state", placeholder="Any state", bind="query-params", width=180
        )
        kind = st.selectbox(
            "Kind", list(_KINDS), index=None, key="kind", placeholder="Any kind", bind="query-params", width=160
        )
        if any((role, state, kind)):
            st.button("Clear filters", key="clear-filters", type="tertiary", on_click=_clear_filters)
    return PeopleQuery(
        text=(text or "").strip(),
        state=_STATES[state] if state else None,
        role=role if role and role != NO_ROLE else "",
        without_roles=role == NO_ROLE,
        machine=_KINDS[kind] if kind else None,
    )


def _role_filter() -> str | None:
    offered = [NO_ROLE, *(_role_names() if access.allows(Permission.READ_ROLES) else ())]
    return st.selectbox(
        "Role", offered, index=None, key="role", placeholder="Any role", bind="query-params", accept_new_options=True,
        width=200,
    )  # fmt: skip


def _role_names() -> tuple[str, ...]:
    """Role names for the filter, cached for a minute per tab; the filter accepts other names too."""
    fetched_at, names = st.session_state.get(_ROLE_NAMES, (0.0, ()))
    if not fetched_at or time.monotonic() - fetched_at > _ROLES_TTL_SECONDS:
        with failures.show_errors("roles-failed"):
            names = tuple(role.name for role in roles(limit=_MAX_ROLES_OFFERED).rows)
            st.session_state[_ROLE_NAMES] = (time.monotonic(), names)
    return tuple(names)


def _clear_filters() -> None:
    for key in ("state", "role", "kind"):
        st.session_state[key] = None
