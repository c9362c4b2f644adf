"""The query of the audit page in its address."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from app.admin.audit import filters
from app.core.audit_rows import AuditQuery

BERLIN = ZoneInfo("Europe/Berlin")


def test_an_address_and_its_query_are_the_same() -> None:
    address = {
        "name": "auth0|ada at https://i/", "target": "clerk", "kind": ["a:b:c", "d:e:f"], "outcome": "refused",
        "since": "2026-03-28", "until": "2026-03-29",
    }  # fmt: skip
    parameters = {name: [value] if isinstance(value, str) else value for name, value in address.items()}
    for zone in (UTC, BERLIN):
        assert filters.to_address(filters.from_address(parameters, zone), zone) == address


def test_days_begin_and_end_in_the_time_zone_of_the_viewer() -> None:
    query = filters.from_address({"since": ["2026-03-28"], "until": ["2026-03-29"]}, BERLIN)
    assert query.since == datetime(2026, 3, 27, 23, tzinfo=UTC)
    assert query.until == datetime(2026, 3, 29, 22, tzinfo=UTC), "summer time began on the 29th"
    assert filters.first_day(query.since, BERLIN) == date(2026, 3, 28)
    assert filters.last_day(query.until, BERLIN) == date(2026, 3, 29)


@pytest.mark.parametrize(
    "parameters",
    [{}, {"outcome": ["lost"]}, {"since": ["yesterday"]}, {"until": ["9999-12-31"]}, {"kind": [""]}, {"name": [" "]}],
)
def test_a_parameter_that_is_not_valid_filters_nothing(parameters: dict[str, list[str]]) -> None:
    assert filters.from_address(parameters) == AuditQuery()
