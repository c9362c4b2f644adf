"""The caller's own identity, roles and effective permissions, decided by the same rule that guards everything."""

from __future__ import annotations

from collections.abc import Iterable

from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from app.core.assurance import SignInRequirement
from app.core.contract.base import StepUp, SubjectBody, construct
from app.core.contract.me import GrantPathBody, HeldPermission, HeldRole, Me
from app.core.errors import Unauthenticated
from app.core.permissions import CATALOGUE
from app.core.policy import GrantPath, decide
from remote_api.access import authenticated, caller
from remote_api.services import services

api = APIBlueprint(
    "me", __name__, url_prefix="/api/v1/me", abp_tags=[Tag(name="me", description="The caller's own things.")]
)


@api.get("", responses={200: Me})
@authenticated
def me() -> Me:
    """Return the caller, and what they may do with this token.

    Raises:
        Unauthenticated: if the caller is anonymous.
    """
    principal, grants = caller()
    subject = principal.subject
    if subject is None:  # unreachable: the address needs a token
        raise Unauthenticated
    descriptions = services().storage.read.role_descriptions() if grants.roles else {}
    permissions = []
    for permission in CATALOGUE.values():
        decision = decide(principal, permission, grants, clock=services().clock)
        if decision.granted_by is not None:
            others = [path for path in grants.grant_paths(permission) if path != decision.granted_by]
            permissions.append(
                construct(
                    HeldPermission,
                    name=permission.value,
                    sentence=permission.sentence,
                    ways=_grant_paths([decision.granted_by, *others]),
                    step_up=_step_up(decision.step_up),
                )
            )
    roles = [
        construct(HeldRole, name=name, description=descriptions.get(name, ""), ways=_grant_paths(paths))
        for name, paths in sorted(grants.roles.items())
    ]
    return construct(
        Me,
        subject=construct(SubjectBody, issuer=subject.issuer, subject=subject.subject),
        name=principal.name,
        email=principal.email,
        method=principal.method,
        client_id=principal.client_id,
        session=principal.session_ref,
        authenticated_at=principal.authenticated_at,
        roles=tuple(roles),
        permissions=tuple(permissions),
    )


def _step_up(requirement: SignInRequirement | None) -> StepUp | None:
    if requirement is None:
        return None
    return construct(StepUp, max_age=requirement.max_age_seconds, acr_values=requirement.acr or None)


def _grant_paths(paths: Iterable[GrantPath]) -> tuple[GrantPathBody, ...]:
    return tuple(
        [
            construct(
                GrantPathBody,
                source=path.source,
                role=path.role,
                by=path.author,
                since=path.granted_at,
                until=path.expires_at,
            )
            for path in paths
        ]
    )
