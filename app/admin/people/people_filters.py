"""The search and the filters above the table of people; the page's address has them too."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import streamlit as st

from app import access
from app.admin.api.roles import catalogue, roles
from app.admin.widgets import labels
from app.core import logs
from app.core.administration_records import PeopleQuery, Through
from app.core.clock import utc_now
from app.core.errors import GatehouseError
from app.core.permissions import Permission
from app.core.policy import Source
from app.core.records import MAX_SEARCH_CHARACTERS

NO_ROLE: Final = "No role"
_STATES: Final = {label: state for state, label in labels.STATES.items()}
_KINDS: Final = {"People": False, "Machines": True}
_SOURCES: Final = {
    "An administrator": Source.ADMIN,
    "The sign-in provider": Source.TOKEN,
    "This installation": Source.INSTALLATION,
}
_FILTERS: Final = ("role", "permission", "direct", "state", "kind", "source", "seen")
"""Keys of the filters, which are their names in the address too."""
_MAX_OFFERED: Final = 200
_NAMES_TTL_SECONDS: Final = 60.0
_NAMES: Final = "people-filter-names"


class _LastUse(NamedTuple):
    """A filter by the last time a person was seen. ``since``: in these days; otherwise not in these days."""

    days: int
    since: bool


_LAST_USES: Final = {
    "In the last 7 days": _LastUse(7, since=True),
    "In the last 30 days": _LastUse(30, since=True),
    "Not for 30 days": _LastUse(30, since=False),
    "Not for 90 days": _LastUse(90, since=False),
}


def filter_bar() -> PeopleQuery:
    """Show the search and the filters; return the query."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="filter-bar"):
        text = st.text_input(
            "Search", key="q", type="search", live="250ms", placeholder="Name, e-mail or user ID", autocomplete="off",
            max_chars=MAX_SEARCH_CHARACTERS, bind="query-params", width=280,
        )  # fmt: skip
        role = _named("Role", "role", [NO_ROLE], _role_names, width=180)
        permission = _named("Permission", "permission", [], _permission_names, width=210)
        state = _choice("State", "state", _STATES, "Any state", width=170)
        with st.popover("More filters", icon=":material/filter_list:", key="filters"):
            direct = st.toggle(
                "Granted directly only", key="direct", bind="query-params", disabled=not permission,
                help="With a permission: only people to whom the permission itself is granted, not a role with it.",
            )  # fmt: skip
            kind = _choice("Kind", "kind", _KINDS, "People and machines")
            source = _choice("Has a role or permission from", "source", _SOURCES, "Any source")
            last_use = _choice("Last seen", "seen", _LAST_USES, "Any time")
        if any((role, permission, state, kind, source, last_use)):
            st.button("Clear filters", key="clear-filters", type="tertiary", on_click=_clear_filters)
    seen_after, seen_before = _span(_LAST_USES[last_use]) if last_use else (None, None)
    return PeopleQuery(
        text=(text or "").strip(),
        state=_STATES[state] if state else None,
        role=role if role and role != NO_ROLE else "",
        without_roles=role == NO_ROLE,
        machine=_KINDS[kind] if kind else None,
        permission=permission or "",
        through=Through.DIRECT if permission and direct else Through.EFFECTIVE,
        source=_SOURCES[source] if source else None,
        seen_after=seen_after,
        seen_before=seen_before,
    )


def _choice(label: str, key: str, options: Iterable[str], placeholder: str, *, width: int | None = None) -> str | None:
    return st.selectbox(
        label, list(options), index=None, key=key, placeholder=placeholder, bind="query-params",
        width=width or "stretch",
    )  # fmt: skip


def _named(label: str, key: str, first: list[str], names: Callable[[], tuple[str, ...]], *, width: int) -> str | None:
    """A filter by a name. It accepts names that are not on offer too: from an address, or because none was loaded."""
    offered = _cached(key, names) if access.allows(Permission.READ_ROLES) else ()
    return st.selectbox(
        label, [*first, *offered], index=None, key=key, bind="query-params", accept_new_options=True, width=width,
        placeholder=f"Any {label.lower()}" if offered else f"Type a {label.lower()}",
    )  # fmt: skip


def _cached(key: str, names: Callable[[], tuple[str, ...]]) -> tuple[str, ...]:
    """The names on offer, cached for a minute per tab; empty if they cannot be loaded, which the list reports."""
    cache: dict[str, tuple[float, tuple[str, ...]]] = st.session_state.setdefault(_NAMES, {})
    if key not in cache or time.monotonic() - cache[key][0] > _NAMES_TTL_SECONDS:
        try:
            cache[key] = (time.monotonic(), names())
        except GatehouseError as error:
            logs.report(error, where="a filter")
    return cache[key][1] if key in cache else ()


def _role_names() -> tuple[str, ...]:
    return tuple(role.name for role in roles(limit=_MAX_OFFERED).rows)


def _permission_names() -> tuple[str, ...]:
    return tuple(permission.name for permission in catalogue(limit=_MAX_OFFERED).rows)


def _span(last_use: _LastUse) -> tuple[datetime | None, datetime | None]:
    """The times to pass as ``seen_after`` and ``seen_before``; the same all day, so that the query stays the same."""
    today = utc_now().replace(hour=0, minute=0, second=0, microsecond=0)
    limit = today - timedelta(days=last_use.days)
    return (limit, None) if last_use.since else (None, limit)


def _clear_filters() -> None:
    for key in _FILTERS:
        st.session_state[key] = False if key == "direct" else None
