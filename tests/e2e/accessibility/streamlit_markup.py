"""What axe reports in Streamlit's own markup, which a script cannot change: the only violations that tests accept.

A row names the narrowest selector that matches, and a scene where the violation occurs. When it no longer occurs
there, because Streamlit has changed, the test of that scene fails until the row is removed. ``docs/accessibility.md``
repeats the table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class KnownViolation:
    """A violation in the markup of Streamlit.

    Args:
        rule: The id of axe's rule.
        selector: Matches the elements, each of which Streamlit draws.
        scene: The row of ``tests/screenshots/table.py`` where it occurs, at a width of 1440 pixels.
        reason: What Streamlit does, and why no script can change it.
        issue: The issue of Streamlit, or of axe, that is about it; empty where none is known.
    """

    rule: str
    selector: str
    scene: str
    reason: str
    issue: str = ""


FOCUS: Final = "focus"
"""The rule of a row that is about the visible focus, and not one of axe. It is accepted in its scene only."""
KNOWN_VIOLATIONS: Final = (
    KnownViolation(
        "list",
        "[data-testid=stSidebarNavItems]",
        "home-administrator",
        "Each section of `st.navigation` is a `div` between the list and its entries.",
        "streamlit/streamlit#8399",
    ),
    KnownViolation(
        "listitem",
        "[data-testid=stSidebarNavItems] > div > li",
        "home-administrator",
        "The same `div`: the entries of a section have no list as their parent.",
        "streamlit/streamlit#8399",
    ),
    KnownViolation(
        "region",
        "[data-testid=stSkipToContent]",
        "sign-in",
        "The skip link is outside of the landmarks, where it belongs; axe does not take it for one without a sidebar.",
        "dequelabs/axe-core#4240",
    ),
    KnownViolation(
        "region",
        "#stFloatingOverlayPortal",
        "people-add",
        "The layer for the popups of an open dialog is outside of the landmarks, and of the dialog.",
    ),
    KnownViolation(
        "presentation-role-conflict",
        "[data-testid=stFileUploaderDropzone]",
        "csv",
        "The drop zone of `st.file_uploader` has the role `presentation`, and a name. Its button has the name too.",
    ),
    KnownViolation(
        "target-size",
        "[data-testid=stMultiSelect] input",
        "audit-no-match",
        "Beside a selection the input of `st.multiselect` is narrow; a press on the box around it reaches it too.",
    ),
    KnownViolation(
        "target-size",
        "[data-testid=stDateInput] [role=spinbutton]",
        "audit-until",
        "Day, month and year of `st.date_input` are 22 pixels high; the arrow keys and the calendar reach them too.",
    ),
    KnownViolation(
        "empty-table-header",
        "[data-testid=data-grid-canvas] th:empty",
        "csv-file",
        "The column of row numbers of `st.dataframe` has no name for screen readers.",
    ),
    KnownViolation(
        "svg-img-alt",
        ".stVegaLiteChart g.mark-symbol:empty",
        "csv-file",
        "`st.line_chart` has an empty group for the point below the pointer; the chart itself has a name.",
    ),
    KnownViolation(
        FOCUS,
        "[data-testid=data-grid-canvas], [data-testid=data-grid-canvas] [id^=glide-cell-]",
        "csv-file",
        "`st.dataframe` paints the focus of its cells on a canvas.",
    ),
    KnownViolation(
        FOCUS,
        "[data-testid=stDateInput] *",
        "audit-download",
        "`st.popover` stays open when the focus leaves it, and covers what is below. Escape closes it.",
    ),
    KnownViolation(
        FOCUS,
        "[data-testid=stMain] *",
        "navigation",
        "In a narrow window the open sidebar hides the content, and the focus still goes there. Its button closes it.",
    ),
)
"""Each with the reason why it is accepted."""
