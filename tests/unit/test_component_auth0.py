"""The Streamlit component: what its front end is told, that it is found when installed, and the front end's rules."""

from __future__ import annotations

import json
import shutil
import subprocess
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


def test_nobody_gets_a_way_in() -> None:
    assert component_data(None, return_to="/reports") == {"returnTo": "/reports", "account": None, "silent": False}
    assert component_data(None, silent=True)["silent"] is True


def test_a_person_is_told_in_plain_data() -> None:
    told = component_data(ANN)
    assert json.loads(json.dumps(told)) == told
    assert told["account"] == {
        "name": "Ann Example",
        "initials": "AE",
        "picture": "",
        "roles": ["viewer"],
        "validUntil": "2026-01-02T00:00:00+00:00",
        "expiresAt": "",
        "idleSeconds": 0,
        "warnSeconds": 0,
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
    told = component_data(account, picture_hosts=("pictures.example.com",))
    assert bool(told["account"]["picture"]) is shown


def test_what_is_told_is_bounded() -> None:
    hostile = Account("x" * 10_240, "ABCDEF", "", tuple("r" * 10_240 for _ in range(100)), ANN.valid_until)
    assert len(json.dumps(component_data(hostile))) < 6_000


def _script() -> None:
    from datetime import UTC, datetime

    from component.auth0 import Account, auth0

    auth0(key="nobody", account=None)
    auth0(key="ann", account=Account("Ann", "A", "", (), datetime(2026, 1, 2, tzinfo=UTC)))


def test_it_is_found_and_draws() -> None:
    """The packaged component is registered by name; without the installed project this raises."""
    at = AppTest.from_function(_script, default_timeout=20).run()
    assert not at.exception


def test_nothing_else_is_served_from_the_front_end_folder() -> None:
    assert sorted(path.name for path in FRONTEND.iterdir()) == ["auth0.js"]


def test_the_front_end_shows_text_as_text() -> None:
    code = (FRONTEND / "auth0.js").read_text()
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


CHECKS = """
import { readFileSync } from "node:fs"
const source = readFileSync(process.argv[1], "utf8")
const module = await import("data:text/javascript," + encodeURIComponent(source))
const { askIn, signInAddress, signedOutAddress, validUntil, warningText } = module
const ends = { expiresAt: "2031-05-06T08:00:00+00:00", idleSeconds: 3600, warnSeconds: 120 }
const at = (text) => Date.parse(text)
console.log(JSON.stringify({
  here: signInAddress("/", { pathname: "/reports", search: "?region=emea&x=1" }),
  given: signInAddress("/files", { pathname: "/reports", search: "" }),
  silent: signInAddress("/", { pathname: "/reports", search: "" }, true),
  ask: [
    askIn(ends, at("2031-05-06T07:30:00+00:00")),
    askIn(ends, at("2031-05-06T07:59:00+00:00")),
    askIn(ends, at("2031-05-06T09:59:00+00:00")),
    askIn(ends, at("2031-05-06T02:00:00+00:00")),
    askIn({ ...ends, expiresAt: "" }, 0),
    askIn({ ...ends, idleSeconds: 0 }, 0),
  ],
  warning: [warningText(true, 0), warningText(false, 0)],
  out: ["https://id.example/x", "http://localhost:9000/x", "/", "/x", "//evil.example", "/\\\\evil.example",
        "javascript:alert(1)", "JAVASCRIPT:x", "data:x", "", null, 5, {}].map(signedOutAddress),
  until: [validUntil("nonsense"), validUntil("2031-05-06T07:08:09+00:00")],
}))
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_where_the_front_end_sends_people() -> None:
    ran = subprocess.run(
        ["node", "--input-type=module", "-e", CHECKS, str(FRONTEND / "auth0.js")],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    found = json.loads(ran.stdout)
    assert found["here"] == "/auth/login?return_to=%2Freports%3Fregion%3Demea%26x%3D1"
    assert found["given"] == "/auth/login?return_to=%2Ffiles"
    assert found["silent"] == "/auth/login?silent=1&return_to=%2Freports"
    # In time; late; long over; by a clock that is hours slow no later than a session lasts; nobody to be warned.
    assert found["ask"] == [28 * 60_000, 0, 0, 58 * 60_000, None, None]
    assert "will be signed out at" in found["warning"][0]
    assert "have to sign in again at" in found["warning"][1]
    assert found["out"] == ["https://id.example/x", "http://localhost:9000/x", "/", "/x"] + ["/"] * 9
    assert found["until"][0] == ""
    assert found["until"][1].startswith("Signed in until ")
    assert "2031" in found["until"][1]
