"""The pictures of the documentation: rows of the table, at one size and in one scheme."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.docs.project_files import ROOT

FOLDER: Final = ROOT / "docs" / "images"
MAX_BYTES: Final = 150_000


@dataclass(frozen=True)
class Picture:
    """A picture of the documentation.

    Args:
        file: Its name in ``docs/images``.
        shot: The row of the table.
        width: In pixels.
        height: In pixels.
        dark: The colour scheme.
    """

    file: str
    shot: str
    width: int = 1280
    height: int = 800
    dark: bool = False

    @property
    def path(self) -> Path:
        """Where it is."""
        return FOLDER / self.file


PICTURES: Final = (
    Picture("sign-in.png", "sign-in-for-a-page", height=560),
    Picture("home.png", "home-analyst"),
    Picture("no-access.png", "no-access", height=640),
    Picture("people.png", "people"),
    Picture("person.png", "person"),
    Picture("review-a-role.png", "role-review"),
    Picture("access-matrix.png", "access"),
    Picture("audit.png", "audit", dark=True),
    Picture("step-up.png", "reports-step-up"),
    Picture("expired.png", "expired", height=640),
)
