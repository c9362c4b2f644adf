"""The bill of materials has each locked package of an installation, with version and licence, and no other."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest

from tests.release.licences import policy
from tests.release.locked_packages import locked
from tests.release.sbom import LOCK, Document, SbomError, as_json, environment, name_of, runtime_part, with_licences


@pytest.fixture
def document() -> Document:
    return copy.deepcopy(with_licences(runtime_part(environment()), policy().exceptions))


def test_it_has_the_locked_packages_with_their_licences(document: Document) -> None:
    written = json.loads(as_json(document))
    packages = {package.name: str(package.version) for package in locked(LOCK) if package.applies}
    assert {name_of(row): row["version"] for row in written["components"]} == packages
    assert {"flask", "streamlit", "pyjwt"} <= packages.keys()
    assert not {"pytest", "ruff", "cyclonedx-bom"} & packages.keys()
    assert all(row["licenses"] and row["purl"].startswith("pkg:pypi/") for row in written["components"])
    assert written["metadata"]["component"]["name"] == "streamlit-gatehouse"
    assert (written["bomFormat"], written["specVersion"]) == ("CycloneDX", "1.6")


def test_its_dependencies_are_among_its_components(document: Document) -> None:
    references = {row["bom-ref"] for row in [document["metadata"]["component"], *document["components"]]}
    (flask,) = (reference for reference in references if reference.startswith("Flask=="))
    edges = {row["ref"]: set(row.get("dependsOn", ())) for row in document["dependencies"]}
    assert edges.keys() == references
    assert set().union(*edges.values()) <= references
    assert any(name_of({"name": each.partition("==")[0]}) == "werkzeug" for each in edges[flask])


def test_it_has_neither_a_time_nor_a_random_number(document: Document) -> None:
    assert "timestamp" not in document["metadata"]
    assert "serialNumber" not in document


def test_a_package_that_is_not_installed_as_locked_is_an_error(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text("flask==0.1 \\\n    --hash=sha256:0\nno-such-package==1.0 \\\n    --hash=sha256:0\n")
    with pytest.raises(SbomError, match=r"flask 0\.1, no-such-package 1\.0"):
        runtime_part(environment(), lock)


def test_a_package_for_another_environment_is_omitted(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text("no-such-package==1.0 ; python_full_version < '3.0' \\\n    --hash=sha256:0\n")
    assert runtime_part(environment(), lock)["components"] == []


def test_an_invalid_document_and_a_path_of_this_machine_are_errors(document: Document) -> None:
    with pytest.raises(SbomError, match="does not conform"):
        as_json(document | {"components": [{"type": "library"}]})
    document["metadata"]["component"]["description"] = "/home/ann/gatehouse"
    with pytest.raises(SbomError, match="path of this machine"):
        as_json(document)
