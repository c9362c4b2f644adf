"""Who opens each page: every built-in role, no role, blocked and anonymous users. Enter new pages and roles here."""

from __future__ import annotations

import pytest

from app import formatting, testing
from app.core.permissions import ROLES
from app.navigation import PAGES
from tests.apptest.conftest import AppInstallation

# Page → user → its own title, the missing permission, or sign-in.
MATRIX: dict[str, dict[str, str]] = {
    "home.py": {
        "anonymous": "Sign in", "no role": "Welcome, Test", "administrator": "Welcome, Test",
        "analyst": "Welcome, Test", "viewer": "Welcome, Test", "auditor": "Welcome, Test",
        "developer": "Welcome, Test", "blocked": "blocked",
    },
    "usage_report.py": {
        "anonymous": "Sign in", "no role": "read:reports", "administrator": "Usage report", "analyst": "Usage report",
        "viewer": "Usage report", "auditor": "Usage report", "developer": "read:reports", "blocked": "blocked",
    },
    "csv_explorer.py": {
        "anonymous": "Sign in", "no role": "explore:files", "administrator": "CSV explorer", "analyst": "CSV explorer",
        "viewer": "explore:files", "auditor": "explore:files", "developer": "explore:files", "blocked": "blocked",
    },
    "api_explorer.py": {
        "anonymous": "Sign in", "no role": "explore:api", "administrator": "API explorer", "analyst": "explore:api",
        "viewer": "explore:api", "auditor": "explore:api", "developer": "API explorer", "blocked": "blocked",
    },
    "gallery.py": {
        "anonymous": "Sign in", "no role": "explore:api", "administrator": "Gallery", "analyst": "explore:api",
        "viewer": "explore:api", "auditor": "explore:api", "developer": "Gallery", "blocked": "blocked",
    },
    "roles.py": {
        "anonymous": "Sign in", "no role": "read:roles", "administrator": "Roles",
        "analyst": "read:roles", "viewer": "read:roles", "auditor": "Roles",
        "developer": "read:roles", "blocked": "blocked",
    },
    "access_matrix.py": {
        "anonymous": "Sign in", "no role": "read:guards", "administrator": "Access matrix",
        "analyst": "read:guards", "viewer": "read:guards", "auditor": "Access matrix",
        "developer": "read:guards", "blocked": "blocked",
    },
    "mappings.py": {
        "anonymous": "Sign in", "no role": "read:mappings", "administrator": "Mappings",
        "analyst": "read:mappings", "viewer": "read:mappings", "auditor": "Mappings",
        "developer": "read:mappings", "blocked": "blocked",
    },
    "audit.py": {
        "anonymous": "Sign in", "no role": "read:audit", "administrator": "Audit",
        "analyst": "read:audit", "viewer": "read:audit", "auditor": "Audit",
        "developer": "read:audit", "blocked": "blocked",
    },
    "overview.py": {
        "anonymous": "Sign in", "no role": "read:statistics", "administrator": "Overview", "analyst": "read:statistics",
        "viewer": "read:statistics", "auditor": "Overview", "developer": "read:statistics", "blocked": "blocked",
    },
    "people.py": {
        "anonymous": "Sign in", "no role": "read:people", "administrator": "People", "analyst": "read:people",
        "viewer": "read:people", "auditor": "People", "developer": "read:people", "blocked": "blocked",
    },
    "sessions.py": {
        "anonymous": "Sign in", "no role": "read:sessions", "administrator": "Sessions", "analyst": "read:sessions",
        "viewer": "read:sessions", "auditor": "Sessions", "developer": "read:sessions", "blocked": "blocked",
    },
    "profile.py": {
        "anonymous": "Sign in", "no role": "Profile", "administrator": "Profile", "analyst": "Profile",
        "viewer": "Profile", "auditor": "Profile", "developer": "Profile", "blocked": "blocked",
    },
}  # fmt: skip

CASES = [(file, user, shown) for file, row in MATRIX.items() for user, shown in row.items()]


def test_the_table_has_every_page_and_every_role() -> None:
    assert set(MATRIX) == {row.file for row in PAGES}
    for file, row in MATRIX.items():
        assert set(row) == {"anonymous", "no role", "blocked", *ROLES}, file


@pytest.mark.parametrize(("file", "user", "shown"), CASES)
def test_who_opens_what(installation: AppInstallation, file: str, user: str, shown: str) -> None:
    path = next(row.path for row in PAGES if row.file == file)
    at = testing.open_app(f"/{path}")
    if user == "blocked":
        subject = installation.sign_in(at, roles=["administrator"])
        with installation.services.storage.unit_of_work() as unit:
            unit.set_blocked(subject, blocked=True)
            unit.commit()
    elif user != "anonymous":
        installation.sign_in(at, roles=[] if user == "no role" else [user])
    testing.open_page(at, file)

    assert not at.exception
    (title,) = [title.value for title in at.title]
    if shown == "Sign in":
        assert title == "Sign in"
    elif shown == "blocked":
        assert title == "Your account is blocked"
    elif ":" in shown:
        assert title == "No access"
        assert formatting.plain(f"Permission {shown}") in [text.value for text in at.markdown]
    else:
        assert title == shown
