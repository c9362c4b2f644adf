"""The access matrix page: the choice of roles, the filters, and the CSV file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import streamlit as st

from app import access, drafts, formatting
from app.admin.access_matrix import matrix, matrix_tables
from app.admin.access_matrix.matrix import Line, Notice
from app.admin.api import installation as installation_api
from app.admin.api import roles as roles_api
from app.admin.widgets import role_picker
from app.core.contract.guards import GuardBody
from app.core.contract.roles import RoleItem
from app.core.permissions import Permission
from app.core.records import MAX_SEARCH_CHARACTERS
from app.ui import texts
from app.ui.layout import header

MAX_INITIAL_ROLES: Final = 3
"""Roles that are shown at first beside the built-in ones."""
MAX_ROLES: Final = 12
"""Roles that are shown at once; a table with more columns is hard to read."""
_PAGE_SIZE: Final = 200
_MAX_PAGES: Final = 5
_INITIAL_ROLES: Final = "matrix_initial_roles"
_ROLES: Final = "matrix-roles"
_FILTERS: Final = ("q", "requires", "access")
_SUMMARIES: Final = {
    Notice.NO_PERMISSION: "open to everyone signed in",
    Notice.ONLY_ADMINISTRATOR: "for administrators only",
    Notice.UNKNOWN: "not in the catalogue",
    Notice.NO_CHOSEN_ROLE: "in none of these roles",
}


def show() -> None:
    """Show the page.

    Raises:
        GatehouseError: A call of the remote API failed.
    """
    drafts.keep(_ROLES)
    caption = "Which role opens which page, and may call which function and endpoint."
    if access.allows(Permission.READ_PEOPLE):
        caption += " Choose a row to see the people who can."
    with header("Access matrix", caption=caption):
        download = st.container(key="matrix-download")
    with st.spinner("Loading the published guards…"):
        guards = installation_api.guards()
    if not guards:
        st.info(
            "**No process has published its guards yet.** The app and the remote API do so when they start.",
            icon=":material/hourglass_empty:",
        )
        return
    bar = st.container(horizontal=True, vertical_alignment="bottom", key="filter-bar")
    with bar.popover("Roles to show", icon=":material/view_column:"):
        chosen = _roles()
    contents = roles_api.permissions_of_roles(list(chosen)) if chosen else {}
    roles = {name: contents.get(role, frozenset()) for role, name in chosen.items()}
    lines = matrix.lines(guards, roles, listed_by=_listed_by())
    with bar:
        filtered, is_filtered = _filtered(lines)
    st.markdown(summary(lines))
    if not filtered:
        st.info("**Nothing matches.** Try a shorter text, or clear the filters.", icon=":material/search_off:")
    else:
        matrix_tables.show(filtered, list(roles), open_all=is_filtered)
        with download:
            st.download_button(
                "Download CSV", data=access.bind_session(lambda: export(filtered, list(roles))), key="matrix-export",
                file_name="access-matrix.csv", mime="text/csv", icon=":material/download:", on_click="ignore",
            )  # fmt: skip
    _versions(guards)


@access.requires(Permission.READ_GUARDS)
def export(lines: list[Line], roles: list[str]) -> bytes:
    """Return the lines as a CSV file. The guard runs when the button is pressed."""
    return matrix.as_csv(lines, roles)


def summary(lines: list[Line]) -> str:
    """How many entries there are, and how many of them have each notice: ``8 open to everyone signed in``."""
    counts = [
        f"**{count:,}** {text}"
        for notice, text in _SUMMARIES.items()
        if (count := sum(line.notice is notice for line in lines))
    ]
    return " · ".join((f"**{len(lines):,}** entries", *counts))


def _roles() -> dict[int, str]:
    """Show the picker; return the chosen roles, id → name."""
    initial: dict[int, str] | None = st.session_state.get(_INITIAL_ROLES)
    if initial is None:
        initial = st.session_state[_INITIAL_ROLES] = {role.id: role.name for role in initial_roles(_all_roles())}
    chosen = role_picker.pick_many("Roles to show", key=_ROLES, chosen=initial)
    if len(chosen) > MAX_ROLES:
        st.warning(f"Only the first {MAX_ROLES} roles are shown.", icon=":material/view_column:")
    return dict(list(chosen.items())[:MAX_ROLES])


def initial_roles(roles: list[RoleItem]) -> list[RoleItem]:
    """Return the built-in roles, and the other roles that most people have."""
    others = sorted((role for role in roles if not role.built_in and role.people), key=lambda role: -role.people)
    return [role for role in roles if role.built_in] + others[:MAX_INITIAL_ROLES]


def _all_roles() -> list[RoleItem]:
    """Return all roles, at most the first thousand."""
    roles: list[RoleItem] = []
    cursor: str | None = ""
    for _ in range(_MAX_PAGES):
        page = roles_api.roles(cursor=cursor or "", limit=_PAGE_SIZE)
        roles += page.rows
        cursor = page.next
        if cursor is None:
            break
    return roles


def _listed_by() -> Mapping[str, int] | None:
    """Return permission → how many roles list it; None if the catalogue has more than one page."""
    page = roles_api.catalogue(limit=_PAGE_SIZE)
    return {permission.name: permission.roles for permission in page.rows} if page.next is None else None


def _filtered(lines: list[Line]) -> tuple[list[Line], bool]:
    """Show the search and the filters; return the lines that match, and whether a filter is set."""
    text = st.text_input(
        "Search", key="q", type="search", live="250ms", placeholder="Page, function, endpoint or file",
        autocomplete="off", max_chars=MAX_SEARCH_CHARACTERS, bind="query-params", width=320,
    )  # fmt: skip
    permissions = sorted({line.guard.permission for line in lines if line.guard.permission})
    permission = st.selectbox(
        "Permission", permissions, index=None, placeholder="Any permission", key="requires", bind="query-params",
        width=220,
    )  # fmt: skip
    notices = [notice for notice in Notice if any(line.notice is notice for line in lines)]
    notice = st.selectbox(
        "Access", [notice.value for notice in notices], index=None, placeholder="Any access", key="access",
        bind="query-params", width=240,
    )  # fmt: skip
    is_filtered = bool(text or permission or notice)
    if is_filtered:
        st.button("Clear filters", key="clear-filters", type="tertiary", on_click=_clear_filters)
    filtered = matrix.filtered(
        lines, permission=permission or "", text=text or "", notice=Notice(notice) if notice else None
    )
    return filtered, is_filtered


def _clear_filters() -> None:
    for key in _FILTERS:
        st.session_state[key] = "" if key == "q" else None


def _versions(guards: tuple[GuardBody, ...]) -> None:
    """Show which processes published their guards, and with which version."""
    versions = sorted({(guard.process, guard.version) for guard in guards})
    text = ", ".join(f"{formatting.plain(process)} {formatting.plain(version)}" for process, version in versions)
    newest = max((guard.published_at for guard in guards if guard.published_at), default=None)
    texts.small(f"Published by {text}; last {texts.ago(newest)}.")
    if len({version for _, version in versions}) > 1:
        st.warning(
            "Processes of different versions have published their guards. Those of older versions are listed too.",
            icon=":material/difference:",
        )
