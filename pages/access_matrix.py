"""Access matrix: what in the code asks for which permission, and which roles give it, with file and line."""

import streamlit as st

from app import access, panels
from app.admin.access_matrix import matrix_view
from app.core.errors import GatehouseError

access.require_page()

st.set_page_config(layout="wide")  # one column a role
try:
    matrix_view.show()
except GatehouseError as error:
    panels.problem(error)
