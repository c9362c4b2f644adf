"""Audit: who did what, who was refused and why; with filters in the address, a download, and the chain's state."""

import streamlit as st

from app import access
from app.admin.audit import event_card, event_list
from app.admin.widgets.links import sync_address

access.require_page()

sync_address()
event_number = st.query_params.get("event", "")
if event_number.isascii() and event_number.isdigit() and len(event_number) < 19:  # noqa: PLR2004 - fits a database's integer
    event_card.show(int(event_number))
else:
    event_list.show()
