"""Another site in a real browser: it cannot change its user's session here, nor see whether they are signed in."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import BrowserUser, NewUser
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-cross-site")]
SOON = 20_000
PAGE = """<!doctype html><title>Another site</title>
<form method="post"></form>
<button>Look</button>
<script>
const app = new URLSearchParams(location.search).get("app")
document.querySelector("form").action = app + "/auth/login"
document.querySelector("button").onclick = () => {
  const opened = window.open(app + new URLSearchParams(location.search).get("path"))
  setInterval(() => { document.title = opened.closed ? "closed" : "open" }, 50)
}
</script>
"""


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of another site: ``127.0.0.1`` is a different site than ``localhost``."""
    folder = tmp_path_factory.mktemp("elsewhere")
    Path(folder, "index.html").write_text(PAGE)
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.mark.parametrize(
    "path", ["/auth/login?mode=popup", "/auth/login?silent=1", "/auth/ended", "/auth/callback?state=x", "/"]
)
def test_a_window_opened_by_another_site_looks_closed_to_it_for_every_visitor(
    new_user: NewUser, stack: Stack, elsewhere: str, path: str
) -> None:
    anonymous, signed_in = new_user(), new_user()
    signed_in.sign_in("chiyo")
    titles = []
    for user in (anonymous, signed_in):
        user.page.goto(f"{elsewhere}?app={stack.app_url}&path={path.replace('?', '%3F')}")
        with user.page.expect_popup() as popup:
            user.page.get_by_text("Look").click()
        # The window is open, and the site that opened it sees it as closed.
        expect(user.page).to_have_title("closed", timeout=SOON)
        assert not popup.value.is_closed()
        titles.append(user.page.title())
    assert titles == ["closed", "closed"]


def test_a_form_of_another_site_does_not_disturb_a_sign_in(new_user: NewUser, stack: Stack, elsewhere: str) -> None:
    user: BrowserUser = new_user()
    user.open("/reports")
    user.page.locator(".st-key-sign-in a").click()
    expect(user.page.locator("button[name=person][value=chiyo]")).to_be_visible(timeout=SOON)
    cookies = {cookie["name"]: cookie["value"] for cookie in user.context.cookies() if "gatehouse" in cookie["name"]}
    other_tab = user.context.new_page()
    other_tab.goto(f"{elsewhere}?app={stack.app_url}")
    other_tab.evaluate("document.querySelector('form').submit()")
    other_tab.wait_for_url(f"{stack.app_url}/auth/login")
    assert {
        cookie["name"]: cookie["value"] for cookie in user.context.cookies() if "gatehouse" in cookie["name"]
    } == cookies
    user.page.locator("button[name=person][value=chiyo]").click()
    expect(user.page.locator("[data-testid=stMain] h1")).to_have_text("Usage report", timeout=SOON)


def test_a_link_of_another_site_to_the_sign_in_works(new_user: NewUser, stack: Stack, elsewhere: str) -> None:
    user = new_user()
    user.page.goto(elsewhere)
    user.page.evaluate(f"location.href = '{stack.app_url}/auth/login?return_to=/reports'")
    user.page.locator("button[name=person][value=chiyo]").click(timeout=SOON)
    expect(user.page.locator("[data-testid=stMain] h1")).to_have_text("Usage report", timeout=SOON)
