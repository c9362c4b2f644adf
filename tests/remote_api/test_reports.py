"""The usage report: its span, its form as JSON and CSV, and cells that no spreadsheet takes for a formula."""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta

import pytest

from app.core.audit import AuditEvent, AuditKind, Outcome
from app.core.records import UsageDay
from remote_api.views.reports import csv_lines
from tests.remote_api.world import ApiWorld

PATH = "/api/v1/reports/usage"


def _seen(world: ApiWorld) -> date:
    today = world.clock().date()
    with world.database.unit_of_work() as unit:
        unit.add_page_views({(today, "/reports"): 3, (today, "=cmd()"): 1, (today - timedelta(days=1), "/"): 2})
        unit.commit()
    return today


def test_the_span_has_every_day_oldest_first(world: ApiWorld) -> None:
    today = _seen(world)
    token = world.sign_in(roles=("viewer",)).token
    report = world.call(f"{PATH}?days=3", token).json
    assert [day["day"] for day in report["days"]] == [str(today - timedelta(days=n)) for n in (2, 1, 0)]
    assert (report["since"], report["until"]) == (str(today - timedelta(days=2)), str(today))
    assert report["days"][2]["page_views"] == {"/reports": 3, "=cmd()": 1}
    assert report["before"] == {"sign_ins": 0, "denials": 0, "page_views": {}}
    assert world.call(f"{PATH}?days=1", token).json["before"]["page_views"] == {"/": 2}
    assert len(world.call(PATH, token).json["days"]) == 30
    assert len(world.call(f"{PATH}?days=365", token).json["days"]) == 365


def test_the_pages_that_users_were_refused_are_counted(world: ApiWorld) -> None:
    now = world.clock()
    with world.database.unit_of_work() as unit:
        for kind, target, days in (
            (AuditKind.PAGE_DENY, "/people", 0),
            (AuditKind.PAGE_DENY, "/people", 2),
            (AuditKind.PAGE_DENY, "/roles", 1),
            (AuditKind.PAGE_DENY, "/roles", 3),
            (AuditKind.PAGE_DENY, "/roles", 4),
            (AuditKind.ENDPOINT_DENY, "/x", 0),
        ):
            at = now - timedelta(days=days)
            unit.record(AuditEvent(kind, at, Outcome.REFUSED, actor="a", target=target))
        unit.commit()
    token = world.sign_in(roles=("viewer",)).token

    def refused(days: int) -> list[tuple[str, int]]:
        pages = world.call(f"{PATH}?days={days}", token).json["refused_pages"]
        return [(row["page"], row["refusals"]) for row in pages]

    assert refused(3) == [("/people", 2), ("/roles", 1)]
    assert refused(1) == [("/people", 1)]
    assert refused(30) == [("/roles", 3), ("/people", 2)]


@pytest.mark.parametrize("query", ["days=0", "days=366", "days=-1", "days=x", "days=1e3", "days=", "days=1&other=2"])
@pytest.mark.parametrize("path", [PATH, f"{PATH}.csv"])
def test_anything_else_is_refused_naming_the_field(world: ApiWorld, path: str, query: str) -> None:
    answer = world.call(f"{path}?{query}", world.sign_in(roles=("analyst",)).token)
    assert (answer.status_code, answer.json["code"]) == (422, "invalid-input")
    assert set(answer.json["problems"]) == {"unknown" if "other" in query else "days"}


def test_a_refused_caller_learns_nothing_about_the_parameters(world: ApiWorld) -> None:
    assert world.call(f"{PATH}?days=x").status_code == 401
    assert world.call(f"{PATH}?days=x", world.sign_in().token).status_code == 403


def test_the_file(world: ApiWorld) -> None:
    today = _seen(world)
    answer = world.call(f"{PATH}.csv?days=2", world.sign_in(roles=("analyst",)).token)
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    name = f"usage-{today - timedelta(days=1)}-{today}.csv"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{name}"'
    head, *rows = list(csv.reader(io.StringIO(answer.text)))
    assert head == [
        "day",
        "sign_ins",
        "denials",
        "page_views",
        "page_views /",
        "page_views /reports",
        "page_views =cmd()",
    ]
    assert rows[1][3:] == ["4", "0", "3", "1"]


def test_its_lines() -> None:
    assert list(csv_lines([UsageDay(date(2026, 1, 2), 1, 2)])) == [
        "day,sign_ins,denials,page_views\r\n",
        "2026-01-02,1,2,0\r\n",
    ]
