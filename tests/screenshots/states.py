"""States of a page, each a function that brings it about, lets the picture be taken and undoes it.

Every state is a context manager over a ``Scene``. It opens the page itself, so that it can change something before.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final

from playwright.sync_api import expect

from tests.screenshots.scene import SOON, Scene

State = Callable[[Scene], AbstractContextManager[None]]
SLOW_MILLISECONDS: Final = 2_000
HANGING_MILLISECONDS: Final = 8_000
"""How long a page has waited for a response when it is photographed: while it waits, and after it has given up."""
NO_MATCH: Final = re.compile(r"no match|nothing matches|no .* match|\b0 \w+|none", re.IGNORECASE)
"""What a list reports that has no row."""


@contextmanager
def opened(scene: Scene) -> Iterator[None]:
    """The page as it is."""
    scene.open()
    yield


@contextmanager
def no_match(scene: Scene) -> Iterator[None]:
    """The list is searched for what it does not have."""
    scene.open()
    search = scene.page.locator("[data-testid=stMain] [data-testid=stTextInput] input").first
    search.fill("no such name", timeout=SOON)
    search.press("Enter")
    expect(scene.page.locator("[data-testid=stMain]")).to_contain_text(NO_MATCH, timeout=SOON)
    yield


@contextmanager
def api_down(scene: Scene) -> Iterator[None]:
    """The remote API is not running."""
    with scene.installation.without("api"):
        scene.open()
        yield


@contextmanager
def api_slow(scene: Scene) -> Iterator[None]:
    """The remote API has accepted the call and not responded yet."""
    with _waiting(scene, SLOW_MILLISECONDS):
        yield


@contextmanager
def api_hangs(scene: Scene) -> Iterator[None]:
    """The remote API has accepted the call, and does not respond for longer than the page waits."""
    with _waiting(scene, HANGING_MILLISECONDS):
        yield


@contextmanager
def _waiting(scene: Scene, milliseconds: int) -> Iterator[None]:
    with scene.installation.hanging("api"):
        scene.at_rest = False
        scene.page.goto(f"{scene.installation.stack.app_url}{scene.path}")
        expect(scene.page.get_by_role("heading", level=1).first).to_be_visible(timeout=SOON)
        scene.page.wait_for_function(f"() => performance.now() > {milliseconds}", timeout=SOON)
        yield


@contextmanager
def api_lost(scene: Scene) -> Iterator[None]:
    """The remote API stops while the page is open, and a confirmation of its dialog fails."""
    scene.open()
    scene.press("add-grant")
    scene.dialog().get_by_text("analyst", exact=True).click()
    scene.page.locator(".st-key-add-grant-reason input").fill("Joins the numbers team.")
    with scene.installation.without("api"):
        scene.press("add-grant-go")
        expect(scene.dialog().get_by_text(re.compile("does not answer|reach the server"))).to_be_visible(timeout=SOON)
        yield


@contextmanager
def provider_down(scene: Scene) -> Iterator[None]:
    """The sign-in provider is not running, and the app has no metadata of it."""
    with scene.installation.without("tenant"):
        scene.installation.stack.stop("app")
        scene.installation.stack.start_app()
        scene.open("/auth/login?return_to=/")
        yield


@contextmanager
def at_the_provider(scene: Scene) -> Iterator[None]:
    """The page of the local tenant, which asks for a person."""
    scene.open("/auth/login?return_to=/")
    yield


@contextmanager
def blocked_at_the_provider(scene: Scene) -> Iterator[None]:
    """The provider refuses the sign-in."""
    scene.open("/auth/login?return_to=/")
    scene.page.locator("button[name=person][value=frank]").click()
    scene.page.wait_for_url(re.compile(re.escape(scene.installation.stack.app_url)), timeout=SOON)
    yield


@contextmanager
def blocked(scene: Scene) -> Iterator[None]:
    """An administrator blocks the user while the page is open."""
    scene.open()
    command = scene.installation.stack.command
    command("people", "block", f"auth0|{scene.person}", "--reason", "Laptop stolen.")
    try:
        scene.page.wait_for_url(re.compile("/auth/ended"), timeout=SOON)
        yield
    finally:
        command("people", "unblock", f"auth0|{scene.person}", "--reason", "Laptop found.")
        scene.installation.drop_session(scene.person)


@contextmanager
def expired(scene: Scene) -> Iterator[None]:
    """The session ends while the page is open: the overlay."""
    scene.open()
    scene.installation.set_expiry(scene.person, -1)
    scene.installation.wake_tabs()
    expect(scene.page.locator(".st-key-expiry-overlay dialog")).to_be_visible(timeout=SOON)
    yield


@contextmanager
def about_to_expire(scene: Scene) -> Iterator[None]:
    """The session ends in two minutes, and its notice is open."""
    scene.installation.set_expiry(scene.person, 120)
    scene.open()
    expect(scene.page.get_by_text(re.compile("sign in again at")).first).to_be_visible(timeout=SOON)
    yield


@contextmanager
def expired_in_a_form(scene: Scene) -> Iterator[None]:
    """The session ends while the user fills in a dialog."""
    scene.open()
    scene.press("add-person")
    scene.dialog().locator(".st-key-add-person-subject input").fill("auth0|newcomer")
    scene.installation.set_expiry(scene.person, -1)
    scene.installation.wake_tabs()
    expect(scene.page.locator(".st-key-expiry-overlay dialog")).to_be_visible(timeout=SOON)
    yield


@contextmanager
def step_up(scene: Scene) -> Iterator[None]:
    """The sign-in is too old for a part of the page."""
    reference = scene.installation.ref(scene.person)
    scene.installation.sql(
        "UPDATE sessions SET authenticated_at = authenticated_at - 7200000000 WHERE ref = ?", reference
    )
    scene.open()
    scene.press("export-locked")
    link = scene.page.locator("a.st-key-step-up").first
    expect(link).to_be_visible(timeout=SOON)
    link.scroll_into_view_if_needed()
    yield


@contextmanager
def step_up_in_a_dialog(scene: Scene) -> Iterator[None]:
    """A dialog whose action requires a second factor."""
    scene.open()
    scene.press("erase")
    expect(scene.dialog()).to_contain_text("second factor", timeout=SOON)
    yield


@contextmanager
def permission_lost(scene: Scene) -> Iterator[None]:
    """The user loses the permission of the page while a dialog is open."""
    command = scene.installation.stack.command
    grant = (f"auth0|{scene.person}", "--role", "administrator", "--reason", "Stands in for a week.")
    command("grants", "add", *grant)
    try:
        scene.open()
        scene.press("add-grant")
        scene.dialog()
    finally:
        command("grants", "revoke", *grant)
    expect(scene.page.locator(".st-key-access-changed")).to_be_visible(timeout=SOON)
    yield


@contextmanager
def changed_meanwhile(scene: Scene) -> Iterator[None]:
    """Another administrator changes the person while a dialog is filled in."""
    command = scene.installation.stack.command
    grant = ("auth0|eva", "--role", "viewer", "--reason", "Joins the numbers team.")
    scene.open()
    scene.press("add-grant")
    scene.dialog().get_by_text("analyst", exact=True).click()
    scene.page.locator(".st-key-add-grant-reason input").fill("Explores files.")
    command("grants", "add", *grant)
    try:
        scene.press("add-grant-go")
        expect(scene.dialog()).to_contain_text("changed", timeout=SOON)
        scene.settle()
        yield
    finally:
        command("grants", "revoke", *grant)


@contextmanager
def reviewed(scene: Scene) -> Iterator[None]:
    """The editor of a role shows what its changes do, before they are saved."""
    scene.open()
    scene.page.get_by_label("Search for a permission").fill("csv")
    scene.press("show-all-permissions")
    scene.page.locator("[class*='has-explore-files'] label").click(timeout=SOON)
    expect(scene.page.get_by_text("+ 1 permission; not saved yet")).to_be_visible(timeout=SOON)
    scene.press("role-review")
    expect(scene.page.locator(".st-key-review-added")).to_be_visible(timeout=SOON)
    yield


@contextmanager
def not_saved(scene: Scene) -> Iterator[None]:
    """The remote API stops while a role is edited, and the edit cannot be saved."""
    with reviewed(scene):
        scene.page.get_by_role("textbox", name="Reason", exact=True).fill("Viewers open files.")
        with scene.installation.without("api"):
            scene.press("role-save")
            expect(scene.page.get_by_text(re.compile("does not answer|reach the server"))).to_be_visible(timeout=SOON)
            yield


@contextmanager
def incomplete(scene: Scene) -> Iterator[None]:
    """A new role has no name yet, so it cannot be reviewed."""
    scene.open()
    expect(scene.page.get_by_text("Enter a name to continue.")).to_be_visible(timeout=SOON)
    yield


def in_dialog(key: str) -> State:
    """The dialog that the button ``key`` opens."""

    @contextmanager
    def state(scene: Scene) -> Iterator[None]:
        scene.open()
        scene.press(key)
        scene.dialog()
        yield

    return state


@contextmanager
def signed_out_again(scene: Scene) -> Iterator[None]:
    """The user has signed out."""
    with narrow_navigation(scene):
        scene.page.get_by_role("button", name="Sign out").click(timeout=SOON)
        expect(scene.page.get_by_role("link", name="Sign in").first).to_be_visible(timeout=SOON)
        yield


@contextmanager
def narrow_navigation(scene: Scene) -> Iterator[None]:
    """The navigation is open: on a narrow page it was folded."""
    scene.open()
    if (folded := scene.page.get_by_test_id("stExpandSidebarButton")).is_visible():
        folded.click()
    yield
