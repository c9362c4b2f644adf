"""The layout of pages: the header with its actions, and the styles that the theme has no setting for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Literal

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

_STYLE: Final = """<style>
[data-testid=stMainBlockContainer] { padding-top: 4.5rem; padding-bottom: 4rem; }
@media (min-width: 62rem) { [data-testid=stMainBlockContainer] { padding-inline: 2.5rem; } }
[data-testid=stAppScrollToBottomContainer], [data-testid=stMain] { scroll-padding-top: 4.5rem; }
body :is(button, a, summary, [role=button], [role=tab], [role=option], [tabindex]:not(input, textarea)):focus-visible {
  outline: 2px solid #3d8b75 !important; outline-offset: 2px; box-shadow: none;
}
body :is([data-testid$=RootElement], [data-testid=stNumberInputContainer], .react-aria-ComboBox > [role=group])
  :is(input, textarea):focus-visible { outline: none; }
body :is([data-testid$=RootElement], [data-testid=stNumberInputContainer], .react-aria-ComboBox > [role=group]):has(
  :is(input, textarea):focus-visible) { outline: 2px solid #3d8b75; outline-offset: 1px; }
body [data-testid=stButtonGroup] [role=radiogroup] { padding: 4px; margin: -4px; }
body [data-testid=stButtonGroup] button:focus-visible { position: relative; z-index: 1; }
body label:has(input:is([type=checkbox], [type=radio]):focus-visible) {
  outline: 2px solid #3d8b75; outline-offset: 2px; border-radius: 0.375rem;
}
body :is([data-testid$=RootElement], [data-testid=stNumberInputContainer], [data-testid=stDateInputField],
  .react-aria-ComboBox > [role=group], [data-testid=stCheckbox]:not([data-selected]) label > span + div,
  [data-testid=stRadioOption]:not([data-selected]) > div > div:first-child) { border-color: #75827d; }
body [data-testid=stCheckbox]:not([data-selected]):has([role=switch]) label > span + div {
  box-shadow: inset 0 0 0 1px #75827d;
}
body button:is([aria-checked=true], [aria-pressed=true]) :is(p, span) { color: inherit; }
body button:is([aria-checked=true], [aria-pressed=true]) { color: inherit !important; }
[data-testid=stCaptionContainer] code, small code { color: inherit; background: none; }
[data-testid=stElementToolbar]:focus-within { opacity: 1; z-index: 10; }
[data-testid=stLayoutWrapper]:has(> .st-key-notice) { position: sticky; top: 3.75rem; z-index: 90; }
.st-key-notice:not(:empty) { background: light-dark(#fdfcfa, #141a18); padding-block: 0.25rem; border-radius: 0.6rem; }
.st-key-notice [data-testid=stAlertContainer] { padding-block: 0.625rem; }
body [class*="st-key-danger-"] [data-testid=stBaseButton-primary]:not(:disabled) {
  background: #bf4640; border-color: #bf4640;
}
[data-testid=stLayoutWrapper]:has(> .st-key-action-bar) {
  position: sticky; bottom: 0; z-index: 80; background: light-dark(#fdfcfa, #141a18); padding-bottom: 0.75rem;
}
@media (min-width: 40rem) {
  [class*=st-key-row-] { flex-wrap: nowrap; }
  [class*=st-key-row-] > :first-child { min-width: 0; }
}
.st-key-action-bar {
  background: light-dark(#f1efe9, #1e2623); border: 1px solid light-dark(#dcd8ce, #33403b); border-radius: 0.6rem;
  padding: 0.625rem 1rem;
}
.stApp:has(.st-key-action-bar) [data-testid=stMain] { scroll-padding-bottom: 6rem; }
[class*=st-key-figures-] p { font-size: 0.875rem; }
[class*=st-key-figures-] strong { display: block; font-size: 1.625rem; font-weight: 600; line-height: 1.15; }
[class*=st-key-figures-] [data-testid=stVerticalBlock] { padding: 0.625rem 0.75rem; }
[class*=st-key-figures-] [data-testid=stPageLink-NavLink] { margin: 0; padding: 0; background: none; }
[class*=st-key-figures-] a:hover { text-decoration: underline; }
[class*=st-key-figures-] > * { flex: 1 1 8.5rem !important; max-width: 16rem; }
@media (max-width: 40rem) {
  :is([class*=st-key-figures-], [class*=-filters], .st-key-filter-bar) > * {
    flex: 1 1 40% !important; width: auto !important;
  }
  .stApp [class*=st-key-figures-] > * { max-width: none; }
  .stApp [class*=st-key-fact-] { row-gap: 0; }
  :is([class*=st-key-fact-], [class*=st-key-point-]) > :first-child { flex: 0 0 100% !important; }
}
@media (max-width: 68rem) { .st-key-side-by-side [data-testid=stColumn] { min-width: 100%; } }
[class*=st-key-facts-] pre { padding: 0.125rem 2.5rem 0.125rem 0.5rem; }
@media (max-width: 40rem) {
  .stApp h1 { font-size: 1.5rem; }
  .stApp h2 { font-size: 1.25rem; }
  .stApp [data-testid=stMainBlockContainer] { padding-inline: 1rem; }
}
</style>"""
"""Focus outlines and borders of inputs of at least 3 to 1 (WCAG 2.2, 1.4.11); notice and action bar stay in view.

Dialogs and popovers are outside of ``.stApp`` and have no color scheme, so ``light-dark()`` is light there. The colours
of outlines and borders have 3 to 1 on the backgrounds of both themes.
"""


def style() -> None:
    """Send the styles of every page."""
    st.html(_STYLE)


def side_by_side() -> tuple[DeltaGenerator, DeltaGenerator]:
    """Return a wide and a narrow column; in a narrow window the second one is below the first."""
    with st.container(key="side-by-side"):
        wide, narrow = st.columns([3, 2], gap="large")
    return wide, narrow


@contextmanager
def header(title: str, *, caption: str = "", level: Literal[1, 2] = 1, key: str = "page") -> Iterator[None]:
    """Show a title; what the block draws stands beside it: its actions, at most one of them primary.

    Args:
        title: Markdown: pass names through ``formatting.plain``.
        caption: What it is for, in a sentence; markdown.
        level: 1 for the title of the page, 2 for that of a section.
        key: Prefix of the keys; sections of one page have their own.
    """
    draw = st.title if level == 1 else st.header
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", key=f"{key}-header"
    ):
        draw(title, width="content", anchor=False)
        with st.container(horizontal=True, width="content", gap="small", key=f"{key}-actions"):
            yield
    if caption:
        st.markdown(caption)


@contextmanager
def row(key: str) -> Iterator[None]:
    """Lay out what the block draws side by side: the first element takes the room that the others leave.

    On a phone the others stand below it. ``key`` identifies the row within the page.
    """
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"row-{key}"):
        yield


@contextmanager
def action_bar() -> Iterator[None]:
    """Show what the block draws in a bar that stays in view at the bottom of the window: unsaved changes and actions.

    Call it at the end of a page, outside of columns and containers, at most once.
    """
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", gap="small", key="action-bar"
    ):
        yield
