"""The catalogue of permissions: what each lets one do, what it asks of a sign-in, and how many hold it."""

from __future__ import annotations

from typing import Any

from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from app.core.directory import PermissionRow
from app.core.permissions import REQUIREMENTS, Permission
from remote_api.access import requires
from remote_api.schemas.roles import ListAsked, PermissionList
from remote_api.services import services

api = APIBlueprint(
    "permissions",
    __name__,
    url_prefix="/api/v1/permissions",
    abp_tags=[Tag(name="permissions", description="What may be asked.")],
)


@api.get("", responses={200: PermissionList})
@requires(Permission.READ_ROLES)
def permissions(query: ListAsked) -> dict[str, Any]:
    """List the catalogue by name."""
    found = services().storage.directory.permissions(
        services().clock(), text=query.q, cursor=query.cursor, limit=query.limit
    )
    return {
        "permissions": [_item(row) for row in found.rows],
        "next": found.next,
        "total": found.total,
        "total_capped": found.capped,
    }


def _item(row: PermissionRow) -> dict[str, Any]:
    asked = REQUIREMENTS.get(row.name)
    return {
        "name": row.name,
        "sentence": row.sentence,
        "resource": row.name.partition(":")[2],
        "by_scope": row.by_scope,
        "step_up": None if asked is None else {"max_age": asked.max_age_seconds, "acr_values": asked.acr or None},
        "roles": row.roles,
        "people": row.people,
    }
