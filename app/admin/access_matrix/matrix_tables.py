"""The tables of the access matrix: pages, and folded below them functions and endpoints, by roles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from urllib.parse import urlencode

import streamlit as st

from app import access
from app.admin.access_matrix.matrix import Line, Notice
from app.admin.widgets.permission_groups import sentence_of
from app.core.administration_records import GuardKind
from app.core.contract.guards import GuardBody
from app.core.permissions import Permission
from app.navigation import BY_FILE, BY_PATH
from app.ui import cells
from app.ui.cells import Cell, Tone
from app.ui.table import Table
from app.ui.table_parts import OPEN, Column, Row

SECTIONS: Final = {GuardKind.PAGE: "Pages", GuardKind.FUNCTION: "Functions", GuardKind.ENDPOINT: "Endpoints"}
_FIRST: Final = {GuardKind.PAGE: "Page", GuardKind.FUNCTION: "Function", GuardKind.ENDPOINT: "Endpoint"}
_VERBS: Final = {GuardKind.PAGE: "open", GuardKind.FUNCTION: "call", GuardKind.ENDPOINT: "call"}
_MARKS: Final = {
    Notice.ONLY_ADMINISTRATOR: ("administrators only", Tone.PLAIN),
    Notice.UNKNOWN: ("not in the catalogue", Tone.WARNING),
    Notice.NO_CHOSEN_ROLE: ("in none of these roles", Tone.PLAIN),
}


def show(lines: Sequence[Line], roles: Sequence[str], *, open_all: bool) -> None:
    """Show the lines, pages first. ``open_all``: functions and endpoints are open too, because of a filter."""
    can_list_people = access.allows(Permission.READ_PEOPLE)
    for kind, title in SECTIONS.items():
        section = [line for line in lines if line.guard.kind is kind]
        if not section:
            continue
        if kind is GuardKind.PAGE:
            st.header(title, anchor=False)
            _section(kind, sorted(section, key=page_order), roles, can_list_people=can_list_people)
        else:
            with st.expander(f"**{title}** ({len(section):,})", expanded=open_all):
                _section(kind, section, roles, can_list_people=can_list_people)


def _section(kind: GuardKind, lines: Sequence[Line], roles: Sequence[str], *, can_list_people: bool) -> None:
    title = SECTIONS[kind]
    table = Table(
        f"matrix-{kind.value}",
        columns=(
            Column("name", _FIRST[kind]),
            Column("permission", "Permission"),
            *(Column(f"role-{number}", cells.one_line(role), kind="mark") for number, role in enumerate(roles)),
            Column("where", "In the code", kind="short"),
        ),
        singular=_FIRST[kind].lower(),
        plural=title.lower(),
        scrolls=True,
    )
    rows = {line_id(line.guard): line for line in lines}
    event = table.show(title, [_row(number, line, can_list_people) for number, line in rows.items()])
    if event is not None and event.name == OPEN:
        permission = rows[event.row].guard.permission
        st.switch_page(BY_FILE["people.py"].script, query_params={"permission": permission})


def line_id(guard: GuardBody) -> str:
    """The id of a guard's row, which stays the same while the filters change."""
    return f"{guard.file}:{guard.line}:{guard.name}:{guard.permission}"[-200:]


def _row(row_id: str, line: Line, can_list_people: bool) -> Row:  # noqa: FBT001 - the same for all rows
    guard = line.guard
    name, detail = shown_name(guard)
    opens = can_list_people and bool(guard.permission)
    verb = _VERBS[guard.kind]
    return Row(
        row_id,
        name,
        (
            cells.text(name, detail=detail, title=f"See who can {verb} {name}" if opens else ""),
            _permission(line),
            *map(cells.mark, line.allowed),
            cells.text(f"{guard.file}:{guard.line}"),
        ),
        href=f"people?{urlencode({'permission': guard.permission})}" if opens else "",
    )


def _permission(line: Line) -> Cell:
    """The permission with its sentence on hover, and the notice."""
    if not line.guard.permission:
        return cells.text("everyone signed in")
    cell = cells.text(line.guard.permission, title=sentence_of(line.guard.permission))
    mark = _MARKS.get(line.notice) if line.notice is not None else None
    return cell if mark is None else cells.with_badges(cell, [cells.badge(mark[0], tone=mark[1])])


def shown_name(guard: GuardBody) -> tuple[str, str]:
    """The name of a guard and a second line: a page's title and path, a function and its module, or an endpoint."""
    match guard.kind:
        case GuardKind.PAGE:
            row = BY_PATH.get(guard.name.strip("/"))
            return (row.title, guard.name) if row is not None else (guard.name, "")
        case GuardKind.FUNCTION:
            module, _, function = guard.name.rpartition(":")
            return function or guard.name, module
        case GuardKind.ENDPOINT:
            return guard.name, ""


def page_order(line: Line) -> tuple[str, str]:
    """Pages stand by their titles."""
    return shown_name(line.guard)[0].casefold(), line.guard.name
