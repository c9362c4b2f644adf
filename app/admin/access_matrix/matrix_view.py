"""The access matrix page: the choice of roles, the filters, the table and its CSV file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pandas as pd
import streamlit as st

from app import access, formatting
from app.admin.access_matrix import matrix
from app.admin.access_matrix.matrix import KINDS, Line
from app.admin.api import installation as installation_api
from app.admin.api import roles as roles_api
from app.admin.widgets import role_picker
from app.admin.widgets.permission_groups import sentence_of
from app.core.administration_records import GuardKind
from app.core.contract.guards import GuardBody
from app.core.contract.roles import RoleItem
from app.core.permissions import Permission
from app.core.records import MAX_SEARCH_CHARACTERS
from app.ui import texts

MAX_INITIAL_ROLES: Final = 3
"""Roles that are shown at first beside the built-in ones."""
MAX_ROLES: Final = 12
"""Roles that are shown at once; a table with more columns is hard to read."""
_PAGE_SIZE: Final = 200
_MAX_PAGES: Final = 5
_INITIAL_ROLES: Final = "matrix_initial_roles"


def show() -> None:
    """Show the page.

    Raises:
        GatehouseError: A call of the remote API failed.
    """
    st.title("Access matrix")
    st.caption(
        "The permission that each page, function and endpoint requires, as published by each running process, and the "
        "roles that have it."
    )
    with st.spinner("Loading the published guards…"):
        guards = installation_api.guards()
    if not guards:
        st.info(
            "No process has published its guards yet. The app and the remote API do so when they start.",
            icon=":material/hourglass_empty:",
        )
        return
    chosen = _roles()
    contents = roles_api.permissions_of_roles(list(chosen)) if chosen else {}
    roles = {name: contents.get(role, frozenset()) for role, name in chosen.items()}
    lines = matrix.lines(guards, roles, listed_by=_listed_by())
    filtered = _filtered(lines)
    _attention(lines)
    if not filtered:
        st.info("Nothing matches. Remove a filter.", icon=":material/search_off:")
        return
    st.dataframe(
        as_frame(filtered, list(roles)), hide_index=True, width="stretch", key="matrix-table",
        height=min(700, 38 + 35 * len(filtered)),
        column_config={
            "⚠": st.column_config.TextColumn(help="Needs attention: “Notice” gives the reason.", width=40),
            "Kind": st.column_config.TextColumn(width=75),
            "Name": st.column_config.TextColumn(width=230),
            "Permission": st.column_config.TextColumn(help="Empty: all signed-in users.", width=130),
            "Notice": st.column_config.TextColumn(width=220),
            "Where": st.column_config.TextColumn(help="File and line in the code.", width=260),
        },
        alt="The permission that each guard requires, and which of the chosen roles have it.",
    )  # fmt: skip
    st.caption(f"{len(filtered):,} of {len(lines):,} entries. ✓: the role has the permission.")
    st.download_button(
        "Download as CSV", data=access.bind_session(lambda: export(filtered, list(roles))), key="matrix-export",
        file_name="access-matrix.csv", mime="text/csv", icon=":material/download:", on_click="ignore",
    )  # fmt: skip
    _versions(guards)


@access.requires(Permission.READ_GUARDS)
def export(lines: list[Line], roles: list[str]) -> bytes:
    """Return the lines as a CSV file. The guard runs when the button is pressed."""
    return matrix.as_csv(lines, roles)


def as_frame(lines: list[Line], roles: list[str]) -> pd.DataFrame:
    """Return the lines as a table. A role with the name of another column gets a space appended."""
    columns: dict[str, list[str]] = {
        "⚠": ["⚠" if line.notice else "" for line in lines],
        "Kind": [KINDS[line.guard.kind] for line in lines],
        "Name": [line.guard.name for line in lines],
        "Permission": [line.guard.permission for line in lines],
    }
    last_columns = {
        "Notice": [line.notice or "" for line in lines],
        "Description": [sentence_of(line.guard.permission) if line.guard.permission else "" for line in lines],
        "Where": [f"{line.guard.file}:{line.guard.line}" for line in lines],
    }
    for number, role in enumerate(roles):
        name = role
        while name in columns or name in last_columns:
            name += " "
        columns[name] = ["✓" if line.allowed[number] else "" for line in lines]
    return pd.DataFrame(columns | last_columns)


def _roles() -> dict[int, str]:
    """Show the picker; return the chosen roles, id → name."""
    initial: dict[int, str] | None = st.session_state.get(_INITIAL_ROLES)
    if initial is None:
        initial = st.session_state[_INITIAL_ROLES] = {role.id: role.name for role in initial_roles(_all_roles())}
    chosen = role_picker.pick_many("Roles to show", key="matrix-roles", chosen=initial)
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


def _filtered(lines: list[Line]) -> list[Line]:
    text = st.text_input(
        "Find a page, function or endpoint", key="matrix-search", type="search", icon=":material/search:", live=True,
        max_chars=MAX_SEARCH_CHARACTERS, placeholder="Part of its name, file or permission",
    )  # fmt: skip
    kind_column, permission_column = st.columns(2)
    kinds: list[GuardKind] = kind_column.pills(
        "Kind", list(KINDS), selection_mode="multi", format_func=lambda kind: f"{KINDS[kind]}s", key="matrix-kinds"
    )
    permissions = sorted({line.guard.permission for line in lines if line.guard.permission})
    permission = permission_column.selectbox(
        "Permission", permissions, index=None, placeholder="Any", key="matrix-permission"
    )
    with_notice = st.toggle("Only entries with a notice", key="matrix-with-notice")
    return matrix.filtered(lines, kinds=kinds, permission=permission or "", text=text, with_notice=with_notice)


def _attention(lines: list[Line]) -> None:
    """Show how many lines have each notice."""
    counts: dict[str, int] = {}
    for line in lines:
        if line.notice is not None:
            counts[line.notice] = counts.get(line.notice, 0) + 1
    if counts:
        st.markdown(" · ".join(f"{formatting.plain(notice)}: **{count:,}**" for notice, count in counts.items()))


def _versions(guards: tuple[GuardBody, ...]) -> None:
    """Show which processes published their guards, and with which version."""
    versions = sorted({(guard.process, guard.version) for guard in guards})
    text = ", ".join(f"{formatting.plain(process)} {formatting.plain(version)}" for process, version in versions)
    newest = max((guard.published_at for guard in guards if guard.published_at), default=None)
    st.caption(f"Published by {text}; last {texts.ago(newest)}.")
    if len({version for _, version in versions}) > 1:
        st.warning(
            "Processes of different versions have published their guards. Those of older versions are listed too.",
            icon=":material/difference:",
        )
