"""States of the explorers: a file is open, a response has come."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from playwright.sync_api import expect

from tests.screenshots.scene import SOON, Scene

TOWNS: Final = b"town,people,area\nUlm,126949,118.7\nBonn,331885,141.1\nKiel,247717,118.7\nJena,111191,114.8\n"


@contextmanager
def with_a_file(scene: Scene) -> Iterator[None]:
    """A CSV file is open."""
    scene.open()
    file = {"name": "towns.csv", "mimeType": "text/csv", "buffer": TOWNS}
    scene.page.locator(".st-key-upload input[type=file]").set_input_files(file)  # type: ignore[arg-type]
    expect(scene.page.get_by_text("4 of 4 rows, 3 columns")).to_be_visible(timeout=SOON)
    # The table for screen readers, and the chart, are drawn after the text.
    expect(scene.page.locator("[data-testid=data-grid-canvas] th").first).to_be_attached(timeout=SOON)
    expect(scene.page.locator(".stVegaLiteChart g.mark-symbol").first).to_be_attached(timeout=SOON)
    scene.settle()
    yield


@contextmanager
def with_a_response(scene: Scene) -> Iterator[None]:
    """The API explorer shows a response."""
    scene.open()
    scene.press("send")
    expect(scene.page.locator(".st-key-response")).to_contain_text("200", timeout=SOON)
    yield
