"""The packages of a lock file, as uv writes it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from packaging.markers import Marker
from packaging.utils import canonicalize_name
from packaging.version import Version

_LINE: Final = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^ \\;]+)(?: ; ([^\\\n]+))?", re.MULTILINE)


@dataclass(frozen=True)
class LockedPackage:
    """One package of a lock file."""

    name: str
    """In the spelling of the index: lower case, with hyphens."""
    version: Version
    marker: Marker | None
    """The environments that it is for; None for all."""

    @property
    def applies(self) -> bool:
        """Whether it is for this machine and this version of Python."""
        return self.marker is None or self.marker.evaluate()


def locked(file: Path) -> list[LockedPackage]:
    """The packages of the lock file, for all environments, in its order."""
    return [
        LockedPackage(canonicalize_name(name), Version(number), Marker(marker) if marker else None)
        for name, number, marker in _LINE.findall(file.read_text(encoding="utf-8"))
    ]
