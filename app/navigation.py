"""The pages: one row each. The row names the page's permission, which the page requires by ``require_page``."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Literal

from app.core.permissions import Permission

PAGES_FOLDER: Final = Path(__file__).resolve().parent.parent / "pages"


@dataclass(frozen=True, slots=True)
class PageRow:
    """One page. ``permission`` None opens it to every signed-in user; an empty ``path`` is the start page's."""

    file: str
    path: str
    title: str
    icon: str
    section: str
    permission: Permission | None
    layout: Literal["wide", "centered"] = "wide"
    development_only: bool = False
    """Whether the page does not exist in production; in development it is not in the navigation."""

    @property
    def script(self) -> Path:
        """The page's script."""
        return _script(PAGES_FOLDER, self.file)


@cache
def _script(folder: Path, file: str) -> Path:
    """A script's path, created once so that its hash is cached: ``app.page_registry`` needs it in every run."""
    return folder / file


PAGES: Final = (
    PageRow("home.py", "", "Home", ":material/home:", "", None),
    PageRow("usage_report.py", "reports", "Usage report", ":material/monitoring:", "Work", Permission.READ_REPORTS),
    PageRow("csv_explorer.py", "csv", "CSV explorer", ":material/table_view:", "Work", Permission.EXPLORE_FILES),
    PageRow("api_explorer.py", "api-explorer", "API explorer", ":material/api:", "Build", Permission.EXPLORE_API),
    PageRow(
        "gallery.py", "gallery", "Gallery", ":material/palette:", "Build", Permission.EXPLORE_API, development_only=True
    ),
    PageRow("overview.py", "admin", "Overview", ":material/dashboard:", "Administration", Permission.READ_STATISTICS),
    PageRow("people.py", "people", "People", ":material/group:", "Administration", Permission.READ_PEOPLE),
    PageRow("roles.py", "roles", "Roles", ":material/badge:", "Administration", Permission.READ_ROLES),
    PageRow(
        "access_matrix.py", "access", "Access matrix", ":material/grid_on:", "Administration", Permission.READ_GUARDS
    ),
    PageRow("mappings.py", "mappings", "Mappings", ":material/swap_horiz:", "Administration", Permission.READ_MAPPINGS),
    PageRow("sessions.py", "sessions", "Sessions", ":material/devices:", "Administration", Permission.READ_SESSIONS),
    PageRow("audit.py", "audit", "Audit", ":material/history:", "Administration", Permission.READ_AUDIT),
    PageRow("profile.py", "profile", "Profile", ":material/account_circle:", "You", None, layout="centered"),
)


def served(*, production: bool) -> tuple[PageRow, ...]:
    """The pages of this installation."""
    return tuple(row for row in PAGES if not (production and row.development_only))


def mistakes() -> list[str]:
    """Faults of the pages, one sentence each: the app checks them at start, and serves no unguarded page."""
    faults = []
    for row in PAGES:
        if not row.script.is_file():
            faults.append(f"app/navigation.py has a row for pages/{row.file}, and there is no such file.")
        elif not _requires_row(row.script):
            faults.append(f"pages/{row.file}: its first statement after the imports must be access.require_page().")
    starts = [row.file for row in PAGES if not row.path]
    if starts != [PAGES[0].file] or len({row.path for row in PAGES}) != len(PAGES):
        faults.append("app/navigation.py: the first row, and no other, has an empty path; no path is there twice.")
    rows = {row.file for row in PAGES}
    faults += [
        f"pages/{script.name} has no row in app/navigation.py."
        for script in sorted(PAGES_FOLDER.glob("*.py"))
        if script.name not in rows
    ]
    return faults


def _requires_row(script: Path) -> bool:
    """Whether the first statement that does anything is ``access.require_page()``."""
    for statement in ast.parse(script.read_text(encoding="utf-8")).body:
        documentation = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        if not documentation and not isinstance(statement, ast.Import | ast.ImportFrom):
            return ast.unparse(statement) == "access.require_page()"
    return False


BY_PATH: Final = {row.path: row for row in PAGES}
BY_FILE: Final = {row.file: row for row in PAGES}
