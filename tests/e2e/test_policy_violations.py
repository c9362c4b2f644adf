"""No page and no notice violates the content security policy: the browser reports no violation."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from app.navigation import PAGES
from tests.e2e.conftest import Arrive

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

NOTICES = {
    "/nested/page": 404,
    "/_stcore/metrics": 404,
    "/media/00000000000000000000000000000000": 404,
    "/auth/unknown": 404,
    "/auth/callback": 400,
    "/auth/callback?error=access_denied&state=x": 400,
    "/auth/ended": 200,
}


def test_no_page_violates_the_policy(visitor: Arrive) -> None:
    browser = visitor()
    browser.sign_in("ada")
    for row in PAGES:
        browser.open(f"/{row.path}")
        browser.settle()
    assert browser.console_errors == []


def test_no_notice_violates_the_policy(visitor: Arrive) -> None:
    browser = visitor()
    for path, status in NOTICES.items():
        answer = browser.page.goto(f"{browser.stack.app_url}{path}")
        assert answer is not None
        assert answer.status == status, path
        expect(browser.page.get_by_role("heading", level=1)).to_be_visible()
    # The console also reports the status of the page itself as an error.
    assert [text for text in browser.console_errors if "Failed to load resource" not in text] == []
