"""The caller's own identity, roles and effective permissions, decided by the same rule that guards everything."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from app.core.assurance import Requirement
from app.core.permissions import CATALOGUE
from app.core.policy import GrantPath, decide
from remote_api.access import authenticated, caller
from remote_api.schemas import Me
from remote_api.services import services

api = APIBlueprint(
    "me", __name__, url_prefix="/api/v1/me", abp_tags=[Tag(name="me", description="The caller's own things.")]
)


@api.get("", responses={200: Me})
@authenticated
def me() -> dict[str, Any]:
    """Say who is asking, and what they may do through this token."""
    principal, grants = caller()
    subject = principal.subject
    descriptions = services().storage.read.role_descriptions() if grants.roles else {}
    permissions = []
    for permission in CATALOGUE.values():
        decision = decide(principal, permission, grants, clock=services().clock)
        if decision.granted_by is not None:
            others = [way for way in grants.grant_paths(permission) if way != decision.granted_by]
            permissions.append(
                {
                    "name": permission.value,
                    "sentence": permission.sentence,
                    "ways": _ways([decision.granted_by, *others]),
                    "step_up": _asked(decision.step_up),
                }
            )
    return {
        "subject": {"issuer": subject.issuer, "subject": subject.subject} if subject is not None else None,
        "name": principal.name,
        "email": principal.email,
        "method": principal.method,
        "client_id": principal.client_id,
        "session": principal.session_ref,
        "authenticated_at": principal.authenticated_at.isoformat() if principal.authenticated_at is not None else None,
        "roles": [
            {"name": name, "description": descriptions.get(name, ""), "ways": _ways(ways)}
            for name, ways in sorted(grants.roles.items())
        ],
        "permissions": permissions,
    }


def _asked(requirement: Requirement | None) -> dict[str, Any] | None:
    if requirement is None:
        return None
    return {"max_age": requirement.max_age_seconds, "acr_values": requirement.acr or None}


def _ways(ways: Iterable[GrantPath]) -> list[dict[str, Any]]:
    return [
        {
            "source": way.source,
            "role": way.role,
            "by": way.by,
            "since": way.since.isoformat() if way.since is not None else None,
            "until": way.until.isoformat() if way.until is not None else None,
        }
        for way in ways
    ]
