"""Grants: grant a person a role or permission, revoke it, stop withholding it, and change several people at once."""

from __future__ import annotations

from typing import Final

from flask import current_app
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from app.core import administration, logs
from app.core.administration_records import GrantRow, PersonCard
from app.core.contract.base import ReasonRequest, construct
from app.core.contract.grants import (
    BulkOutcome,
    BulkProblem,
    BulkRequest,
    BulkResult,
    BulkResults,
    NewGrantBody,
    PersonGrantPath,
    PersonWithheldPath,
)
from app.core.contract.people import PersonBody, PersonPath
from app.core.errors import ChangeUnconfirmed, GatehouseError, InvalidInput, ServiceUnavailable
from app.core.permissions import Permission
from remote_api import preconditions
from remote_api.access import requires
from remote_api.preconditions import conditional, unconditional
from remote_api.transactions import nothing_was_changed, transaction
from remote_api.views.people import DEFAULT_ROLE, answer_of, card_of

_NOT_TRIED: Final = "Not tried: "

api = APIBlueprint(
    "grants",
    __name__,
    url_prefix="/api/v1",
    abp_tags=[Tag(name="grants", description="Roles and permissions of people.")],
)


@api.post("/people/<int:person>/grants", responses={200: PersonBody, 201: PersonBody})
@conditional
@requires(Permission.MANAGE_GRANTS)
def grant(path: PersonPath, body: NewGrantBody) -> tuple[PersonBody, int, dict[str, str]]:
    """Grant a person a role or a single permission; 200 if they have it already."""
    _require_change_one(body.role, body.permission)
    with transaction() as tx:
        new = administration.grant(
            tx.unit,
            tx.actor,
            person=path.person,
            role=body.role,
            permission=body.permission,
            expires_at=body.until,
            reason=body.reason,
            version=preconditions.version(),
            now=tx.now,
        )
        return answer_of(tx, path.person, 201 if new else 200)


@api.delete("/people/<int:person>/grants/<int:grant>", responses={200: PersonBody})
@conditional
@requires(Permission.MANAGE_GRANTS)
def revoke(path: PersonGrantPath, query: ReasonRequest) -> tuple[PersonBody, int, dict[str, str]]:
    """Revoke a grant of a person; one from the provider's token or GATEHOUSE_DEFAULT_ROLE is withheld from now on."""
    with transaction() as tx:
        administration.revoke(
            tx.unit,
            tx.actor,
            person=path.person,
            grant=path.grant,
            reason=query.reason,
            version=preconditions.version(),
            default_role=current_app.config[DEFAULT_ROLE],
            now=tx.now,
        )
        return answer_of(tx, path.person)


@api.delete("/people/<int:person>/withheld/<int:withheld>", responses={200: PersonBody})
@conditional
@requires(Permission.MANAGE_GRANTS)
def release(path: PersonWithheldPath, query: ReasonRequest) -> tuple[PersonBody, int, dict[str, str]]:
    """Stop withholding a role or permission that the provider's token or the default role grants; effective at once."""
    with transaction() as tx:
        administration.release(
            tx.unit,
            tx.actor,
            person=path.person,
            withheld=path.withheld,
            reason=query.reason,
            version=preconditions.version(),
            default_role=current_app.config[DEFAULT_ROLE],
            now=tx.now,
        )
        return answer_of(tx, path.person)


@api.post("/grants/bulk", responses={200: BulkResults})
@unconditional("each person is its own transaction, and granting or revoking twice is harmless")
@requires(Permission.MANAGE_GRANTS)
def bulk(body: BulkRequest) -> BulkResults:
    """Grant to several people or revoke from them, each in its own transaction; returns the result of each.

    Raises:
        InvalidInput: for a revocation with an end.
        ServiceUnavailable: if the first change failed, so that nothing was changed.
    """
    _require_change_one(body.role, body.permission)
    if body.action == "revoke" and body.until is not None:
        raise InvalidInput({"until": "A revocation has no end: omit this field."})
    results: list[BulkResult] = []
    people = list(dict.fromkeys(body.people))
    for person in people:
        try:
            results.append(_change_one(person, body))
        except ServiceUnavailable as error:
            unconfirmed = isinstance(error, ChangeUnconfirmed)
            if not unconfirmed and all(result.outcome != "done" for result in results):
                nothing_was_changed()
                raise
            logs.report(error, where="a change of several people")
            results.append(_result(person, "unknown" if unconfirmed else "refused", error))
            results += [_result(other, "refused", error, _NOT_TRIED) for other in people[len(results) :]]
            break
    return construct(BulkResults, results=tuple(results))


def _change_one(person: int, body: BulkRequest) -> BulkResult:
    """Change one person and return the result; raises ``ServiceUnavailable`` only."""
    try:
        changed = _grant_to(person, body) if body.action == "grant" else _revoke_from(person, body)
    except ServiceUnavailable:
        raise
    except GatehouseError as error:
        return _result(person, "refused", error)
    return construct(BulkResult, person=person, outcome="done" if changed else "unchanged", problem=None)


def _result(person: int, outcome: BulkOutcome, error: GatehouseError, prefix: str = "") -> BulkResult:
    """The result for a person whose change failed; ``prefix`` stands in front of the reason."""
    problems = error.problems.values() if isinstance(error, InvalidInput) else ()
    detail = " ".join([error.detail, *problems]).strip() or f"{error.title}."
    problem = construct(BulkProblem, code=error.code, title=error.title, detail=f"{prefix}{detail}")
    return construct(BulkResult, person=person, outcome=outcome, problem=problem)


def _grant_to(person: int, body: BulkRequest) -> bool:
    with transaction() as tx:
        return administration.grant(
            tx.unit,
            tx.actor,
            person=person,
            role=body.role,
            permission=body.permission,
            expires_at=body.until,
            reason=body.reason,
            version=None,
            now=tx.now,
        )


def _revoke_from(person: int, body: BulkRequest) -> bool:
    grants = [row for row in _matching(card_of(person), body) if body.automatic or not row.automatic]
    if not grants:
        return False
    with transaction() as tx:
        revoked = administration.revoke_all(
            tx.unit,
            tx.actor,
            grants,
            person=person,
            reason=body.reason,
            default_role=current_app.config[DEFAULT_ROLE],
            now=tx.now,
        )
    return revoked > 0


def _matching(card: PersonCard, body: BulkRequest) -> list[GrantRow]:
    return [row for row in card.grants if (row.role, row.permission) == (body.role, body.permission)]


def _require_change_one(role: str | None, permission: str | None) -> None:
    if (role is None) == (permission is None):
        raise InvalidInput({"role": "Name exactly one of role and permission.", "permission": "As for role."})
