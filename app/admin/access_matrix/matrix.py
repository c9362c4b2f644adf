"""The access matrix: what in the code asks for which permission, and which of some roles give it.

Pure: combines what the remote API answered. The file it makes is safe to open in a spreadsheet.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from app.admin.widgets.permission_groups import sentence_of
from app.core.contract.guards import GuardBody
from app.core.directory import GuardKind
from app.core.permissions import ADMINISTRATOR, CATALOGUE
from app.core.spreadsheet import safe_cell

KINDS: Final[Mapping[GuardKind, str]] = {
    GuardKind.PAGE: "Page",
    GuardKind.FUNCTION: "Function",
    GuardKind.ENDPOINT: "Endpoint",
}


class Notice(StrEnum):
    """Why a line stands out; as people read it."""

    NOTHING = "Asks for no permission"
    UNKNOWN = "Not in the catalogue"
    NOBODY = "No role gives it"
    ONLY_ADMINISTRATOR = "Only the administrator role gives it"
    NONE_SHOWN = "No role shown gives it"


@dataclass(frozen=True, slots=True)
class Line:
    """One place in the code, and whether each of the roles gives what it asks for, in their order."""

    guard: GuardBody
    given: tuple[bool, ...]
    notice: Notice | None = None


def lines(
    guards: Iterable[GuardBody], roles: Mapping[str, Collection[str]], *, listed_by: Mapping[str, int] | None
) -> list[Line]:
    """The matrix, pages first, then functions, then endpoints, by name.

    ``roles``: name → permissions, in the order of the columns. ``listed_by``: permission → how many roles other than
    the administrator's list it; None when that is not known of all, so that only the roles at hand can be spoken of.
    """
    order = {kind: number for number, kind in enumerate(KINDS)}
    return [
        Line(
            guard,
            tuple(not guard.permission or guard.permission in held for held in roles.values()),
            _notice(guard.permission, roles, listed_by),
        )
        for guard in sorted(guards, key=lambda guard: (order[guard.kind], guard.name, guard.file, guard.line))
    ]


def _notice(
    permission: str, roles: Mapping[str, Collection[str]], listed_by: Mapping[str, int] | None
) -> Notice | None:
    if not permission:
        return Notice.NOTHING
    if listed_by is not None:
        if permission not in listed_by and permission not in CATALOGUE:
            return Notice.UNKNOWN
        return Notice.ONLY_ADMINISTRATOR if not listed_by.get(permission) else None
    given = any(permission in held for name, held in roles.items() if name != ADMINISTRATOR)
    return None if given else Notice.NONE_SHOWN


def filtered(
    found: Iterable[Line],
    *,
    kinds: Collection[GuardKind] = (),
    permission: str = "",
    text: str = "",
    standing_out: bool = False,
) -> list[Line]:
    """Those lines that match; an empty member asks for nothing. ``text``: words of name, file, permission, sentence."""
    words = text.casefold().split()
    left = []
    for line in found:
        guard = line.guard
        about = f"{guard.name} {guard.file} {guard.permission} {sentence_of(guard.permission)}".casefold()
        if (
            (not kinds or guard.kind in kinds)
            and (not permission or guard.permission == permission)
            and (not standing_out or line.notice is not None)
            and all(word in about for word in words)
        ):
            left.append(line)
    return left


def as_csv(found: Sequence[Line], roles: Sequence[str]) -> bytes:
    """The lines as a CSV file (UTF-8, RFC 4180) with one column a role: ``yes``, ``no`` or ``signed in``."""
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(
        safe_cell(cell)
        for cell in ("kind", "name", "permission", "what it lets one do", "notice", "file", "line", *roles)
    )
    for line in found:
        guard = line.guard
        marks = [("yes" if given else "no") if guard.permission else "signed in" for given in line.given]
        sentence = sentence_of(guard.permission) if guard.permission else ""
        cells = (guard.kind.value, guard.name, guard.permission, sentence, line.notice or "", guard.file)
        writer.writerow([*map(safe_cell, cells), guard.line, *marks])
    return file.getvalue().encode()
