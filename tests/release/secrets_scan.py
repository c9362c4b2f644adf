"""A scan of the tracked files for secrets, with the exceptions of ``secrets.toml`` beside this module."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from detect_secrets.core.secrets_collection import SecretsCollection
from detect_secrets.settings import default_settings

FILE: Final = Path(__file__).with_name("secrets.toml")
HASHED: Final = {"requirements.lock", "requirements-dev.lock", "tests/frontend/package-lock.json"}
"""Files of hashes, which look like secrets."""
SKIPPED_SUFFIXES: Final = {".png", ".ico"}
_TAG_CHARACTERS: Final = 8


@dataclass(frozen=True, order=True)
class Finding:
    """A text that may be a secret, without the text."""

    file: str
    """Path in the project."""
    tag: str
    """The first characters of its SHA-1, by which an exception names it."""
    line: int
    detector: str


def scan(root: Path, files: Iterable[Path], processes: int = 2) -> list[Finding]:
    """The texts in ``files``, which are relative to ``root``, that may be secrets; each is reported once."""
    names = [file.as_posix() for file in files if file.as_posix() not in HASHED and file.suffix not in SKIPPED_SUFFIXES]
    secrets = SecretsCollection(root=str(root))
    with default_settings():
        secrets.scan_files(*(str(root / name) for name in names), num_processors=processes)
    findings = {}
    for path, secret in secrets:
        name = (root / path).relative_to(root).as_posix()  # the library makes some paths relative, and others not
        tag = secret.secret_hash[:_TAG_CHARACTERS]
        findings[name, tag] = Finding(name, tag, secret.line_number, secret.type)
    return sorted(findings.values())


def faults(findings: Iterable[Finding], exceptions: Mapping[tuple[str, str], str]) -> list[str]:
    """A sentence for each finding without an exception, and for each exception without a finding."""
    unexpected, used = [], set()
    for finding in findings:
        key = (finding.file, finding.tag)
        used.add(key)
        if key not in exceptions:
            unexpected.append(f"{finding.file}:{finding.line}: {finding.detector} ({finding.tag})")
    unused = [f"{file}: the exception for {tag} is not needed" for file, tag in sorted(exceptions.keys() - used)]
    return unexpected + unused


def exceptions_of(file: Path = FILE) -> dict[tuple[str, str], str]:
    """The exceptions of the file: path and tag → reason.

    Raises:
        ValueError: An exception has no reason.
    """
    rows = tomllib.loads(file.read_text(encoding="utf-8"))["exception"]
    if not all(row["reason"] for row in rows):
        raise ValueError("an exception has no reason")
    return {(row["file"], tag): row["reason"] for row in rows for tag in row["tags"]}
