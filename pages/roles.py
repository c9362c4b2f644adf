"""Roles: the table, the page of a role with its editor and review, comparison and deletion."""

import streamlit as st

from app import access, panels
from app.admin.roles import compare as role_compare
from app.admin.roles import editor as role_editor
from app.admin.roles import role_list, role_page
from app.admin.widgets.links import sync_address
from app.core.errors import GatehouseError

access.require_page()


def number(name: str) -> int | None:
    """Return a number from the address's query; None if it is missing or not a number."""
    text = st.query_params.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None  # noqa: PLR2004 - fits a database's integer


role, edit = number("role"), st.query_params.get("edit", "")
try:
    if edit == "new":
        role_editor.show_new(copy_of=number("copy"))
    elif role is None:
        role_list.show()
    elif "compare" in st.query_params:
        role_compare.show(role, number("compare"))
    else:
        sync_address()
        role_page.show(role, to_edit=bool(edit))
except GatehouseError as error:
    panels.problem(error)
