"""The built documentation in a browser: a strict content security policy, no other host, its search."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect

from tests.docs.website import build

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-documentation")]
SOON = 20_000
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class _Handler(SimpleHTTPRequestHandler):
    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", POLICY)
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Print nothing."""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the site is served."""
    html = build(tmp_path_factory.mktemp("documentation"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, directory=str(html)))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    yield context.new_page()
    context.close()


def test_every_kind_of_page_works_without_another_host(page: Page, address: str) -> None:
    faults: list[str] = []

    def record_request(request: Request) -> None:
        if not request.url.startswith((address, "data:")):
            faults.append(request.url)

    def record_message(message: ConsoleMessage) -> None:
        if message.type == "error":
            faults.append(message.text)

    page.on("request", record_request)
    page.on("console", record_message)
    page.on("pageerror", lambda error: faults.append(str(error)))
    for name in ("index.html", "architecture.html", "how-to/add-a-page.html", "decisions/index.html", "changelog.html"):
        page.goto(f"{address}/{name}", wait_until="networkidle")
        expect(page.locator("article h1")).to_be_visible()
    assert faults == []


def test_a_diagram_is_drawn_and_described(page: Page, address: str) -> None:
    page.goto(f"{address}/architecture.html")
    diagram = page.get_by_role("img", name="GET /auth/callback")
    expect(diagram).to_be_visible()
    expect(page.locator("svg.sequence").first.locator("text").first).to_have_text("Browser")


def test_the_search_finds_a_setting(page: Page, address: str) -> None:
    page.goto(f"{address}/index.html")
    page.get_by_role("button", name="Search").click()
    page.keyboard.type("clock skew leeway")
    result = page.get_by_role("heading", name="Settings", level=2)
    expect(result).to_be_visible(timeout=SOON)
    result.click()
    expect(page).to_have_url(re.compile(r"/settings\.html"))
