"""Faults in a real browser: each is explained, offers a next step, and recovers."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator

import pytest
import requests
from playwright.sync_api import Browser, expect

from tests.e2e.conftest import BrowserUser, require_fit
from tests.stack import Stack
from tests.waiting import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("faults")]
SOON = 20_000


@pytest.fixture(scope="module")
def own_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack for this module, whose processes are stopped and started."""
    with Stack(tmp_path_factory.mktemp("frail"), GATEHOUSE_JWKS_COOLDOWN_SECONDS="1") as started:
        yield started


@pytest.fixture
def guest(browser: Browser, own_stack: Stack) -> Iterator[BrowserUser]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    yield BrowserUser(context, own_stack)
    context.close()


def test_the_provider_is_down_and_comes_back(guest: BrowserUser, own_stack: Stack) -> None:
    guest.open("/reports")
    own_stack.stop("tenant")
    own_stack.stop("app")
    own_stack.start_app()  # it starts without its provider
    guest.open("/reports")
    guest.page.locator(".st-key-sign-in").get_by_text("Sign in").click()
    expect(guest.page.get_by_role("heading", level=1)).to_have_text(
        re.compile("sign-in service does not answer"), timeout=SOON
    )
    guest.shot("provider-down")
    own_stack.start_tenant()
    login = f"{own_stack.app_url}/auth/login"
    wait_until(lambda: requests.get(login, timeout=5, allow_redirects=False).status_code == requests.codes.see_other)
    guest.page.get_by_role("link", name="Try again").click()
    guest.page.locator("button[name=person][value=chiyo]").click()
    expect(guest.page.locator("[data-testid=stMain] h1")).to_have_text("Usage report", timeout=SOON)


def test_the_api_is_down_and_comes_back(guest: BrowserUser, own_stack: Stack) -> None:
    guest.sign_in("chiyo", "/reports")
    expect(guest.page.locator("[data-testid=stMain] h1")).to_have_text("Usage report", timeout=SOON)
    own_stack.stop("api")
    guest.page.reload()
    expect(guest.page.locator(".st-key-problem")).to_contain_text("Can't reach the server right now", timeout=SOON)
    guest.shot("api-down")
    own_stack.start_api()
    guest.page.locator(".st-key-retry button").click()
    expect(guest.page.locator(".st-key-problem")).to_have_count(0, timeout=SOON)
    expect(guest.page.get_by_text("Sign-ins", exact=True).first).to_be_visible(timeout=SOON)


def test_the_database_is_gone_and_comes_back(guest: BrowserUser, own_stack: Stack) -> None:
    guest.sign_in("chiyo", "/profile")
    file = own_stack.folder / "var" / "gatehouse.sqlite3"
    with sqlite3.connect(file) as connection:
        connection.execute("ALTER TABLE sessions RENAME TO hidden_sessions")
    try:
        guest.page.goto(f"{own_stack.app_url}/profile")
        expect(guest.page.get_by_role("heading", level=1)).to_be_visible(timeout=SOON)
        shown = guest.page.inner_text("body")
        assert "Traceback" not in shown
        assert "sqlite" not in shown.lower()
        assert re.search("database|moment|available", shown, re.IGNORECASE)
        guest.shot("database-gone")
    finally:
        with sqlite3.connect(file) as connection:
            connection.execute("ALTER TABLE hidden_sessions RENAME TO sessions")
        connection.close()
    expect(guest.page.locator("[data-testid=stMain] h1")).to_have_text("Profile", timeout=SOON)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("error=access_denied&error_description=%3Cscript%3Ealert(1)%3C/script%3E&state=nothing", "."),
        ("code=stolen&state=made-up", "."),
        ("", "."),
        ("state=" + "x" * 9000, "."),
    ],
)
def test_an_unknown_callback_is_explained(guest: BrowserUser, own_stack: Stack, query: str, expected: str) -> None:
    guest.page.goto(f"{own_stack.app_url}/auth/callback?{query}")
    expect(guest.page.get_by_role("heading", level=1)).to_be_visible()
    body = guest.page.inner_text("body")
    assert expected in body
    assert "<script>" not in body
    assert "Traceback" not in body
    guest.shot("callback-refused")
    guest.page.get_by_role("link", name="Back to the start page").click()
    expect(guest.page.locator("[data-testid=stMain] h1")).to_have_text("Sign in", timeout=SOON)


@pytest.mark.parametrize(
    "name",
    [
        "<img src=x onerror=alert(1)>",
        "**Mallory** :material/delete: $x^2$ [link](https://evil.example)",
        "N" * 80,
    ],
)
def test_a_hostile_name_is_text_on_every_page(guest: BrowserUser, own_stack: Stack, name: str) -> None:
    dialogs: list[str] = []
    guest.page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    guest.open("/")
    guest.page.locator(".st-key-sign-in").get_by_text("Sign in").click()
    form = guest.page
    if form.locator("[name=new_name]").first.is_hidden():
        form.get_by_text("Make up a person").first.click()
    form.locator("[name=new_name]").fill(name)
    form.locator("[name=new_email]").fill("mallory@tests.example")
    form.locator("#make-up").click()
    expect(guest.page.locator(".st-key-account")).to_be_visible(timeout=SOON)
    for path in ("/", "/profile", "/reports"):
        guest.open(path)
        assert guest.page.locator("[data-testid=stMain] img, .st-key-account img").count() == 0
        assert guest.page.locator("[data-testid=stMain] a[href*='evil.example']").count() == 0
        require_fit(guest.page)
    guest.open("/profile")
    guest.shot("hostile-name")
    assert dialogs == []
