"""The tenant's sign-in page in a real browser: it returns to the app, fits small screens, and needs no mouse."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Page

from tests.component.dev_tenant.support import AUDIENCE, CHALLENGE, MFA, RunningTenant, running

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("tenant")]


@pytest.fixture(scope="module")
def chromium(browser: Browser) -> Browser:
    return browser


@pytest.fixture(scope="module")
def app_url() -> Iterator[str]:
    """An app that responds to every address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>the app</title><link rel=icon href='data:,'>arrived")

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's own name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield f"http://localhost:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join(5)


@pytest.fixture(scope="module")
def tenant(tmp_path_factory: pytest.TempPathFactory, app_url: str) -> Iterator[RunningTenant]:
    with running(tmp_path_factory.mktemp("tenant") / "state", app_url=app_url) as started:
        yield started


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A page in a fresh profile; an error in its console fails the test."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    new_page = context.new_page()
    console_errors: list[str] = []
    new_page.on("console", lambda message: console_errors.append(message.text))
    new_page.on("pageerror", lambda error: console_errors.append(str(error)))
    yield new_page
    context.close()
    assert not [text for text in console_errors if "400 (Bad Request)" not in text]


def authorize_url(tenant: RunningTenant, **changes: str) -> str:
    """The address to which the app would redirect a browser."""
    parameters = {
        "response_type": "code",
        "client_id": tenant.client_id,
        "redirect_uri": f"{tenant.config.app_url}/auth/callback",
        "scope": "openid profile email",
        "state": "a-state",
        "audience": AUDIENCE,
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    return f"{tenant.url('/authorize')}?{urlencode(parameters | changes)}"


def expect_return(page: Page, tenant: RunningTenant) -> None:
    page.wait_for_url(f"{tenant.config.app_url}/auth/callback?code=*", timeout=5_000)


def test_one_click_signs_in_and_the_next_sign_in_needs_none(page: Page, tenant: RunningTenant) -> None:
    page.goto(authorize_url(tenant))
    page.click("button[name=person][value=ada]")
    expect_return(page, tenant)
    page.goto(authorize_url(tenant))
    expect_return(page, tenant)


def test_the_sign_in_page_works_by_keyboard(page: Page, tenant: RunningTenant) -> None:
    page.goto(authorize_url(tenant))
    page.keyboard.press("Tab")
    focused = page.evaluate("document.activeElement.value")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert (focused, outline) == ("ada", "solid")
    page.keyboard.press("Enter")
    expect_return(page, tenant)


def test_the_second_factor_page_returns_to_the_app(page: Page, tenant: RunningTenant) -> None:
    page.goto(authorize_url(tenant, acr_values=MFA))
    page.click("button[value=bruno]")
    page.click("#confirm")
    expect_return(page, tenant)


def test_cancelling_and_a_blocked_person_return_to_the_app(page: Page, tenant: RunningTenant) -> None:
    for button, error in (("#cancel", "access_denied"), ("button[value=frank]", "unauthorized")):
        page.goto(authorize_url(tenant))
        page.click(button)
        page.wait_for_url(f"{tenant.config.app_url}/auth/callback?error={error}*", timeout=5_000)


def test_a_new_person_signs_in(page: Page, tenant: RunningTenant) -> None:
    page.goto(authorize_url(tenant, screen_hint="signup"))
    page.fill("[name=new_name]", "Gil Doe")
    page.fill("[name=new_email]", "ada@gatehouse.example")
    page.check("[name=new_roles][value=viewer]")
    page.click("#make-up")
    assert "belongs to Ada" in page.inner_text("#mistake")
    page.wait_for_selector("#new_name:focus")  # Chromium moves the focus there after the page has been drawn
    assert page.is_checked("[name=new_roles][value=viewer]")
    page.fill("[name=new_email]", "gil@made-up.example")
    page.click("#make-up")
    expect_return(page, tenant)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
def test_the_sign_in_page_fits_and_has_enough_contrast(
    page: Page, tenant: RunningTenant, width: int, scheme: str
) -> None:
    page.set_viewport_size({"width": width, "height": 700})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.goto(authorize_url(tenant, screen_hint="signup", login_hint="eva@gatehouse.example"))
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("[...document.querySelectorAll('input:not([type=hidden])')].every(i => i.labels.length === 1)")
    assert page.evaluate("[...document.querySelectorAll('button')].every(b => b.getBoundingClientRect().height >= 44)")
    worst: float = page.evaluate(CONTRAST)
    assert worst >= 4.5, f"contrast {worst:.2f}"


CONTRAST = """() => {
  const parse = text => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(c => c / 255)
    .map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = element => {
    for (let e = element; e; e = e.parentElement) {
      const colour = parse(getComputedStyle(e).backgroundColor);
      if (colour.length === 3 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const texts = [...document.querySelectorAll('body *')].filter(e =>
    [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()) && e.getClientRects().length);
  return Math.min(...texts.map(e => {
    const [a, b] = [light(parse(getComputedStyle(e).color)), light(behind(e))].sort((x, y) => y - x);
    return (a + 0.05) / (b + 0.05);
  }));
}"""
"""The lowest contrast of any text on the page (WCAG 2.2 §1.4.3)."""
