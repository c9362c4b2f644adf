"""Links to the administration pages with a query, so that the address can be shared."""

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
    """Show a link to a page with a query if the user may open the page; return whether the link is shown.

    ``label`` is markdown: pass names through ``formatting.plain``.
    """
    row = BY_PATH.get(path)
    if row is None or not access.allows_row(row):
        return False
    st.page_link(
        row.script, label=label, icon=icon, help=help_text,
        query_params={name: str(value) for name, value in query.items()},
    )  # fmt: skip
    return True


def query_button(label: str, *, key: str, icon: str | None = None, **query: str | int) -> None:
    """Show a button that replaces the query of the page's address. ``label`` is markdown."""
    if st.button(label, key=key, icon=icon):
        st.query_params.from_dict({name: str(value) for name, value in query.items()})
        st.rerun()


def sync_address() -> None:
    """Write the query to the browser's address.

    A link to the current page changes the script's query, but not the browser's address; without this the next run
    would get the old query (Streamlit 1.67).
    """
    st.query_params.from_dict({name: st.query_params.get_all(name) for name in st.query_params})
