"""Mappings: the token roles that arrived or are mapped, and the roles that they are mapped to."""

from app import access, panels
from app.admin.mappings import mapping_list
from app.core.errors import GatehouseError

access.require_page()

try:
    mapping_list.show()
except GatehouseError as error:
    panels.problem(error)
