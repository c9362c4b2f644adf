"""A page in front of the camera."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Final

from PIL import Image
from playwright.sync_api import BrowserContext, Locator, Page, expect
from playwright.sync_api import TimeoutError as BrowserTimeout

from tests.e2e.conftest import settle
from tests.screenshots.installations import Photographed

SOON: Final = 20_000
HEIGHT: Final = 900
MAX_HEIGHT: Final = 4_000
MAX_COLOURS: Final = 256
_DRAWN = """
() => document.querySelector("[data-testid=stSkeleton]") === null && document.fonts.status === "loaded"
    && [...document.querySelectorAll(".stElementContainer[class*=st-key-table-]")].every((table) =>
        table.querySelector("[data-testid=stBidiComponentIsolated]")?.shadowRoot?.querySelector("table"))
"""
"""Streamlit loads some elements when it first shows them, with a grey bar until then; components come after that."""
_WRITTEN = """
() => [...document.querySelectorAll("[data-testid=stMain], [role=dialog]")]
    .reduce((height, element) => Math.max(height, element.scrollHeight), document.documentElement.scrollHeight)
"""


@dataclass
class Scene:
    """A page of a user's browser, at one width.

    Args:
        installation: What runs.
        context: The browser of the user.
        page: Its first tab.
        person: The user at the local tenant; empty if signed out.
        path: The address that is photographed.
        at_rest: Whether a picture waits until the page is at rest. A state that never rests sets it to False.
    """

    installation: Photographed
    context: BrowserContext
    page: Page
    person: str
    path: str
    at_rest: bool = True

    def open(self, path: str = "") -> None:
        """Open the address, or another path, and wait until it is at rest."""
        self.page.goto(f"{self.installation.stack.app_url}{path or self.path}")
        expect(self.page.get_by_role("heading", level=1).first).to_be_visible(timeout=SOON)
        if self.at_rest:
            self.page.wait_for_load_state("networkidle", timeout=SOON)  # pictures and parts that are loaded on demand
        self.settle()
        if self.person:
            assert self.page.locator(".st-key-sign-in").count() == 0, f"the session of {self.person} has ended"

    def settle(self) -> None:
        """Wait until nothing moves."""
        if self.at_rest:
            settle(self.page)
            self.page.wait_for_function(_DRAWN, timeout=SOON)

    def press(self, key: str) -> None:
        """Press the button with this key."""
        self.page.locator(f".st-key-{key} button").first.click(timeout=SOON)

    def dialog(self) -> Locator:
        """The open dialog, once it is visible."""
        dialog = self.page.get_by_role("dialog")
        expect(dialog).to_be_visible(timeout=SOON)
        return dialog

    def photograph(self, file: Path, *, dark: bool, height: int = 0) -> None:
        """Write a picture of the page.

        Args:
            file: Where to.
            dark: The colour scheme.
            height: A fixed height; otherwise the picture is as high as the page, up to 4,000 pixels.
        """
        viewport = self.page.viewport_size
        assert viewport is not None
        width = viewport["width"]
        self.page.emulate_media(color_scheme="dark" if dark else "light", reduced_motion="reduce")
        self.page.set_viewport_size({"width": width, "height": height or HEIGHT})
        self.settle()
        if not height:
            written = int(self.page.evaluate(_WRITTEN))
            self.page.set_viewport_size({"width": width, "height": max(HEIGHT, min(written, MAX_HEIGHT))})
            self.settle()
        self.page.mouse.move(0, 0)
        png = self.page.screenshot(animations="disabled", caret="hide", scale="css")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(small(png))


@contextmanager
def scene(
    installation: Photographed, person: str, path: str, *, width: int, dark: bool, own_session: bool
) -> Iterator[Scene]:
    """A browser of the person at an address, which is not open yet.

    Args:
        installation: What runs.
        person: The user; empty if signed out.
        path: The address, with ``{key}`` for the number of a person or a role.
        width: Of the window, in pixels.
        dark: The colour scheme in which the page is opened.
        own_session: Whether the picture needs a session of its own, because it ends or changes it.
    """
    cookies = None
    if person:
        cookies = installation.signed_in(person) if own_session else installation.cookies(person)
    context = installation.browser.new_context(
        viewport={"width": width, "height": HEIGHT},
        color_scheme="dark" if dark else "light",
        storage_state=cookies,
        reduced_motion="reduce",
        locale="en-GB",
    )
    try:
        yield Scene(installation, context, context.new_page(), person, path.format_map(installation.ids))
    finally:
        context.close()


def small(png: bytes) -> bytes:
    """The picture with a palette of its own, a third of the size."""
    image = Image.open(BytesIO(png)).convert("RGB")
    reduced = image.quantize(MAX_COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    output = BytesIO()
    reduced.save(output, format="PNG", optimize=True)
    return min(output.getvalue(), png, key=len)


__all__ = ["BrowserTimeout", "Scene", "scene", "small"]
