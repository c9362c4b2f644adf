"""Pages for development: in production they do not exist, not even for the user who may open them elsewhere."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from app import testing
from app.core.settings import Settings
from app.navigation import PAGES

PRODUCTION = testing.settings(
    gatehouse_env="production", app_base_url="https://app.example", remote_api_base_url="https://api.example"
)


def opened(settings: Settings) -> AppTest:
    """The gallery, as an administrator requests it."""
    with testing.gatehouse(settings):
        at = testing.open_app("/gallery")
        testing.sign_in_as(at, roles=["administrator"])
        testing.open_page(at, "gallery.py")
        return at


def test_a_page_for_development_opens_there() -> None:
    assert opened(testing.settings()).title[0].value == "Gallery"


def test_a_page_for_development_is_not_registered_in_production() -> None:
    with pytest.raises(ValueError, match="Could not find a navigation page"):
        opened(PRODUCTION)


def test_its_script_refuses_to_run_in_production_even_if_it_is_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.navigation.served", lambda **_: PAGES)
    at = opened(PRODUCTION)
    assert "Gallery" not in [title.value for title in at.title]
    assert "exists in development only" in at.error[0].value
