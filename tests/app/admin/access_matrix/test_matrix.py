"""The access matrix: its rows, the notices, the filters, and the CSV file."""

from __future__ import annotations

import csv
import io

from app.admin.access_matrix.matrix import Notice, as_csv, filtered, lines
from app.core.administration_records import GuardKind
from app.core.contract.guards import GuardBody


def guard(kind: GuardKind, name: str, permission: str, file: str, line: int) -> GuardBody:
    return GuardBody(
        kind=kind, name=name, permission=permission, file=file, line=line, process="app", version="1", published_at=None
    )


PAGE = guard(GuardKind.PAGE, "/reports", "read:reports", "pages/usage_report.py", 11)
HOME = guard(GuardKind.PAGE, "/", "", "pages/home.py", 9)
EXPORT = guard(GuardKind.FUNCTION, "pages.usage_report:export_report", "export:reports", "pages/usage_report.py", 14)
ROUTE = guard(GuardKind.ENDPOINT, "PUT /api/v1/roles/{id}", "manage:roles", "remote_api/views/roles.py", 40)
STRAY = guard(GuardKind.FUNCTION, "shop:sell", "sell:things", "shop.py", 3)
GUARDS = [ROUTE, STRAY, EXPORT, PAGE, HOME]
ROLES = {
    "administrator": {"read:reports", "export:reports", "manage:roles"},
    "viewer": {"read:reports"},
}


def test_lines_are_sorted_and_mark_the_roles_with_the_permission() -> None:
    matrix = lines(GUARDS, ROLES, listed_by=None)
    assert [line.guard for line in matrix] == [HOME, PAGE, EXPORT, STRAY, ROUTE]
    assert [line.allowed for line in matrix] == [
        (True, True),
        (True, True),
        (True, False),
        (False, False),
        (True, False),
    ]


def test_notices_when_all_roles_are_known() -> None:
    matrix = lines(GUARDS, ROLES, listed_by={"read:reports": 3, "export:reports": 1, "manage:roles": 0})
    assert [line.notice for line in matrix] == [
        Notice.NO_PERMISSION,
        None,
        None,
        Notice.UNKNOWN,
        Notice.ONLY_ADMINISTRATOR,
    ]


def test_notices_when_only_some_roles_are_known() -> None:
    matrix = lines(GUARDS, ROLES, listed_by=None)
    assert [line.notice for line in matrix] == [
        Notice.NO_PERMISSION,
        None,
        Notice.NO_CHOSEN_ROLE,
        Notice.NO_CHOSEN_ROLE,
        Notice.NO_CHOSEN_ROLE,
    ]


def test_filters_select_lines() -> None:
    matrix = lines(GUARDS, ROLES, listed_by=None)

    def names(**filters: object) -> list[str]:
        return [line.guard.name for line in filtered(matrix, **filters)]  # type: ignore[arg-type] # named below

    assert len(names()) == len(GUARDS)
    assert names(kinds=[GuardKind.PAGE]) == ["/", "/reports"]
    assert names(permission="export:reports") == ["pages.usage_report:export_report"]
    assert names(text="USAGE_report export") == ["pages.usage_report:export_report"]
    assert names(text="delete roles") == ["PUT /api/v1/roles/{id}"]
    assert names(notice=Notice.NO_PERMISSION) == ["/"]
    assert names(notice=Notice.NO_CHOSEN_ROLE, kinds=[GuardKind.ENDPOINT, GuardKind.PAGE]) == ["PUT /api/v1/roles/{id}"]
    assert names(notice=Notice.UNKNOWN) == []
    assert names(text="nowhere") == []


def test_the_csv_file_has_the_same_lines_and_no_formula() -> None:
    evil = guard(GuardKind.FUNCTION, "=cmd|'/c calc'!A1", "read:reports", "+evil.py", 1)
    matrix = lines([HOME, PAGE, evil], {"@evil": {"read:reports"}, "viewer": set()}, listed_by=None)
    rows = list(csv.reader(io.StringIO(as_csv(matrix, ["@evil", "viewer"]).decode())))
    assert rows[0] == [
        "kind",
        "name",
        "permission",
        "description",
        "notice",
        "file",
        "line",
        "'@evil",
        "viewer",
    ]
    assert rows[1][0:2] == ["page", "/"]
    assert rows[1][-2:] == ["signed in", "signed in"]
    assert rows[2][-4:] == ["pages/usage_report.py", "11", "yes", "no"]
    assert rows[3][1] == "'=cmd|'/c calc'!A1"
    assert rows[3][5] == "'+evil.py"
