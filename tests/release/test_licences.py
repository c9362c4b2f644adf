"""Licences: permissive ones only, whatever form a package declares them in, and exceptions that are in use."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.release.licences import LicencePolicy, policy
from tests.release.sbom import environment, runtime_part

CLASSIFIER = "License :: OSI Approved :: BSD License"
POLICY = LicencePolicy(frozenset({"MIT", "BSD-3-Clause", "Apache-2.0"}), {CLASSIFIER: "BSD-3-Clause"}, {})


def component(*licences: dict[str, Any], name: str = "Some_Package") -> dict[str, Any]:
    return {"name": name, "licenses": list(licences)}


def identifier(text: str) -> dict[str, Any]:
    return {"license": {"id": text}}


def test_every_package_of_an_installation_has_an_accepted_licence() -> None:
    assert policy().faults(runtime_part(environment())["components"]) == []


@pytest.mark.parametrize(
    "licences",
    [
        [identifier("MIT")],
        [{"expression": "MIT OR GPL-3.0-only"}],
        [{"expression": "MIT AND (GPL-2.0-only OR Apache-2.0)"}],
        [{"license": {"name": CLASSIFIER}}],
        [identifier("BSD-3-Clause"), {"license": {"name": CLASSIFIER}}],
    ],
)
def test_a_permissive_licence_is_accepted(licences: list[dict[str, Any]]) -> None:
    assert POLICY.faults([component(*licences)]) == []


@pytest.mark.parametrize(
    "licences",
    [
        [],
        [identifier("GPL-3.0-or-later")],
        [identifier("AGPL-3.0-only")],
        [identifier("MPL-2.0")],
        [{"expression": "MIT AND LGPL-3.0-only"}],
        [{"expression": "MIT WITH Classpath-exception-2.0"}],
        [{"license": {"name": "License :: Other/Proprietary License"}}],
        [{"license": {"name": "Do with it as you like"}}],
        [identifier("MIT"), identifier("GPL-2.0-only")],
        [{"license": {"name": CLASSIFIER}}, identifier("GPL-2.0-only")],
    ],
)
def test_any_other_licence_is_a_fault(licences: list[dict[str, Any]]) -> None:
    (fault,) = POLICY.faults([component(*licences)])
    assert fault.startswith("some-package ")


def test_an_exception_is_for_one_package_and_one_licence() -> None:
    excepting = LicencePolicy(frozenset({"MIT"}), {}, {"one": "MPL-2.0", "none": "MIT"})
    good = [component(identifier("MPL-2.0"), name="One"), component(name="none")]
    assert excepting.faults(good) == []
    assert excepting.faults([component(identifier("GPL-2.0-only"), name="one"), good[1]]) == [
        "one has the licence GPL-2.0-only"
    ]
    assert excepting.faults([*good, component(identifier("MPL-2.0"), name="two")]) == ["two has the licence MPL-2.0"]


def test_an_exception_without_a_use_is_a_fault() -> None:
    excepting = LicencePolicy(frozenset({"MIT"}), {}, {"one": "MPL-2.0", "gone": "MPL-2.0"})
    assert excepting.faults([component(identifier("MIT"), name="one")]) == [
        "the exception for gone is not needed",
        "the exception for one is not needed",
    ]


def test_an_exception_needs_a_reason(tmp_path: Path) -> None:
    file = tmp_path / "licences.toml"
    file.write_text(
        'allowed = ["MIT"]\n[classifiers]\n[[exception]]\npackage = "one"\nlicence = "MPL-2.0"\nreason = ""\n'
    )
    with pytest.raises(ValueError, match="reason"):
        policy(file)
