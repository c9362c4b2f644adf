"""Mappings: the token roles that arrived or are mapped, and the roles that they are mapped to."""

from app import access
from app.admin.mappings import mapping_list

access.require_page()

mapping_list.show()
