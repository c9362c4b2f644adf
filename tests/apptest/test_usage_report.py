"""Usage report: what it counts, how it compares with the time before, and where users were refused."""

from __future__ import annotations

from datetime import timedelta

import pytest
from streamlit.testing.v1 import AppTest

from app import testing
from app.core.audit import AuditEvent, AuditKind, Outcome
from app.core.clock import utc_now
from app.ui import figures
from tests.apptest.administration import page_text
from tests.apptest.conftest import AppInstallation
from tests.apptest.tables import table, texts


def record(
    installation: AppInstallation, views: dict[tuple[int, str], int], refused: dict[tuple[int, str], int]
) -> None:
    """Store page views and refusals: (days ago, path) → how many."""
    now = utc_now()
    with installation.services.storage.unit_of_work() as unit:
        unit.add_page_views({((now - timedelta(days=ago)).date(), path): n for (ago, path), n in views.items()})
        for (ago, path), count in refused.items():
            event = AuditEvent(AuditKind.PAGE_DENY, now - timedelta(days=ago), Outcome.REFUSED, "a", target=path)
            for _ in range(count):
                unit.record(event)
        unit.commit()


def opened(installation: AppInstallation, role: str = "viewer") -> AppTest:
    """The report of the last 7 days."""
    at = testing.open_app("/reports")
    installation.sign_in(at, roles=[role])
    testing.open_page(at, "usage_report.py")
    at.segmented_control(key="range").set_value("7 days").run()
    assert not at.exception
    return at


def test_each_figure_is_compared_with_the_span_before(installation: AppInstallation) -> None:
    record(
        installation,
        {(1, "/profile"): 30, (8, "/profile"): 20, (1, "/reports"): 5},
        {(2, "/people"): 1, (9, "/people"): 2},
    )
    at = opened(installation)
    shown = page_text(at)
    assert "**35** page views" in shown
    assert "+75 % on the 7 days before" in shown
    assert "**1** refusal" in shown
    assert "\N{MINUS SIGN}50 % on the 7 days before" in shown


def test_pages_have_their_views_and_refusals_and_hidden_ones_no_title(installation: AppInstallation) -> None:
    record(
        installation,
        {(1, "/profile"): 30, (8, "/profile"): 20, (1, "/csv"): 5},
        {(2, "/people"): 3, (2, "/profile"): 1},
    )
    at = opened(installation)
    assert texts(table(at))[:2] == [["Profile", "30", "+50 %", "1"], ["Other pages", "5", "new", "3"]]
    assert "People" not in str(table(at))
    at = opened(installation, "administrator")
    assert ["People", "0", "±0 %", "3"] in texts(table(at))


def test_a_report_without_any_activity(installation: AppInstallation) -> None:
    record(installation, {(20, "/profile"): 1}, {})
    at = opened(installation)
    assert "No activity in this time span yet." in page_text(at)
    at.segmented_control(key="range").set_value("30 days").run()
    assert "No activity" not in page_text(at)


@pytest.mark.parametrize(
    ("now", "before", "text"),
    [
        (112, 100, "+12 % on the 7 days before"),
        (1, 3, "\N{MINUS SIGN}67 % on the 7 days before"),
        (0, 3, "\N{MINUS SIGN}100 % on the 7 days before"),
        (5, 5, "±0 % on the 7 days before"),
        (0, 0, "±0 % on the 7 days before"),
        (5, 0, "none in the 7 days before"),
        (12_000, 100, "+11,900 % on the 7 days before"),
        (1001, 1000, "+0.1 % on the 7 days before"),
    ],
)
def test_a_difference_in_words(now: int, before: int, text: str) -> None:
    assert figures.difference(now, before, "7 days") == text
