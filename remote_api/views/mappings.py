"""Mappings: which token role becomes which roles, and which token roles are not mapped."""

from __future__ import annotations

from typing import Final

from flask import current_app
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from app.core import administration
from app.core.administration_records import MappingRow
from app.core.contract.base import construct
from app.core.contract.mappings import (
    MappedRole,
    MappingBody,
    MappingChanged,
    MappingList,
    MappingRequest,
    MappingsQuery,
)
from app.core.permissions import ROLES, Permission
from remote_api import preconditions
from remote_api.access import requires
from remote_api.preconditions import conditional
from remote_api.services import services
from remote_api.transactions import transaction

IMPLICIT_ROLE_MAPPING: Final = "IMPLICIT_ROLE_MAPPING"
"""Where the app keeps whether a token's role also counts as the built-in role of its name (development)."""

api = APIBlueprint(
    "mappings",
    __name__,
    url_prefix="/api/v1/mappings",
    abp_tags=[Tag(name="mappings", description="Token roles and the roles they become.")],
)


@api.get("", responses={200: MappingList})
@requires(Permission.READ_MAPPINGS)
def mappings(query: MappingsQuery) -> MappingList:
    """List token roles: those that are mapped, and those that tokens carried."""
    rows = services().storage.administration.mappings(
        text=query.q,
        unmapped=query.unmapped,
        sort=query.sort,
        implicit_role_mapping=current_app.config[IMPLICIT_ROLE_MAPPING],
        cursor=query.cursor,
        limit=query.limit,
    )
    return construct(
        MappingList,
        mappings=tuple([_item(row) for row in rows.rows]),
        next=rows.next,
        total=rows.total,
        total_capped=rows.capped,
    )


@api.put("", responses={200: MappingChanged})
@conditional
@requires(Permission.MANAGE_MAPPINGS)
def set_mapping(body: MappingRequest) -> tuple[MappingChanged, int, dict[str, str]]:
    """Map a token role to exactly these roles; the grants of everyone whose last token had it change at once."""
    with transaction() as tx:
        people_changed = administration.set_mapping(
            tx.unit,
            tx.actor,
            token_role=body.token_role,
            roles=frozenset(body.roles),
            reason=body.reason,
            version=preconditions.version(),
            implicit_role_mapping=current_app.config[IMPLICIT_ROLE_MAPPING],
            now=tx.now,
        )
        row = tx.unit.mapping(body.token_role)
    changed = construct(MappingChanged, mapping=_item(row), people_changed=people_changed)
    return changed, 200, preconditions.etag(row.version)


def _item(row: MappingRow) -> MappingBody:
    return construct(
        MappingBody,
        token_role=row.token_role,
        roles=tuple([construct(MappedRole, id=number, name=name) for number, name in row.roles]),
        own_name=current_app.config[IMPLICIT_ROLE_MAPPING] and row.token_role in ROLES,
        people=row.people,
        version=row.version,
    )
