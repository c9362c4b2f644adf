"""Contrast in the colours that the browser has drawn: what axe does not measure (WCAG 2.2, 1.4.11 and 2.4.13).

Axe compares the text of pages with its background at rest. Here are borders, check boxes, marks and focus outlines, and
the text of buttons in other states and in dialogs. Controls that are disabled are exempt.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Final, Literal

from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import settle

NON_TEXT: Final = 3.0
TEXT: Final = 4.5
MARGIN: Final = 6
"""Pixels around a control that are compared with it; its focus outline is within them."""
OUTLINE_PIXELS: Final = 2
ROUNDED: Final = 0.85
"""A line around a control with rounded corners is shorter than a line around its box, by this at most."""
Colour = tuple[int, int, int]
Part = Literal["edge", "text", "text on hover", "outline", "mark"]


@dataclass(frozen=True)
class Control:
    """A control of a scene, and the parts of it that must be visible.

    Args:
        scene: The row of ``tests/screenshots/table.py``.
        selector: The first element that matches is measured.
        parts: ``edge``: all around it there is a colour of 3 to 1 with what is outside. ``text``: 4.5 to 1 with its
            background. ``outline``: with the focus, an area as large as a line of two pixels around it changes by
            3 to 1. ``mark``: something in it has 3 to 1 with its background.
        focus: What gets the focus, within the control; the control itself without it.
    """

    scene: str
    selector: str
    parts: tuple[Part, ...]
    focus: str = ""


_BUTTON: Final[tuple[Part, ...]] = ("text", "text on hover", "outline")
CONTROLS: Final = (
    Control("people", ".st-key-add-person button", ("edge", *_BUTTON)),
    Control("people", ".st-key-filters button", _BUTTON),
    Control("people", ".st-key-q [data-testid=stTextInputRootElement]", ("edge", "outline"), "input"),
    Control("people", ".st-key-role .react-aria-ComboBox > [role=group]", ("edge", "outline"), "input"),
    Control("people", "td.select input", ("edge", "outline")),
    Control("people", "#page-size", ("edge", "outline")),
    Control("people", "th[aria-sort] .icon", ("mark",)),
    Control("people", "a.open", ("outline",)),
    Control("people", "[data-testid=stSidebarNavLink]", ("text", "outline")),
    Control("people", ".st-key-sign-out", _BUTTON),
    Control("people-selected", "td.select input:checked", ("edge", "mark", "outline")),
    Control("people-selected", "#bulk-grant", _BUTTON),
    Control("people-selected", ".button.danger", _BUTTON),
    Control("role-new", "[data-testid=stCheckbox]:not([data-selected]) label > span + div", ("edge",)),
    Control("role-edit", "[data-testid=stCheckbox][data-selected] label > span + div", ("edge", "mark")),
    Control("role-edit", "[data-testid=stCheckbox] label:not(:has(:disabled))", ("outline",), "input"),
    Control("role-edit", "[role=radio][aria-checked=true]", ("edge", *_BUTTON)),
    Control("role-edit", "[role=radio][aria-checked=false]", ("text", "text on hover")),
    Control("person-grant", "[data-testid=stRadioOption] > div > div:first-child", ("edge",)),
    Control("person-grant", "[data-testid=stRadioOption]", ("text", "outline"), "input"),
    Control("person-grant", "[role=dialog] [role=radio][aria-checked=true]", ("edge", *_BUTTON)),
    Control("person-grant", "[role=dialog] [data-testid=stTextInputRootElement]", ("edge", "outline"), "input"),
    Control("person-grant", ".st-key-add-grant-go button", ("edge", *_BUTTON)),
    Control("person-grant", ".st-key-add-grant-cancel button", _BUTTON),
    Control("person-grant", "[role=dialog] button[aria-label=Close]", ("mark", "outline")),
    Control("person-block", ".st-key-block-go button", ("edge", *_BUTTON)),
    Control("audit", "[data-testid=stDateInputField]", ("edge",)),
    Control("api-explorer", ".st-key-console .control", ("edge", "outline")),
    Control("sign-in", ".st-key-sign-in a", ("edge", *_BUTTON)),
)
"""What is measured, in both colour schemes."""


def findings(page: Page, scene: str) -> Iterator[str]:
    """Measure the controls of a scene; a line for each part that cannot be seen."""
    for control in (control for control in CONTROLS if control.scene == scene):
        element = page.locator(control.selector).first
        for part in control.parts:
            ratio, least = _ratio(page, element, part, control.focus)
            if ratio < least:
                yield f"{control.selector}: {part} has {ratio:.2f}, less than {least:g}"


def _ratio(page: Page, element: Locator, part: Part, focus: str) -> tuple[float, float]:
    """What a part has, and what it must have."""
    if part == "outline":
        return outline_share(page, element, element.locator(focus).first if focus else element), ROUNDED
    if part == "text on hover":
        element.hover(force=True)
        picture = _picture(page, element, 0)
        page.mouse.move(0, 0)
        return mark_contrast(picture), TEXT
    if part == "edge":
        return edge_contrast(_picture(page, element, MARGIN)), NON_TEXT
    return mark_contrast(_picture(page, element, 0)), TEXT if part == "text" else NON_TEXT


def _picture(page: Page, element: Locator, margin: int) -> Image.Image:
    element.scroll_into_view_if_needed()
    box = element.bounding_box()
    assert box is not None, f"{element} is not visible"
    left, top = round(box["x"]) - margin, round(box["y"]) - margin
    png = page.screenshot(animations="disabled", caret="hide", scale="css")
    right, bottom = round(box["x"] + box["width"]) + margin, round(box["y"] + box["height"]) + margin
    return Image.open(BytesIO(png)).convert("RGB").crop((left, top, right, bottom))


def edge_contrast(picture: Image.Image) -> float:
    """The contrast of a control's edge with what is outside, in the middle of that side where it is least."""
    width, height = picture.size
    outside = _pixel(picture, 0, 0)
    reach = MARGIN + 3
    sides = (
        [(x, height // 2) for x in range(reach)],
        [(width - 1 - x, height // 2) for x in range(reach)],
        [(width // 2, y) for y in range(reach)],
        [(width // 2, height - 1 - y) for y in range(reach)],
    )
    return min(max(contrast(_pixel(picture, x, y), outside) for x, y in side) for side in sides)


def mark_contrast(picture: Image.Image) -> float:
    """The greatest contrast of a colour in the picture with its most frequent colour."""
    counts = Counter(_pixels(picture))
    background = counts.most_common(1)[0][0]
    return max(contrast(colour, background) for colour in counts)


def outline_share(page: Page, element: Locator, focused: Locator) -> float:
    """The area that changes by 3 to 1 with the focus, as a share of a line of two pixels around the element."""
    settle(page)  # a run of the page may take the focus
    focused.focus()
    page.keyboard.press("Shift+Tab")  # not `blur`: a dialog returns the focus to the control that had it
    expect(focused).not_to_be_focused()
    before = _picture(page, element, MARGIN)
    page.keyboard.press("Tab")
    expect(focused).to_be_focused()
    after = _picture(page, element, MARGIN)
    width, height = (size - 2 * MARGIN for size in before.size)
    pairs = zip(_pixels(before), _pixels(after), strict=True)
    changed = sum(contrast(*pair) >= NON_TEXT for pair in pairs)
    return changed / (OUTLINE_PIXELS * 2 * (width + height))


def contrast(first: Colour, second: Colour) -> float:
    """The contrast of two colours (WCAG 2.2)."""
    dark, light = sorted((_luminance(first), _luminance(second)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: Colour) -> float:
    red, green, blue = (_linear(value / 255) for value in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def _pixel(picture: Image.Image, x: int, y: int) -> Colour:
    red, green, blue = picture.getpixel((x, y))  # type: ignore[misc] # a picture in RGB
    return red, green, blue


def _pixels(picture: Image.Image) -> list[Colour]:
    data = picture.tobytes()
    return list(zip(data[::3], data[1::3], data[2::3], strict=True))
