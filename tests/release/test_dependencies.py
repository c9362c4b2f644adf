"""Dependencies are no older than the versions that fix known vulnerabilities, wherever a version is named."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import PackageNotFoundError, version
from itertools import chain
from typing import Final

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.release.locked_packages import locked
from tests.stack import ROOT

OLDEST: Final = {"pyjwt": "2.13", "flask": "3.1.3", "streamlit": "1.54", "starlette": "1.1"}
"""Package → the oldest version without a published vulnerability that concerns Gatehouse."""
REFUSED: Final = {"python-jose": "it confuses algorithms (CVE-2024-33663) and is hardly maintained; PyJWT verifies"}
"""Package → why nothing may depend on it."""
LOCKS: Final = ("requirements.lock", "requirements-dev.lock")
PROJECT: Final = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
DECLARED: Final = [Requirement(line) for line in PROJECT["project"]["dependencies"]]


@pytest.mark.parametrize(("name", "oldest"), OLDEST.items())
def test_no_older_version_can_be_installed(name: str, oldest: str) -> None:
    (declared,) = [requirement for requirement in DECLARED if canonicalize_name(requirement.name) == name]
    major, _, minor = oldest.partition(".")
    for older in ("0.1", f"{int(major) - 1}.99.99", f"{major}.{int(minor.partition('.')[0]) - 1}.99"):
        assert not declared.specifier.contains(older), f"{declared} admits {older}"
    for lock in LOCKS:
        versions = [pinned.version for pinned in locked(ROOT / lock) if pinned.name == name]
        assert versions or lock != LOCKS[0]
        assert all(each >= Version(oldest) for each in versions), lock
    assert Version(version(name)) >= Version(oldest), "the installed one"


@pytest.mark.parametrize("name", REFUSED)
def test_a_refused_package_is_neither_declared_nor_locked_nor_installed(name: str) -> None:
    groups = PROJECT["dependency-groups"].values()
    extras = PROJECT["project"]["optional-dependencies"].values()
    declared = [line for line in chain(*groups, *extras) if isinstance(line, str)]
    names = {canonicalize_name(Requirement(line).name) for line in declared} | {row.name for row in DECLARED}
    names |= {pinned.name for lock in LOCKS for pinned in locked(ROOT / lock)}
    assert name not in names
    with pytest.raises(PackageNotFoundError):
        version(name)


def test_every_locked_package_has_a_version_and_hashes() -> None:
    for lock in LOCKS:
        text = (ROOT / lock).read_text(encoding="utf-8")
        blocks = re.split(r"\n(?=\S)", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE))
        packages = locked(ROOT / lock)
        assert len(packages) == len(blocks) > 10
        assert all("--hash=sha256:" in block for block in blocks)
