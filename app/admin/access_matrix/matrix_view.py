"""The access matrix on the page: which roles are shown, what is left by the filters, and the file of it."""

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
from app.admin.widgets import labels, role_picker
from app.admin.widgets.permission_groups import sentence_of
from app.admin.widgets.permission_list import MAX_SEARCH_LENGTH
from app.core.contract.guards import GuardBody
from app.core.contract.roles import RoleItem
from app.core.directory import GuardKind
from app.core.permissions import Permission

MOST_HELD: Final = 3
"""Roles that are shown at first beside the built-in ones."""
MOST_SHOWN: Final = 12
"""Roles that are shown at once; more would be no table any more."""
_PAGE: Final = 200
_MOST_PAGES: Final = 5
_FIRST: Final = "matrix_first"


def show() -> None:
    """The page; raises as the calls do."""
    st.title("Access matrix")
    st.caption(
        "What in the code asks for which permission, as each running process has published it, and which role gives it."
    )
    with st.spinner("Asking what the code asks for…"):
        guards = installation_api.guards()
    if not guards:
        st.info(
            "No process has published yet what its code asks for. App and remote API do so when they start.",
            icon=":material/hourglass_empty:",
        )
        return
    shown = _roles()
    contents = roles_api.permissions_of_roles(list(shown)) if shown else {}
    held = {name: contents.get(role, frozenset()) for role, name in shown.items()}
    lines = matrix.lines(guards, held, listed_by=_listed_by())
    left = _filtered(lines)
    _attention(lines)
    if not left:
        st.info("Nothing matches. Take away a filter.", icon=":material/search_off:")
        return
    st.dataframe(
        as_frame(left, list(held)), hide_index=True, width="stretch", key="matrix-table",
        height=min(700, 38 + 35 * len(left)),
        column_config={
            "⚠": st.column_config.TextColumn(help="It stands out: “To note” says why.", width=40),
            "Kind": st.column_config.TextColumn(width=75),
            "Name": st.column_config.TextColumn(width=230),
            "Permission": st.column_config.TextColumn(help="Empty: anybody who is signed in.", width=130),
            "To note": st.column_config.TextColumn(width=220),
            "Where": st.column_config.TextColumn(help="File and line in the code.", width=260),
        },
        alt="What asks for which permission, and which of the chosen roles give it.",
    )  # fmt: skip
    st.caption(f"{len(left):,} of {len(lines):,} places in the code. ✓: the role gives it.")
    st.download_button(
        "Download as CSV", data=access.bind_session(lambda: export(left, list(held))), file_name="access-matrix.csv",
        mime="text/csv", icon=":material/download:", key="matrix-export", on_click="ignore",
    )  # fmt: skip
    _versions(guards)


@access.requires(Permission.READ_GUARDS)
def export(left: list[Line], roles: list[str]) -> bytes:
    """The lines as a CSV file. Checked when it is called, which is when the button is pressed."""
    return matrix.as_csv(left, roles)


def as_frame(lines: list[Line], roles: list[str]) -> pd.DataFrame:
    """The lines as a table; a role whose name is that of a column stands there with a space behind it."""
    columns: dict[str, list[str]] = {
        "⚠": ["⚠" if line.notice else "" for line in lines],
        "Kind": [KINDS[line.guard.kind] for line in lines],
        "Name": [line.guard.name for line in lines],
        "Permission": [line.guard.permission for line in lines],
    }
    last = {
        "To note": [line.notice or "" for line in lines],
        "What it lets one do": [sentence_of(line.guard.permission) if line.guard.permission else "" for line in lines],
        "Where": [f"{line.guard.file}:{line.guard.line}" for line in lines],
    }
    for number, role in enumerate(roles):
        name = role
        while name in columns or name in last:
            name += " "
        columns[name] = ["✓" if line.given[number] else "" for line in lines]
    return pd.DataFrame(columns | last)


def _roles() -> dict[int, str]:
    """The roles that are shown, id → name."""
    first: dict[int, str] | None = st.session_state.get(_FIRST)
    if first is None:
        first = st.session_state[_FIRST] = {role.id: role.name for role in first_shown(_all_roles())}
    picked = role_picker.pick_many("Roles to show", key="matrix-roles", chosen=first)
    if len(picked) > MOST_SHOWN:
        st.warning(f"Only the first {MOST_SHOWN} of them are shown at once.", icon=":material/view_column:")
    return dict(list(picked.items())[:MOST_SHOWN])


def first_shown(roles: list[RoleItem]) -> list[RoleItem]:
    """The built-in roles, and of the others those that most people hold."""
    others = sorted((role for role in roles if not role.built_in and role.people), key=lambda role: -role.people)
    return [role for role in roles if role.built_in] + others[:MOST_HELD]


def _all_roles() -> list[RoleItem]:
    """All roles, as far as the first thousand go."""
    found: list[RoleItem] = []
    cursor: str | None = ""
    for _ in range(_MOST_PAGES):
        page = roles_api.roles(cursor=cursor or "", limit=_PAGE)
        found += page.rows
        cursor = page.next
        if cursor is None:
            break
    return found


def _listed_by() -> Mapping[str, int] | None:
    """Permission → how many roles list it; None where the catalogue is too long to be known whole."""
    page = roles_api.catalogue(limit=_PAGE)
    return {known.name: known.roles for known in page.rows} if page.next is None else None


def _filtered(lines: list[Line]) -> list[Line]:
    text = st.text_input(
        "Find a place in the code", key="matrix-search", type="search", icon=":material/search:", live=True,
        max_chars=MAX_SEARCH_LENGTH, placeholder="Part of its name, file or permission",
    )  # fmt: skip
    kind_column, permission_column = st.columns(2)
    kinds: list[GuardKind] = kind_column.pills(
        "Kind", list(KINDS), selection_mode="multi", format_func=lambda kind: f"{KINDS[kind]}s", key="matrix-kinds"
    )
    permissions = sorted({line.guard.permission for line in lines if line.guard.permission})
    permission = permission_column.selectbox(
        "Permission", permissions, index=None, placeholder="Any", key="matrix-permission"
    )
    standing_out = st.toggle("Only what stands out", key="matrix-standing-out")
    return matrix.filtered(lines, kinds=kinds, permission=permission or "", text=text, standing_out=standing_out)


def _attention(lines: list[Line]) -> None:
    """What no role gives, and what asks for nothing, counted."""
    counts: dict[str, int] = {}
    for line in lines:
        if line.notice is not None:
            counts[line.notice] = counts.get(line.notice, 0) + 1
    if counts:
        st.markdown(
            "**Stands out:** "
            + "; ".join(f"{formatting.plain(notice)}: {count:,}" for notice, count in counts.items())
            + "."
        )


def _versions(guards: tuple[GuardBody, ...]) -> None:
    """Who published, and which version of the code."""
    known = sorted({(guard.process, guard.version) for guard in guards})
    text = ", ".join(f"{formatting.plain(process)} {formatting.plain(version)}" for process, version in known)
    newest = max((guard.published_at for guard in guards if guard.published_at), default=None)
    st.caption(f"Published by {text}; last {labels.ago(newest)}.")
    if len({version for _, version in known}) > 1:
        st.warning(
            "Processes of different versions have published: what only the older ones ask for stands here too.",
            icon=":material/difference:",
        )
