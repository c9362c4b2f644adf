"""Texts of counts, lists of names and times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
import streamlit as st

from app.core.clock import utc_now
from app.ui import texts

AT = datetime(2026, 11, 25, 3, 50, tzinfo=UTC)


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """The time zone that the viewer's browser names."""
    monkeypatch.setattr(st, "context", SimpleNamespace(timezone=request.param))


@pytest.mark.parametrize(
    ("zone", "name"),
    [
        ("Europe/Berlin", "Europe/Berlin"), ("Asia/Kolkata", "Asia/Kolkata"), (None, "UTC"), ("", "UTC"),
        ("No/Such", "UTC"), ("../etc/passwd", "UTC"), ("/etc/passwd", "UTC"), ("x" * 5000, "UTC"), ("a\x00b", "UTC"),
        ("Europe", "UTC"),
    ],
    indirect=["zone"],
)  # fmt: skip
@pytest.mark.usefixtures("zone")
def test_the_zone_of_the_viewer_is_that_of_the_browser_if_it_is_one(name: str) -> None:
    assert str(texts.viewer_zone()) == name


@pytest.mark.parametrize(
    ("zone", "text"),
    [("Europe/Berlin", "25 November 2026, 04:50 CET"), ("Asia/Kolkata", "25 November 2026, 09:20 IST"),
     ("America/New_York", "24 November 2026, 22:50 EST"), (None, "25 November 2026, 03:50 UTC")],
    indirect=["zone"],
)  # fmt: skip
@pytest.mark.usefixtures("zone")
def test_a_time_is_shown_in_the_zone_of_the_viewer(text: str) -> None:
    assert texts.timestamp(AT) == text.replace(":", "\\:")


def test_a_time_that_never_was_is_shown_in_words() -> None:
    assert (texts.timestamp(None), texts.timestamp(None, never="no expiry")) == ("never", "no expiry")
    assert (texts.ago(None), texts.ago(None, never="not yet")) == ("never", "not yet")
    assert texts.ago(utc_now() - timedelta(hours=3, minutes=1)) == "3 hours ago"


def test_quantities_have_the_right_number_and_separators() -> None:
    assert [texts.quantity(count, "person", "people") for count in (0, 1, 2, 1200)] == [
        "0 people", "1 person", "2 people", "1,200 people",
    ]  # fmt: skip
    assert [texts.quantity(count, "session") for count in (1, 2)] == ["1 session", "2 sessions"]
    assert (texts.counted(37, capped=False), texts.counted(1000, capped=True)) == ("37", "1,000+")


def test_names_are_listed_as_markdown_safe_text() -> None:
    assert [texts.listed(["a", "b", "c"][:count]) for count in range(4)] == ["", "a", "a and b", "a, b and c"]
    assert texts.listed(list("abcdefg")) == "a, b, c, d, e and 2 more"
    assert texts.listed(list("abc"), limit=1) == "a and 2 more"
    assert texts.listed(["**x**", "y" * 100]) == f"\\*\\*x\\*\\* and {'y' * 79}…"
