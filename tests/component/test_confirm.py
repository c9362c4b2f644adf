"""The button that asks a signed-in person to confirm that it is them: what it is told, and where it leads."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app.core.assurance import MULTI_FACTOR, Requirement
from component.auth0 import component_data, confirm_data
from tests.node import node

FRONTEND = Path(__file__).resolve().parents[2] / "component" / "frontend"


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (Requirement(max_age_seconds=3600), {"fresh": True, "acr": ""}),
        (Requirement(max_age_seconds=0), {"fresh": True, "acr": ""}),
        (Requirement(acr=MULTI_FACTOR), {"fresh": False, "acr": MULTI_FACTOR}),
        (Requirement(60, MULTI_FACTOR), {"fresh": True, "acr": MULTI_FACTOR}),
    ],
)
def test_what_it_is_told(asked: Requirement, told: dict[str, object]) -> None:
    assert confirm_data(asked) == component_data(None) | {"stepUp": told}
    assert "stepUp" not in component_data(None)


def _script() -> None:
    from app.core.assurance import Requirement
    from component.auth0 import confirm

    confirm(key="confirm", step_up=Requirement(max_age_seconds=3600))


def test_it_draws() -> None:
    assert not AppTest.from_function(_script, default_timeout=20).run().exception


CHECKS = """
import { readFileSync } from "node:fs"
const source = readFileSync(process.argv[1], "utf8")
const { signInAddress, stepUpQuery } = await import("data:text/javascript," + encodeURIComponent(source))
const here = { pathname: "/reports", search: "?range=7+days" }
const asked = [{ fresh: true, acr: "" }, { fresh: false, acr: "urn:a&b" }, { fresh: true, acr: "urn:gold" }]
console.log(JSON.stringify(asked.map((one) => signInAddress("/", here) + stepUpQuery(one))))
"""


def test_where_it_leads() -> None:
    ran = subprocess.run(
        [node(), "--input-type=module", "-e", CHECKS, str(FRONTEND / "addresses.js")],
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
