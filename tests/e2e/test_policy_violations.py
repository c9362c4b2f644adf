"""No page and no notice violates the content security policy: the browser reports no violation."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from app.navigation import PAGES
from tests.e2e.conftest import NewUser

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-policy-violations")]

NOTICES = {
    "/nested/page": 404,
    "/_stcore/metrics": 404,
    "/media/00000000000000000000000000000000": 404,
    "/auth/unknown": 404,
    "/auth/callback": 400,
    "/auth/callback?error=access_denied&state=x": 400,
    "/auth/ended": 200,
}


def test_no_page_violates_the_policy(new_user: NewUser) -> None:
    user = new_user()
    user.sign_in("ada")
    for row in PAGES:
        user.open(f"/{row.path}")
        user.settle()
    assert user.console_errors == []


def test_no_notice_violates_the_policy(new_user: NewUser) -> None:
    user = new_user()
    for path, status in NOTICES.items():
        answer = user.page.goto(f"{user.stack.app_url}{path}")
        assert answer is not None
        assert answer.status == status, path
        expect(user.page.get_by_role("heading", level=1)).to_be_visible()
    # The console also reports the status of the page itself as an error.
    assert [text for text in user.console_errors if "Failed to load resource" not in text] == []
