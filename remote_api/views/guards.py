"""The guard inventory: the permissions that the code requires, as every process published it at its start."""

from __future__ import annotations

from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from app.core.contract.base import construct
from app.core.contract.guards import GuardBody, Guards
from app.core.permissions import Permission
from remote_api.access import requires
from remote_api.services import services

api = APIBlueprint(
    "guards",
    __name__,
    url_prefix="/api/v1/guards",
    abp_tags=[Tag(name="guards", description="Pages, functions and endpoints, and the permission that each requires.")],
)


@api.get("", responses={200: Guards})
@requires(Permission.READ_GUARDS)
def guards() -> Guards:
    """List pages, functions and endpoints with the permission that each requires."""
    rows = [
        construct(
            GuardBody,
            kind=row.kind,
            name=row.name,
            permission=row.permission,
            file=row.file,
            line=row.line,
            process=row.process,
            version=row.version,
            published_at=row.published_at,
        )
        for row in services().storage.administration.guards()
    ]
    return construct(Guards, guards=tuple(rows))
