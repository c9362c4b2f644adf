"""Another site in a real browser: what it does to its visitor here, and what it sees of them."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Arrive, Visitor
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
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
    """The address of another site: ``127.0.0.1`` is one to ``localhost``."""
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
def test_a_window_that_another_site_opens_is_lost_to_it_whoever_its_visitor_is(
    visitor: Arrive, stack: Stack, elsewhere: str, path: str
) -> None:
    anonymous, signed_in = visitor(), visitor()
    signed_in.sign_in("chiyo")
    seen = []
    for who in (anonymous, signed_in):
        who.page.goto(f"{elsewhere}?app={stack.app_url}&path={path.replace('?', '%3F')}")
        with who.page.expect_popup() as popup:
            who.page.get_by_text("Look").click()
        # The window is there, and the site that opened it takes it for closed.
        expect(who.page).to_have_title("closed", timeout=SOON)
        assert not popup.value.is_closed()
        seen.append(who.page.title())
    assert seen == ["closed", "closed"]


def test_a_form_of_another_site_changes_nothing_and_its_visitors_sign_in_goes_on(
    visitor: Arrive, stack: Stack, elsewhere: str
) -> None:
    who: Visitor = visitor()
    who.open("/reports")
    who.page.locator(".st-key-sign-in a").click()
    expect(who.page.locator("button[name=person][value=chiyo]")).to_be_visible(timeout=SOON)
    before = {cookie["name"]: cookie["value"] for cookie in who.context.cookies() if "gatehouse" in cookie["name"]}
    other = who.context.new_page()
    other.goto(f"{elsewhere}?app={stack.app_url}")
    other.evaluate("document.querySelector('form').submit()")
    other.wait_for_url(f"{stack.app_url}/auth/login")
    assert {
        cookie["name"]: cookie["value"] for cookie in who.context.cookies() if "gatehouse" in cookie["name"]
    } == before
    who.page.locator("button[name=person][value=chiyo]").click()
    expect(who.page.locator("[data-testid=stMain] h1")).to_have_text("Usage report", timeout=SOON)


def test_a_link_of_another_site_to_the_sign_in_leads_to_it(visitor: Arrive, stack: Stack, elsewhere: str) -> None:
    who = visitor()
    who.page.goto(elsewhere)
    who.page.evaluate(f"location.href = '{stack.app_url}/auth/login?return_to=/reports'")
    who.page.locator("button[name=person][value=chiyo]").click(timeout=SOON)
    expect(who.page.locator("[data-testid=stMain] h1")).to_have_text("Usage report", timeout=SOON)
