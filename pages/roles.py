"""Roles: the list, the card of a role, its editor with a review before saving, comparison and deletion."""

import streamlit as st

from app import access, panels
from app.admin.roles import compare as role_compare
from app.admin.roles import editor as role_editor
from app.admin.roles import role_card, role_list
from app.admin.widgets.links import ROLES, sync_address
from app.core.errors import GatehouseError
from app.ui import notices

access.require_page()


def number(name: str) -> int | None:
    """Return a number from the address's query; None if it is missing or not a number."""
    text = st.query_params.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None  # noqa: PLR2004 - fits a database's integer


sync_address()
notices.show(ROLES)
role, edit = number("role"), st.query_params.get("edit", "")
try:
    if edit == "new":
        role_editor.show(None, copy_of=number("copy"))
    elif role is None:
        role_list.show()
    elif edit:
        role_editor.show(role)
    elif "compare" in st.query_params:
        role_compare.show(role, number("compare"))
    else:
        role_card.show(role)
except GatehouseError as error:
    panels.problem(error)
