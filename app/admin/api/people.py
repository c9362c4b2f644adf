"""Calls for people: find, add, block and erase them, and load one person."""

from __future__ import annotations

from typing import Final

from app import access
from app.admin.api.parameters import query_params
from app.api_client import call, path
from app.core.administration_records import PeopleQuery
from app.core.contract.people import Blocked, People, PersonBody
from app.core.permissions import Permission

_CREATED: Final = 201


@access.requires(Permission.READ_PEOPLE)
def people(query: PeopleQuery, *, sort: str = "", cursor: str = "", limit: int = 25) -> People:
    """Return the people that match, in the order ``sort`` (that of ``query`` without one)."""
    machine = None if query.machine is None else str(query.machine).lower()
    params = query_params(
        q=query.text,
        state=query.state.value if query.state else None,
        role=query.role,
        without_roles=query.without_roles,
        machine=machine,
        permission=query.permission,
        through=query.through.value if query.permission else None,
        source=query.source.value if query.source else None,
        seen_after=query.seen_after.isoformat() if query.seen_after else None,
        seen_before=query.seen_before.isoformat() if query.seen_before else None,
        sort=sort or query.sort.value,
        cursor=cursor,
        limit=limit,
    )
    return call("GET", path("people"), params=params).read(People)


@access.requires(Permission.READ_PEOPLE)
def person(person_id: int) -> PersonBody:
    """Return one person with all details.

    Raises:
        NotFound: There is no such person.
    """
    return call("GET", path("people", person_id)).read(PersonBody)


@access.requires(Permission.MANAGE_GRANTS)
def add_person(subject: str, *, issuer: str = "", reason: str) -> tuple[PersonBody, bool]:
    """Add a person before the first sign-in; return the person, and whether it is new.

    ``issuer``: empty for the installation's sign-in provider.
    """
    body = {"subject": subject, "reason": reason} | ({"issuer": issuer} if issuer else {})
    answer = call("POST", path("people"), body=body)
    return answer.read(PersonBody), answer.status == _CREATED


@access.requires(Permission.BLOCK_PEOPLE)
def set_blocked(person_id: int, *, blocked: bool, reason: str, version: str) -> Blocked:
    """Block a person, which ends the person's sessions, or unblock the person.

    Raises:
        StaleVersion: The person changed meanwhile.
        LastAdministrator: The person is the last permanent administrator.
    """
    body = {"blocked": blocked, "reason": reason}
    return call("PUT", path("people", person_id, "block"), body=body, version=version).read(Blocked)


@access.requires(Permission.ERASE_PEOPLE)
def erase(person_id: int, *, reason: str, version: str) -> None:
    """Erase a person permanently.

    Raises:
        StaleVersion: The person changed meanwhile.
        LastAdministrator: The person is the last permanent administrator.
    """
    call("POST", path("people", person_id, "erasure"), body={"reason": reason}, version=version).expect_no_content()
