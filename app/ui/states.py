"""What stands in place of content: an empty list, with what to do next."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st


def empty(
    title: str,
    text: str = "",
    *,
    icon: str = "inbox",
    key: str,
    action: str = "",
    on_click: Callable[..., Any] | None = None,
) -> None:
    """Show that there is nothing, why, and one thing to do about it.

    Args:
        title: What there is none of, markdown-safe.
        text: Why, or what to do; markdown-safe.
        icon: The name of a Material symbol.
        key: Prefix of the widgets' keys.
        action: Label of the button; none without it.
        on_click: What the button does.
    """
    with st.container(key=f"empty-{key}", border=True, horizontal_alignment="center", gap="xsmall"):
        st.markdown(f":material/{icon}: **{title}**", width="content")
        if text:
            st.markdown(text, width="content")
        if action:
            st.button(action, key=f"{key}-action", on_click=on_click)
