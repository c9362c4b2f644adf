"""The Streamlit component: the data of its front end, that it is found when installed, and the front end's rules."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from component.auth0 import Account, component_data

FRONTEND = Path(__file__).resolve().parents[2] / "component" / "frontend"
ANN = Account(
    "Ann Example", "AE", "https://pictures.example.com/ann.png", ("viewer",), datetime(2026, 1, 2, tzinfo=UTC)
)


def test_an_anonymous_user_gets_a_sign_in_link() -> None:
    assert component_data(None, return_to="/reports") == {"returnTo": "/reports", "account": None, "silent": False}
    assert component_data(None, silent_sign_in=True)["silent"] is True


def test_an_account_is_plain_data() -> None:
    payload = component_data(ANN)
    assert json.loads(json.dumps(payload)) == payload
    assert payload["account"] == {
        "name": "Ann Example",
        "initials": "AE",
        "picture": "",
        "roles": ["viewer"],
        "validUntil": "2026-01-02T00:00:00+00:00",
        "expiresAt": "",
        "idleSeconds": 0,
        "warnSeconds": 0,
        "session": "",
        "rights": "",
    }
    ends = component_data(replace(ANN, ends_at=datetime(2026, 1, 1, 23, tzinfo=UTC), idle_seconds=60))["account"]
    assert (ends["expiresAt"], ends["idleSeconds"]) == ("2026-01-01T23:00:00+00:00", 60)


@pytest.mark.parametrize(
    ("picture", "shown"),
    [
        ("https://pictures.example.com/ann.png", True),
        ("https://PICTURES.example.com/ann.png", True),
        ("http://pictures.example.com/ann.png", False),
        ("https://evil.example/ann.png", False),
        ("https://pictures.example.com@evil.example/", False),
        ("https://ann@pictures.example.com/", False),
        ("javascript:alert(1)", False),
        ("https://[", False),
        ("", False),
    ],
)
def test_pictures_only_from_configured_hosts(picture: str, shown: bool) -> None:
    account = Account("Ann", "A", picture, (), ANN.valid_until)
    payload = component_data(account, picture_hosts=("pictures.example.com",))
    assert bool(payload["account"]["picture"]) is shown


def test_the_data_of_an_account_is_bounded() -> None:
    hostile = Account("x" * 10_240, "ABCDEF", "", tuple("r" * 10_240 for _ in range(100)), ANN.valid_until)
    assert len(json.dumps(component_data(hostile))) < 6_000


def _script() -> None:
    from datetime import UTC, datetime

    from component.auth0 import Account, auth0

    auth0(key="anonymous", account=None)
    auth0(key="ann", account=Account("Ann", "A", "", (), datetime(2026, 1, 2, tzinfo=UTC)))


def test_it_is_found_and_draws() -> None:
    """The packaged component is registered by name; without the installed project this raises."""
    at = AppTest.from_function(_script, default_timeout=60).run()
    assert not at.exception


def test_nothing_else_is_served_from_the_front_end_folder() -> None:
    assert sorted(path.name for path in FRONTEND.iterdir()) == [
        "account.js",
        "auth0.js",
        "browser-tabs.js",
        "dom.js",
        "event-channel.js",
        "event-console.js",
        "expiry-overlay.js",
        "expiry-warning.js",
        "focus-keeper.js",
        "navigation.js",
        "popup.js",
        "reachability.js",
        "relative-time.js",
        "session-client.js",
        "sign-in-watcher.js",
        "sign-in.js",
        "style.js",
        "table-cells.js",
        "table-controls.js",
        "table-rows.js",
        "table-style.js",
        "table-view.js",
        "table.js",
        "urls.js",
        "user-activity.js",
        "view.js",
    ]


@pytest.mark.parametrize("module", sorted(FRONTEND.iterdir()), ids=lambda path: path.name)
def test_the_front_end_shows_text_as_text(module: Path) -> None:
    code = module.read_text()
    assert code.startswith("// @ts-check")
    for dangerous in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "new Function",
        "localStorage",
    ):
        assert dangerous not in code
