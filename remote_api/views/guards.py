"""What in the code asks for which permission: the union of what every process published at its start."""

from __future__ import annotations

from typing import Any

from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from app.core.permissions import Permission
from remote_api.access import requires
from remote_api.schemas.records import Guards
from remote_api.services import services
from remote_api.transactions import iso

api = APIBlueprint(
    "guards",
    __name__,
    url_prefix="/api/v1/guards",
    abp_tags=[Tag(name="guards", description="What in the code asks for what.")],
)


@api.get("", responses={200: Guards})
@requires(Permission.READ_GUARDS)
def guards() -> dict[str, Any]:
    """List pages, functions and endpoints with the permission each asks for."""
    return {
        "guards": [
            {
                "kind": row.kind,
                "name": row.name,
                "permission": row.permission,
                "file": row.file,
                "line": row.line,
                "process": row.process,
                "version": row.version,
                "published_at": iso(row.published_at),
            }
            for row in services().storage.directory.guards()
        ]
    }
