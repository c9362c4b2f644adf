"""Audit: who did what, who was refused and why; filters that stand in the address, export, and the chain's state."""

import streamlit as st

from app import access, panels
from app.admin.audit import event_list as audit_list
from app.admin.audit import export as audit_export
from app.admin.audit import filters as audit_filters
from app.admin.widgets.links import sync_address
from app.core.errors import GatehouseError

access.require_page()

sync_address()
st.title("Audit")
asked_for = st.query_params.get("event", "")
try:
    if asked_for.isascii() and asked_for.isdigit() and len(asked_for) < 19:  # noqa: PLR2004 - fits a database's integer
        audit_list.show_one(int(asked_for))
    else:
        audit_list.chain()
        asked = audit_filters.chosen()
        audit_list.show(asked)
        audit_export.show(asked)
except GatehouseError as error:
    panels.problem(error)
