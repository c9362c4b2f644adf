"""People and machines: list, read, add before a first sign-in, block, unblock, erase."""

from __future__ import annotations

from collections.abc import Sequence

from flask import current_app
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from app.core import administration
from app.core.administration_records import GrantRow, PeopleQuery, PersonCard, PersonRow, WithheldRow
from app.core.contract.base import ReasonRequest, SubjectBody, construct
from app.core.contract.grants import GrantBody, WithheldBody
from app.core.contract.people import (
    Block,
    Blocked,
    EffectivePermission,
    NewPerson,
    People,
    PeopleListQuery,
    PersonBody,
    PersonItem,
    PersonPath,
    TokenRole,
)
from app.core.errors import NotFound
from app.core.permissions import CATALOGUE, Permission
from app.core.principal import Subject
from remote_api import preconditions
from remote_api.access import requires
from remote_api.actor_names import actor_name, present_names
from remote_api.audit_sentences import NameOf
from remote_api.preconditions import conditional, unconditional
from remote_api.services import services
from remote_api.transactions import Transaction, transaction

ISSUER = "ISSUER"
"""Where the app keeps the configured issuer."""
DEFAULT_ROLE = "GATEHOUSE_DEFAULT_ROLE"
"""Where the app keeps the role that every user is granted at a sign-in; None where there is none."""

api = APIBlueprint(
    "people", __name__, url_prefix="/api/v1/people", abp_tags=[Tag(name="people", description="People and machines.")]
)


@api.get("", responses={200: People})
@requires(Permission.READ_PEOPLE)
def people(query: PeopleListQuery) -> People:
    """List people and machines, or find some of them."""
    rows = services().storage.administration.people(
        PeopleQuery(
            text=query.q,
            state=query.state,
            role=query.role,
            without_roles=query.without_roles,
            machine=query.machine,
            permission=query.permission or "",
            through=query.through,
            source=query.source,
            seen_after=query.seen_after,
            seen_before=query.seen_before,
            sort=query.sort,
            cursor=query.cursor,
            limit=query.limit,
        ),
        services().clock(),
    )
    return construct(
        People,
        people=tuple([_item(row) for row in rows.rows]),
        next=rows.next,
        total=rows.total,
        total_capped=rows.capped,
    )


@api.post("", responses={200: PersonBody, 201: PersonBody})
@unconditional("it creates a person, and is harmless if the person exists")
@requires(Permission.MANAGE_GRANTS)
def add_person(body: NewPerson) -> tuple[PersonBody, int, dict[str, str]]:
    """Add a person before the first sign-in, so that roles and permissions can be granted."""
    subject = Subject(body.issuer or current_app.config[ISSUER], body.subject)
    known = services().storage.read.person(subject) is not None
    with transaction() as tx:
        number = administration.add_person(tx.unit, tx.actor, subject=subject, reason=body.reason, now=tx.now)
        payload, status, headers = answer_of(tx, number, 200 if known else 201)
    return payload, status, headers if known else {"Location": f"/api/v1/people/{number}", **headers}


@api.get("/<int:person>", responses={200: PersonBody})
@requires(Permission.READ_PEOPLE)
def person(path: PersonPath) -> tuple[PersonBody, int, dict[str, str]]:
    """Return a person: identity, state, grants, effective permissions."""
    return _answer(card_of(path.person), 200)


@api.put("/<int:person>/block", responses={200: Blocked})
@conditional
@requires(Permission.BLOCK_PEOPLE)
def block(path: PersonPath, body: Block) -> tuple[Blocked, int, dict[str, str]]:
    """Block a person, which ends their sessions, or unblock them."""
    with transaction() as tx:
        ended = administration.set_blocked(
            tx.unit,
            tx.actor,
            person=path.person,
            blocked=body.blocked,
            reason=body.reason,
            version=preconditions.version(),
            now=tx.now,
        )
        version = _version(tx, path.person)
    blocked = construct(Blocked, blocked=body.blocked, sessions_ended=ended)
    return blocked, 200, preconditions.etag(version)


@api.post("/<int:person>/erasure", responses={204: None})
@conditional
@requires(Permission.ERASE_PEOPLE)
def erase(path: PersonPath, body: ReasonRequest) -> tuple[str, int]:
    """Erase a person: name, e-mail, picture, grants and the details of sessions are deleted permanently."""
    with transaction() as tx:
        administration.erase(
            tx.unit,
            tx.actor,
            person=path.person,
            reason=body.reason,
            version=preconditions.version(),
            now=tx.now,
        )
    return "", 204


def card_of(number: int) -> PersonCard:
    """All of one person as it is now; raises ``NotFound``."""
    return _existing(services().storage.administration.person_card(number, services().clock()))


def answer_of(tx: Transaction, number: int, status: int = 200) -> tuple[PersonBody, int, dict[str, str]]:
    """All of one person as the open change leaves them, with the version of that state; raises ``NotFound``."""
    return _answer(_existing(tx.unit.person_card(number, tx.now)), status)


def _existing(card: PersonCard | None) -> PersonCard:
    if card is None:
        raise NotFound("There is no such person.")
    return card


def _answer(card: PersonCard, status: int) -> tuple[PersonBody, int, dict[str, str]]:
    return _body(card), status, preconditions.etag(card.version)


def _item(row: PersonRow) -> PersonItem:
    person = row.person
    return construct(
        PersonItem,
        id=row.id,
        subject=construct(SubjectBody, issuer=person.subject.issuer, subject=person.subject.subject),
        name=person.name,
        email=person.email,
        email_verified=person.email_verified,
        picture=person.picture,
        state=row.state,
        machine=person.machine,
        first_seen_at=person.first_seen_at,
        last_seen_at=person.last_seen_at,
        roles=row.roles,
    )


def _body(card: PersonCard) -> PersonBody:
    row, person, name_of = card.row, card.row.person, present_names()
    return construct(
        PersonBody,
        id=row.id,
        subject=construct(SubjectBody, issuer=person.subject.issuer, subject=person.subject.subject),
        name=person.name,
        email=person.email,
        email_verified=person.email_verified,
        picture=person.picture,
        state=row.state,
        machine=person.machine,
        first_seen_at=person.first_seen_at,
        last_seen_at=person.last_seen_at,
        roles=row.roles,
        grants=tuple([_grant(grant, name_of) for grant in card.grants]),
        withheld=tuple([_withheld(withheld, name_of) for withheld in card.withheld]),
        permissions=tuple([_effective(name, grants) for name, grants in sorted(card.permissions.items())]),
        token_roles=tuple(
            [construct(TokenRole, name=name, roles=tuple(roles)) for name, roles in sorted(card.token_roles.items())]
        ),
        counts_as_administrator=card.counts_as_administrator,
        version=card.version,
    )


def _version(tx: Transaction, number: int) -> str:
    row = tx.unit.person_by_id(number)
    return row[1] if row is not None else ""


def _effective(name: str, grants: Sequence[GrantRow]) -> EffectivePermission:
    permission = CATALOGUE.get(name)
    return construct(
        EffectivePermission,
        name=name,
        sentence=permission.sentence if permission is not None else "",
        grants=tuple([grant.id for grant in grants]),
    )


def _grant(grant: GrantRow, name_of: NameOf) -> GrantBody:
    return construct(
        GrantBody,
        id=grant.id,
        role=grant.role,
        permission=grant.permission,
        source=grant.source,
        automatic=grant.automatic,
        by=grant.author,
        by_name=actor_name(grant.author, name_of),
        since=grant.granted_at,
        until=grant.expires_at,
        reason=grant.reason,
    )


def _withheld(row: WithheldRow, name_of: NameOf) -> WithheldBody:
    return construct(
        WithheldBody,
        id=row.id,
        role=row.role,
        permission=row.permission,
        by=row.author,
        by_name=actor_name(row.author, name_of),
        since=row.withheld_at,
        reason=row.reason,
        from_token=row.from_token,
        from_default_role=row.under(current_app.config[DEFAULT_ROLE]).from_default,
    )
