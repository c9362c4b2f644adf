"""Audit: who did what, who was refused and why; with filters in the address, an export, and the chain's state."""

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
event_number = st.query_params.get("event", "")
try:
    if event_number.isascii() and event_number.isdigit() and len(event_number) < 19:  # noqa: PLR2004 - fits a database's integer
        audit_list.show_event(int(event_number))
    else:
        audit_list.chain()
        query = audit_filters.selected()
        audit_list.show(query)
        audit_export.show(query)
except GatehouseError as error:
    panels.problem(error)
