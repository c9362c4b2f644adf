"""Mappings: which role of a token becomes which role here, and what arrived in tokens and is mapped nowhere."""

from app import access, panels
from app.admin.mappings import mapping_list
from app.core.errors import GatehouseError

access.require_page()

try:
    mapping_list.show()
except GatehouseError as error:
    panels.problem(error)
