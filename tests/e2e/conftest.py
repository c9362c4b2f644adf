"""A real Chromium in front of the whole product."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple, Protocol
from urllib.parse import quote, urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Playwright,
    Request,
    expect,
    sync_playwright,
)
from playwright.sync_api import TimeoutError as BrowserTimeout

from tests.chromium import HINT, launched
from tests.stack import ROOT, Stack

_SETTLED = """
() => document.readyState === "complete"
    && (document.querySelector("#root") === null  // a page of the provider, or a notice
        || document.querySelector("[data-testid=stApp]")?.dataset.testScriptState === "notRunning")
    && document.getAnimations().every((animation) => animation.playState !== "running"
        || animation.effect?.getComputedTiming().iterations === Infinity)
"""
_FITS = """
() => document.documentElement.scrollWidth <= window.innerWidth
    && [...document.querySelectorAll(
        "[data-testid=stMain], [role=dialog], [data-testid=stButtonGroup], [data-testid=stButtonGroup] *")]
        .every((element) => element.scrollWidth <= element.clientWidth + 1
            || getComputedStyle(element).overflowX === "visible")  // is neither cut nor scrolls
"""
ARTEFACTS = ROOT / "var" / "screenshots"


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    chromium = launched(playwright)
    if chromium is None:
        if os.environ.get("REQUIRE_BROWSER"):
            pytest.fail(HINT)
        pytest.skip(HINT)  # a fresh machine needs only Python and make; .ci/run installs Chromium and requires it
    yield chromium
    chromium.close()


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("stack")) as started:
        yield started


class Appearance(NamedTuple):
    """A color scheme and a width in pixels."""

    dark: bool
    width: int

    def __str__(self) -> str:
        return f"{'dark' if self.dark else 'light'}-{self.width}"


Appearances = tuple[Appearance, ...]
APPEARANCES: Final[tuple[Appearances, ...]] = (
    (Appearance(dark=False, width=1280), Appearance(dark=True, width=1280)),
    (Appearance(dark=False, width=320), Appearance(dark=True, width=320)),
)
"""Wide and narrow. Streamlit folds the sidebar when a page is loaded narrow, so each needs a load of its own."""


class RunningApp(Protocol):
    """A running app."""

    app_url: str


def settle(page: Page) -> None:
    """As ``BrowserUser.settle``, for any page of the app."""
    page.wait_for_function(_SETTLED, timeout=20_000)


def fits(page: Page, *, milliseconds: int = 5_000) -> bool:
    """Whether neither the page, a dialog nor a group of buttons scrolls sideways.

    A chart follows a change of width with a delay.
    """
    try:
        page.wait_for_function(_FITS, timeout=milliseconds)
    except BrowserTimeout:
        return False
    return True


def require_fit(page: Page, *, milliseconds: int = 5_000) -> None:
    """Fail unless ``fits``."""
    if not fits(page, milliseconds=milliseconds):
        pytest.fail(f"{page.url} scrolls sideways at {page.viewport_size}")


class BrowserUser:
    """A user at a browser: a context with its own cookies, and the errors in its console."""

    def __init__(self, context: BrowserContext, stack: RunningApp) -> None:
        self.context = context
        self.stack = stack
        self.page: Page = context.new_page()
        self.console_errors: list[str] = []
        self._unanswered: set[Request] = set()
        self.page.on("request", self._record_request)
        self.page.on("requestfinished", self._record_response)
        self.page.on("requestfailed", self._record_response)
        self.page.on("console", self._record_error)
        self.page.on("pageerror", lambda error: self.console_errors.append(str(error)))

    def _record_error(self, message: ConsoleMessage) -> None:
        # On /reports Streamlit's front end first looks for the server at /reports/_stcore/… and gets a 404.
        if re.search(r"/[^/]+/_stcore/(health|host-config)$", message.location["url"]):
            return
        if message.type == "error" or "Content Security Policy" in message.text:
            self.console_errors.append(message.text)

    def _record_request(self, request: Request) -> None:
        self._unanswered.add(request)

    def _record_response(self, request: Request) -> None:
        self._unanswered.discard(request)

    def wait_for_responses(self, path: str) -> None:
        """Wait until no request of the page to ``path`` is without a response."""
        self.page.evaluate("1")  # requests of earlier timers are sent, and reported, by now
        deadline = time.monotonic() + 20
        while any(urlsplit(request.url).path == path for request in self._unanswered):
            assert time.monotonic() < deadline, f"no response: {path}"
            self.page.wait_for_timeout(20)

    def open(self, path: str = "/") -> None:
        """Open a path of the app and wait for its heading."""
        self.page.goto(f"{self.stack.app_url}{path}")
        expect(self.page.locator("[data-testid=stMain] h1").first).to_be_visible(timeout=20_000)

    def settle(self) -> None:
        """Wait until Streamlit runs no script for the page and nothing on it moves or fades in."""
        settle(self.page)

    def appearances(self, *appearances: Appearance) -> Iterator[str]:
        """Show the open page in each appearance in turn, settled and without loading it again; yields the names."""
        viewport = self.page.viewport_size
        assert viewport is not None
        for appearance in appearances:
            self.page.emulate_media(color_scheme="dark" if appearance.dark else "light")
            self.page.set_viewport_size({"width": appearance.width, "height": viewport["height"]})
            self.settle()
            yield str(appearance)

    def press_sign_in(self, person: str, path: str = "/") -> None:
        """Open ``path``, press "Sign in", pick a person at the local tenant, and wait for the return to the app."""
        self.open(path)
        self.page.locator(".st-key-sign-in").get_by_text("Sign in").click()
        self._pick(person)

    def sign_in(self, person: str, path: str = "/") -> None:
        """As ``press_sign_in``, but go to the tenant at once: the page with the button takes longer than the rest."""
        self.page.goto(f"{self.stack.app_url}/auth/login?return_to={quote(path, safe='')}")
        self._pick(person)

    def _pick(self, person: str) -> None:
        self.page.locator(f"button[name=person][value={person}]").click()
        self.page.wait_for_url(re.compile(re.escape(self.stack.app_url)), timeout=20_000)
        expect(self.page.locator(".st-key-account")).to_be_visible(timeout=20_000)

    def sees_pages(self, titles: list[str]) -> None:
        """Expect exactly these pages in the navigation, in this order (an icon's name may precede each)."""
        links = self.page.locator("[data-testid=stSidebarNavLink]")
        expect(links).to_have_text([re.compile(rf"(^|\s){re.escape(title)}$") for title in titles])

    def heading(self) -> str:
        """The page's main heading."""
        return self.page.locator("[data-testid=stMain] h1").first.inner_text()

    def shot(self, name: str) -> None:
        """Store a screenshot as an artefact, where ``SCREENSHOTS`` is set: `make e2e` sets it, `make test` does not."""
        if not os.environ.get("SCREENSHOTS"):
            return
        ARTEFACTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=ARTEFACTS / f"{name}.png", full_page=True)


NewUser = Callable[..., BrowserUser]
"""Creates a user at a browser of its own: ``new_user(dark=False, width=1280, height=…, script="")``."""


@contextmanager
def browser_users(browser: Browser, stack: RunningApp, *, height: int = 900) -> Iterator[NewUser]:
    """Create users of ``stack`` in this block; their browsers are closed at its end."""
    contexts: list[BrowserContext] = []

    def new_user(*, dark: bool = False, width: int = 1280, height: int = height, script: str = "") -> BrowserUser:
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light"
        )
        contexts.append(context)
        if script:
            context.add_init_script(script)
        return BrowserUser(context, stack)

    try:
        yield new_user
    finally:
        for context in contexts:
            context.close()


@pytest.fixture
def new_user(browser: Browser, stack: Stack) -> Iterator[NewUser]:
    """Creates users, each at a browser of its own."""
    with browser_users(browser, stack) as new_user:
        yield new_user


@pytest.fixture(scope="module")
def own_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """An installation for one module, whose tests change permissions or stop processes."""
    with Stack(tmp_path_factory.mktemp("own")) as started:
        yield started


@pytest.fixture
def own_user(browser: Browser, own_stack: Stack) -> Iterator[NewUser]:
    """Creates users of the module's own installation."""
    with browser_users(browser, own_stack) as new_user:
        yield new_user
