"""The software bill of materials: the locked packages of an installation, as CycloneDX JSON.

``cyclonedx-py`` describes the whole environment; what the tests alone need is removed from its document.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.release.locked_packages import locked

ROOT: Final = Path(__file__).resolve().parents[2]
LOCK: Final = ROOT / "requirements.lock"

Document = dict[str, Any]


class SbomError(Exception):
    """The environment is not what the lock file says, or the document is not valid."""


@cache
def environment() -> Document:
    """The description of the environment that runs this, without times and random numbers."""
    command = [
        sys.executable, "-m", "cyclonedx_py", "environment", sys.executable, "--no-validate", "--output-reproducible",
        "--pyproject", str(ROOT / "pyproject.toml"), "--mc-type", "application", "--output-format", "JSON",
    ]  # fmt: skip
    document: Document = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return document


def runtime_part(document: Document, lock: Path = LOCK) -> Document:
    """The part of ``document`` that the lock file names.

    Raises:
        SbomError: A locked package is not installed, or in another version.
    """
    versions = {package.name: package.version for package in locked(lock) if package.applies}
    kept = {name_of(row): row for row in document["components"] if name_of(row) in versions}
    different = [
        f"{name} {number}"
        for name, number in versions.items()
        if name not in kept or Version(kept[name]["version"]) != number
    ]
    if different:
        raise SbomError(f"not installed as locked: {', '.join(sorted(different))}")
    root = document["metadata"]["component"]["bom-ref"]
    references = {root, *(row["bom-ref"] for row in kept.values())}
    dependencies = []
    for row in document["dependencies"]:
        if row["ref"] in references:
            on = [each for each in row.get("dependsOn", ()) if each in references]
            dependencies.append({"ref": row["ref"]} | ({"dependsOn": on} if on else {}))
    components = sorted(kept.values(), key=name_of)
    return document | {"components": components, "dependencies": dependencies}


def with_licences(document: Document, licences: Mapping[str, str]) -> Document:
    """``document`` with the licences of packages that declare none: name → SPDX identifier."""
    components = [
        row
        if row.get("licenses")
        else row | {"licenses": [{"license": {"id": licences[name_of(row)], "acknowledgement": "concluded"}}]}
        for row in document["components"]
    ]
    return document | {"components": components}


def name_of(component: Mapping[str, Any]) -> str:
    """The name of a component in the spelling of the index."""
    return str(canonicalize_name(component["name"]))


def as_json(document: Document) -> str:
    """The document as text.

    Raises:
        SbomError: It does not conform to the schema of CycloneDX, or names a path of this machine.
    """
    text = json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    version = SchemaVersion.from_version(document["specVersion"])
    if (fault := JsonStrictValidator(version).validate_str(text)) is not None:
        raise SbomError(f"the document does not conform to CycloneDX {document['specVersion']}: {fault.data}")
    if re.search(r"file://|/home/|/root/", text):
        raise SbomError("the document names a path of this machine")
    return text
