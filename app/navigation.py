"""The pages: one row each. The row says which permission a page asks for; the page asks it by ``require_page``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from app.core.permissions import Permission

PAGES_FOLDER: Final = Path(__file__).resolve().parent.parent / "pages"


@dataclass(frozen=True, slots=True)
class PageRow:
    """One page. ``permission`` None means anybody who is signed in; ``path`` empty means the start page."""

    file: str
    path: str
    title: str
    icon: str
    section: str
    permission: Permission | None

    @property
    def script(self) -> Path:
        """The page's script."""
        return PAGES_FOLDER / self.file


PAGES: Final = (
    PageRow("home.py", "", "Home", ":material/home:", "", None),
    PageRow("usage_report.py", "reports", "Usage report", ":material/monitoring:", "Work", Permission.READ_REPORTS),
    PageRow("csv_explorer.py", "csv", "CSV explorer", ":material/table_view:", "Work", Permission.EXPLORE_FILES),
    PageRow("api_explorer.py", "api-explorer", "API explorer", ":material/api:", "Build", Permission.EXPLORE_API),
    PageRow("profile.py", "profile", "Profile", ":material/account_circle:", "You", None),
)

BY_PATH: Final = {row.path: row for row in PAGES}
BY_FILE: Final = {row.file: row for row in PAGES}
