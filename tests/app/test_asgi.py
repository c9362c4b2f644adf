"""The options that the app passes to Streamlit."""

from __future__ import annotations

import pytest

from app import testing
from app.asgi import streamlit_options


@pytest.mark.parametrize(
    ("production", "variable", "kind"),
    [
        (False, None, "auto"),
        (False, "", "auto"),
        (False, "poll", "poll"),
        (False, "none", "none"),
        (True, None, "none"),
        (True, "poll", "none"),
    ],
)
def test_files_are_watched_in_development_only(
    monkeypatch: pytest.MonkeyPatch, *, production: bool, variable: str | None, kind: str
) -> None:
    monkeypatch.delenv("STREAMLIT_SERVER_FILE_WATCHER_TYPE", raising=False)
    if variable is not None:
        monkeypatch.setenv("STREAMLIT_SERVER_FILE_WATCHER_TYPE", variable)
    settings = testing.settings(gatehouse_env="production" if production else "development")
    with testing.gatehouse(settings) as services:
        options = streamlit_options(services, address="127.0.0.1", port=1)
    assert options["server.fileWatcherType"] == kind
