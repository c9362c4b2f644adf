"""Calls for mappings of token roles to roles."""

from __future__ import annotations

from collections.abc import Collection

from app import access
from app.admin.api.parameters import query_params
from app.api_client import call, path
from app.core.contract.mappings import MappingChanged, MappingList
from app.core.list_orders import MappingSort
from app.core.permissions import Permission


@access.requires(Permission.READ_MAPPINGS)
def mappings(
    text: str = "",
    *,
    unmapped: bool = False,
    sort: MappingSort = MappingSort.TOKEN_ROLE,
    cursor: str = "",
    limit: int = 50,
) -> MappingList:
    """Return token roles that are mapped or arrived in tokens; ``unmapped``: only those that are not mapped."""
    params = query_params(q=text, unmapped=unmapped, sort=sort.value, cursor=cursor, limit=limit)
    return call("GET", path("mappings"), params=params).read(MappingList)


@access.requires(Permission.MANAGE_MAPPINGS)
def set_mapping(token_role: str, roles: Collection[int], *, reason: str, version: str) -> MappingChanged:
    """Map a token role to exactly these roles.

    Raises:
        StaleVersion: The mapping was changed meanwhile.
        ExceedsOwnPermissions: The caller does not hold every permission of an added role.
    """
    body = {"token_role": token_role, "roles": sorted(roles), "reason": reason}
    return call("PUT", path("mappings"), body=body, version=version).read(MappingChanged)
