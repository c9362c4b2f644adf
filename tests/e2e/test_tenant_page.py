"""The tenant's sign-in page in a real browser: it leads back to the app, fits small screens, and needs no mouse."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Page

from tests.component.dev_tenant.support import AUDIENCE, CHALLENGE, MFA, Running, running

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("tenant")]


@pytest.fixture(scope="module")
def chromium(browser: Browser) -> Browser:
    return browser


@pytest.fixture(scope="module")
def app_url() -> Iterator[str]:
    """An app that answers every address."""

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
def tenant(tmp_path_factory: pytest.TempPathFactory, app_url: str) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("tenant") / "state", app_url=app_url) as found:
        yield found


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A fresh profile; anything the console complains about fails the test."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    found = context.new_page()
    complaints: list[str] = []
    found.on("console", lambda message: complaints.append(message.text))
    found.on("pageerror", lambda error: complaints.append(str(error)))
    yield found
    context.close()
    assert not [text for text in complaints if "400 (Bad Request)" not in text]


def asked(tenant: Running, **changes: str) -> str:
    """The address the app would send a browser to."""
    known = {
        "response_type": "code",
        "client_id": tenant.client_id,
        "redirect_uri": f"{tenant.config.app_url}/auth/callback",
        "scope": "openid profile email",
        "state": "a-state",
        "audience": AUDIENCE,
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    return f"{tenant.url('/authorize')}?{urlencode(known | changes)}"


def arrived(page: Page, tenant: Running) -> None:
    page.wait_for_url(f"{tenant.config.app_url}/auth/callback?code=*", timeout=5_000)


def test_one_click_signs_in_and_the_next_time_none_is_needed(page: Page, tenant: Running) -> None:
    page.goto(asked(tenant))
    page.click("button[name=person][value=ada]")
    arrived(page, tenant)
    page.goto(asked(tenant))
    arrived(page, tenant)


def test_it_works_by_keyboard_alone(page: Page, tenant: Running) -> None:
    page.goto(asked(tenant))
    page.keyboard.press("Tab")
    focused = page.evaluate("document.activeElement.value")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert (focused, outline) == ("ada", "solid")
    page.keyboard.press("Enter")
    arrived(page, tenant)


def test_the_second_factor_page_leads_on(page: Page, tenant: Running) -> None:
    page.goto(asked(tenant, acr_values=MFA))
    page.click("button[value=bruno]")
    page.click("#confirm")
    arrived(page, tenant)


def test_cancelling_and_a_blocked_person_arrive_at_the_app_too(page: Page, tenant: Running) -> None:
    for button, error in (("#cancel", "access_denied"), ("button[value=frank]", "unauthorized")):
        page.goto(asked(tenant))
        page.click(button)
        page.wait_for_url(f"{tenant.config.app_url}/auth/callback?error={error}*", timeout=5_000)


def test_somebody_made_up_signs_in(page: Page, tenant: Running) -> None:
    page.goto(asked(tenant, screen_hint="signup"))
    page.fill("[name=new_name]", "Gil Doe")
    page.fill("[name=new_email]", "ada@gatehouse.example")
    page.check("[name=new_roles][value=viewer]")
    page.click("#make-up")
    assert "belongs to Ada" in page.inner_text("#mistake")
    page.wait_for_selector("#new_name:focus")  # Chromium moves the focus there after the page has been drawn
    assert page.is_checked("[name=new_roles][value=viewer]")
    page.fill("[name=new_email]", "gil@made-up.example")
    page.click("#make-up")
    arrived(page, tenant)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
def test_it_fits_and_can_be_read(page: Page, tenant: Running, width: int, scheme: str) -> None:
    page.set_viewport_size({"width": width, "height": 700})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.goto(asked(tenant, screen_hint="signup", login_hint="eva@gatehouse.example"))
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
