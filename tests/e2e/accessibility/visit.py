"""One visit to a scene of the screenshots: everything that is checked there, so that each state is reached once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from playwright.sync_api import Page

from tests.e2e.accessibility import axe, contrast
from tests.e2e.accessibility.streamlit_markup import FOCUS, KNOWN_VIOLATIONS, KnownViolation
from tests.e2e.conftest import fits, settle
from tests.screenshots.installations import Photographed
from tests.screenshots.scene import HEIGHT, SOON, Scene, scene
from tests.screenshots.table import Shot

WIDE: Final = 1440
NARROW: Final = 375
NARROWEST: Final = 320
"""WCAG 2.2, 1.4.10: content fits into 320 CSS pixels."""
MAX_STOPS: Final = 400
STOPS_AT_ONCE: Final = 10
_FOCUS_STOPS: Final = (Path(__file__).parent / "focus-stops.js").read_text(encoding="utf-8")
_TEXT_SPACING: Final = (Path(__file__).parent / "text-spacing.js").read_text(encoding="utf-8")
_WITHOUT_TRANSITIONS: Final = """() => {
  const style = document.createElement("style")
  style.textContent = "* { transition: none !important }"
  document.head.append(style)
}"""
_FOLD_NAVIGATION: Final = """() => {
  const button = document.querySelector("[data-testid=stSidebarCollapseButton] button")
  button?.click()
  return Boolean(button)
}"""


def findings(installation: Photographed, shot: Shot) -> list[str]:
    """Visit the scene once; a line for each problem.

    Axe runs with all rules at the first width of the scene and at 375 pixels, and with the rules about colours in the
    dark scheme, in which Tab goes through the page. At 375 pixels the spacing of text is widened. At the end the page
    is made as narrow as 320 pixels.

    Raises:
        AssertionError: The state is not brought about.
    """
    width = shot.widths[0]
    opened = scene(installation, shot.person, shot.path, width=width, dark=False, own_session=shot.own_session)
    with opened as place, shot.state(place):
        return list(_findings(place, shot))


def _findings(place: Scene, shot: Shot) -> Iterator[str]:
    page, width = place.page, shot.widths[0]
    yield from _sideways(page, width)
    reports = {f"light, {width} px": axe.report(page)}
    yield from contrast.findings(page, shot.name)
    _show(place, width, dark=True)
    reports["dark"] = axe.report(page, axe.COLOUR_RULES)
    yield from (f"dark: {line}" for line in contrast.findings(page, shot.name))
    if place.at_rest:
        reports["focus"] = focus_report(page, shot.name)
    _show(place, NARROW, dark=False)
    yield from _sideways(page, NARROW)
    reports[f"light, {NARROW} px"] = axe.report(page)
    yield from text_spacing_problems(page)
    for name, report in reports.items():
        yield from (f"{name}: {line}" for line in report.violations)
    known = frozenset[KnownViolation]().union(*(report.known for report in reports.values()))
    for row in KNOWN_VIOLATIONS:
        if row.scene == shot.name and row not in known:
            yield f"{row.rule} no longer occurs at {row.selector}: remove the row from the table of known violations"
    _show(place, NARROWEST, dark=False)
    yield from _sideways(page, NARROWEST)


def _sideways(page: Page, width: int) -> Iterator[str]:
    if not fits(page):
        yield f"a part of it scrolls sideways at {width} px"


def _show(place: Scene, width: int, *, dark: bool) -> None:
    """Change the colours and the width of the open page; a narrow one folds its navigation, as if opened so."""
    place.page.emulate_media(color_scheme="dark" if dark else "light", reduced_motion="reduce")
    viewport = place.page.viewport_size
    assert viewport is not None
    if viewport["width"] != width:
        place.page.set_viewport_size({"width": width, "height": HEIGHT})
        if width == NARROW and viewport["width"] > NARROW and place.page.evaluate(_FOLD_NAVIGATION):
            # Attached, not visible: the overlay of an expired session hides the page with its buttons.
            place.page.get_by_test_id("stExpandSidebarButton").wait_for(state="attached", timeout=SOON)
    place.settle()


def text_spacing_problems(page: Page) -> list[str]:
    """Widen the spacing of all text (WCAG 2.2, 1.4.12), and set it back; a line for each text that this cuts off."""
    page.evaluate(_TEXT_SPACING)
    before = page.evaluate("gatehouseTextSpacing.problems()")
    page.evaluate("gatehouseTextSpacing.widen()")
    settle(page)
    problems = [
        f"with wide spacing {line}" for line in page.evaluate("gatehouseTextSpacing.problems()") if line not in before
    ]
    if not fits(page):
        problems.append("with wide spacing a part of it scrolls sideways")
    page.evaluate("gatehouseTextSpacing.restore()")
    return problems


def focus_report(page: Page, scene_name: str) -> axe.Report:
    """Press Tab until the focus has been everywhere; the controls whose focus cannot be seen."""
    page.evaluate(_WITHOUT_TRANSITIONS)
    page.evaluate(_FOCUS_STOPS)
    known = [row for row in KNOWN_VIOLATIONS if row.rule == FOCUS and row.scene == scene_name]
    for number in range(1, MAX_STOPS + 1):
        page.keyboard.press("Tab")
        if number % STOPS_AT_ONCE == 0 and page.evaluate("gatehouseFocusStops.isRound()"):
            break
    else:
        return axe.Report((f"Tab has not been everywhere after {MAX_STOPS} controls",), frozenset())
    selectors = [row.selector for row in known]
    return axe.divide(page.evaluate("known => gatehouseFocusStops.problems(known)", selectors), known)
