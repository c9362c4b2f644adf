"""The button that asks a signed-in user to sign in again: its data, and its link."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app.core.assurance import MULTI_FACTOR, SignInRequirement
from component.auth0 import component_data, confirm_data
from tests.node import node

FRONTEND = Path(__file__).resolve().parents[2] / "component" / "frontend"


@pytest.mark.parametrize(
    ("requirement", "step_up"),
    [
        (SignInRequirement(max_age_seconds=3600), {"fresh": True, "acr": ""}),
        (SignInRequirement(max_age_seconds=0), {"fresh": True, "acr": ""}),
        (SignInRequirement(acr=MULTI_FACTOR), {"fresh": False, "acr": MULTI_FACTOR}),
        (SignInRequirement(60, MULTI_FACTOR), {"fresh": True, "acr": MULTI_FACTOR}),
    ],
)
def test_its_data_names_the_requirement(requirement: SignInRequirement, step_up: dict[str, object]) -> None:
    assert confirm_data(requirement) == component_data(None) | {"stepUp": step_up}
    assert "stepUp" not in component_data(None)


def _script() -> None:
    from app.core.assurance import SignInRequirement
    from component.auth0 import confirm

    confirm(key="confirm", step_up=SignInRequirement(max_age_seconds=3600))


def test_it_draws() -> None:
    assert not AppTest.from_function(_script, default_timeout=60).run().exception


CHECKS = """
import { readFileSync } from "node:fs"
const source = readFileSync(process.argv[1], "utf8")
const { signInUrl, stepUpQuery } = await import("data:text/javascript," + encodeURIComponent(source))
const location = { pathname: "/reports", search: "?range=7+days" }
const requirements = [{ fresh: true, acr: "" }, { fresh: false, acr: "urn:a&b" }, { fresh: true, acr: "urn:gold" }]
console.log(JSON.stringify(requirements.map((requirement) => signInUrl("/", location) + stepUpQuery(requirement))))
"""


def test_its_link_requests_the_step_up() -> None:
    ran = subprocess.run(
        [node(), "--input-type=module", "-e", CHECKS, str(FRONTEND / "urls.js")],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    back = "/auth/login?return_to=%2Freports%3Frange%3D7%2Bdays&step_up=1"
    assert json.loads(ran.stdout) == [
        f"{back}&max_age=0",
        f"{back}&acr_values=urn%3Aa%26b",
        f"{back}&max_age=0&acr_values=urn%3Agold",
    ]
