"""The catalogue of permissions: what each allows, what sign-in it needs, and how many people have it."""

from __future__ import annotations

from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from app.core.administration_records import MAX_COUNTED, PermissionRow
from app.core.contract.base import ListQuery, StepUp, construct
from app.core.contract.permissions import PermissionItem, PermissionList
from app.core.permissions import REQUIREMENTS, Permission
from remote_api.access import requires
from remote_api.services import services

api = APIBlueprint(
    "permissions",
    __name__,
    url_prefix="/api/v1/permissions",
    abp_tags=[Tag(name="permissions", description="The catalogue of permissions.")],
)


@api.get("", responses={200: PermissionList})
@requires(Permission.READ_ROLES)
def permissions(query: ListQuery) -> PermissionList:
    """List the catalogue by name."""
    rows = services().storage.administration.permissions(
        services().clock(), text=query.q, cursor=query.cursor, limit=query.limit
    )
    return construct(
        PermissionList,
        permissions=tuple([_item(row) for row in rows.rows]),
        next=rows.next,
        total=rows.total,
        total_capped=rows.capped,
    )


def _item(row: PermissionRow) -> PermissionItem:
    requirement = REQUIREMENTS.get(row.name)
    step_up = None
    if requirement is not None:
        step_up = construct(StepUp, max_age=requirement.max_age_seconds, acr_values=requirement.acr or None)
    return construct(
        PermissionItem,
        name=row.name,
        sentence=row.sentence,
        resource=row.name.partition(":")[2],
        by_scope=row.by_scope,
        step_up=step_up,
        roles=row.roles,
        people=row.people,
        people_capped=row.people >= MAX_COUNTED,
        direct_people=row.direct_people,
    )
