"""Access matrix: the permission that each guard requires, the roles that have it, and its file and line."""

from app import access, panels
from app.admin.access_matrix import matrix_view
from app.core.errors import GatehouseError

access.require_page()

try:
    matrix_view.show()
except GatehouseError as error:
    panels.problem(error)
