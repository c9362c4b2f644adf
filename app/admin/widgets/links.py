"""Where the pages of administration are, and links into them that can be shared."""

from __future__ import annotations

from typing import Final

import streamlit as st

from app import access
from app.navigation import BY_PATH

ROLES: Final = "roles"
PEOPLE: Final = "people"
MAPPINGS: Final = "mappings"
AUDIT: Final = "audit"
MATRIX: Final = "access"


def link(path: str, label: str, *, icon: str | None = None, help_text: str | None = None, **query: str | int) -> bool:
    """A link to a page with a query, where this person may open it; returns whether it stands there.

    ``label`` is markdown: what people wrote must be made safe before.
    """
    row = BY_PATH.get(path)
    if row is None or not access.allows_row(row):
        return False
    st.page_link(
        row.script, label=label, icon=icon, help=help_text,
        query_params={name: str(value) for name, value in query.items()},
    )  # fmt: skip
    return True


def step(label: str, *, key: str, icon: str | None = None, **query: str | int) -> None:
    """A button that leads on within the page that shows it: its address gets this query. ``label`` is markdown."""
    if st.button(label, key=key, icon=icon):
        st.query_params.from_dict({name: str(value) for name, value in query.items()})
        st.rerun()


def keep_address() -> None:
    """Say the address again: a link to the page that one is on changes what the script is told, and not the browser's.

    Without this the next run would be told the old query (Streamlit 1.67).
    """
    st.query_params.from_dict({name: st.query_params.get_all(name) for name in st.query_params})
