"""The measurement of text with wide spacing, on pages of which it is known what is cut off."""

from __future__ import annotations

from typing import Final

import pytest
from playwright.sync_api import Browser

from tests.e2e.accessibility.visit import text_spacing_problems

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-scenes-other")]
TEXT: Final = "<p>A sentence that needs one line</p>"
PAGES: Final = {
    "room": (f"<div>{TEXT}</div>", []),
    "a fixed height": (
        f'<div style="height: 20px; overflow: hidden; width: 220px; font: 14px Arial">{TEXT}</div>',
        ["div"],
    ),
    "a fixed width": (
        f'<div style="white-space: nowrap; overflow: hidden; width: 220px; font: 14px Arial">{TEXT}</div>',
        ["div"],
    ),
    "an ellipsis": (
        f'<div style="white-space: nowrap; overflow: hidden; width: 220px; text-overflow: ellipsis">{TEXT}</div>',
        [],
    ),
    "a place that scrolls": (f'<div style="height: 20px; overflow: auto; width: 190px">{TEXT}</div>', []),
    "a shadow tree": (
        f"""<div><template shadowrootmode="open">
        <section style="white-space: nowrap; overflow: hidden; width: 220px; font: 14px Arial">{TEXT}</section>
        </template></div>""",
        ["section"],
    ),
    "a wide page": ('<div style="white-space: nowrap; font: 14px Arial">' + "word " * 9 + "</div>", ["sideways"]),
}


@pytest.mark.parametrize(("body", "expected"), PAGES.values(), ids=PAGES)
def test_text_that_wide_spacing_cuts_off_is_reported(browser: Browser, body: str, expected: list[str]) -> None:
    page = browser.new_page(viewport={"width": 375, "height": 600})
    page.evaluate("html => document.body.setHTMLUnsafe(html)", f"<style>p {{ margin: 0 }}</style>{body}")
    problems = text_spacing_problems(page)
    again = text_spacing_problems(page)
    page.close()
    assert [line.rpartition(" ")[2] for line in problems] == expected
    assert again == problems, "the spacing has been set back"
