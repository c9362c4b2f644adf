"""The access matrix: the permission that each guard requires, and the roles that have it.

Pure: combines responses of the remote API. Its CSV file is safe to open in a spreadsheet.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from app.admin.widgets.permission_groups import sentence_of
from app.core.administration_records import GuardKind
from app.core.contract.guards import GuardBody
from app.core.permissions import ADMINISTRATOR, CATALOGUE
from app.core.spreadsheet import safe_cell

KINDS: Final[Mapping[GuardKind, str]] = {
    GuardKind.PAGE: "Page",
    GuardKind.FUNCTION: "Function",
    GuardKind.ENDPOINT: "Endpoint",
}


class Notice(StrEnum):
    """What is special about who may reach an entry, as shown to the user."""

    NO_PERMISSION = "Open to everyone signed in"
    ONLY_ADMINISTRATOR = "For administrators only"
    UNKNOWN = "Not in the catalogue"
    NO_CHOSEN_ROLE = "In none of these roles"


@dataclass(frozen=True, slots=True)
class Line:
    """A guard, and whether each of the chosen roles has its permission."""

    guard: GuardBody
    allowed: tuple[bool, ...]
    """One value for each role, in the order of the roles."""
    notice: Notice | None = None


def lines(
    guards: Iterable[GuardBody], roles: Mapping[str, Collection[str]], *, listed_by: Mapping[str, int] | None
) -> list[Line]:
    """Return the matrix: pages, then functions, then endpoints, each by name.

    Args:
        guards: The published guards.
        roles: Name → permissions, in the order of the columns.
        listed_by: Permission → how many roles other than the administrator role list it; None if the catalogue is
            not loaded whole, so that a notice can be about the chosen roles only.
    """
    order = {kind: number for number, kind in enumerate(KINDS)}
    return [
        Line(
            guard,
            tuple(not guard.permission or guard.permission in permissions for permissions in roles.values()),
            _notice(guard.permission, roles, listed_by),
        )
        for guard in sorted(guards, key=lambda guard: (order[guard.kind], guard.name, guard.file, guard.line))
    ]


def _notice(
    permission: str, roles: Mapping[str, Collection[str]], listed_by: Mapping[str, int] | None
) -> Notice | None:
    if not permission:
        return Notice.NO_PERMISSION
    if listed_by is not None:
        if permission not in listed_by and permission not in CATALOGUE:
            return Notice.UNKNOWN
        return Notice.ONLY_ADMINISTRATOR if not listed_by.get(permission) else None
    listed = any(permission in permissions for name, permissions in roles.items() if name != ADMINISTRATOR)
    return None if listed else Notice.NO_CHOSEN_ROLE


def filtered(
    matrix: Iterable[Line],
    *,
    kinds: Collection[GuardKind] = (),
    permission: str = "",
    text: str = "",
    notice: Notice | None = None,
) -> list[Line]:
    """Return the lines that match every filter; an empty filter matches all lines.

    Args:
        matrix: The lines.
        kinds: Kinds of guards.
        permission: Name of the required permission.
        text: Words that the name, file, permission or sentence contains.
        notice: The notice of the line.
    """
    words = text.casefold().split()
    matches = []
    for line in matrix:
        guard = line.guard
        searched = f"{guard.name} {guard.file} {guard.permission} {sentence_of(guard.permission)}".casefold()
        if (
            (not kinds or guard.kind in kinds)
            and (not permission or guard.permission == permission)
            and (notice is None or line.notice is notice)
            and all(word in searched for word in words)
        ):
            matches.append(line)
    return matches


def as_csv(matrix: Sequence[Line], roles: Sequence[str]) -> bytes:
    """Return the lines as a CSV file (UTF-8, RFC 4180) with one column a role: ``yes``, ``no`` or ``signed in``."""
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(
        safe_cell(cell) for cell in ("kind", "name", "permission", "description", "notice", "file", "line", *roles)
    )
    for line in matrix:
        guard = line.guard
        marks = [("yes" if allowed else "no") if guard.permission else "signed in" for allowed in line.allowed]
        sentence = sentence_of(guard.permission) if guard.permission else ""
        cells = (guard.kind.value, guard.name, guard.permission, sentence, line.notice or "", guard.file)
        writer.writerow([*map(safe_cell, cells), guard.line, *marks])
    return file.getvalue().encode()
