"""Figures: large numbers in a row, each a link to what it counts where the user may open that page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import streamlit as st

from app import access, formatting
from app.navigation import BY_PATH

_WIDTH: Final = 136


@dataclass(frozen=True, slots=True)
class Figure:
    """A number. Texts are plain; ``singular`` is the label of the number 1."""

    label: str
    value: str
    singular: str = ""
    detail: str = ""
    """Shown small below it, such as the difference to the time before."""
    path: str | None = None
    """Path of the page that shows what is counted."""
    query: Mapping[str, str] = field(default_factory=dict)


def show(key: str, figures: Sequence[Figure]) -> None:
    """Draw the figures, as many in a row as there is room for."""
    with st.container(horizontal=True, gap="small", key=f"figures-{key}"):
        for figure in figures:
            with st.container(border=True, gap=None, width=_WIDTH):
                _figure(figure)


def _figure(figure: Figure) -> None:
    label = figure.singular if figure.singular and figure.value == "1" else figure.label
    text = f"**{formatting.plain(figure.value)}** {formatting.plain(label)}"
    row = None if figure.path is None else BY_PATH.get(figure.path)
    if row is not None and access.allows_row(row):
        st.page_link(row.script, label=text, query_params=dict(figure.query))
    else:
        st.markdown(text)
    if figure.detail:
        st.markdown(f":small[{formatting.plain(figure.detail)}]")


def difference(now: int, before: int, span: str) -> str:
    """``+12 % on the 7 days before``: how ``now`` differs from ``before``, the count of the span of the same length."""
    if now and not before:
        return f"none in the {span} before"
    return f"{change(now, before)} on the {span} before"


def change(now: int, before: int) -> str:
    """``+12 %``, ``±0 %``, or ``new`` where there was nothing before."""
    if now == before:
        return "±0 %"
    if not before:
        return "new"
    percent = (now - before) / before * 100
    digits = f"{percent:+,.0f}" if abs(percent) >= 1 else f"{percent:+.1g}"
    return f"{digits} %".replace("-", "\N{MINUS SIGN}")
