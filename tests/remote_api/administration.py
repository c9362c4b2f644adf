"""Calls of the administration endpoints that several tests make."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from app.core.records import TokenRights
from tests.remote_api.world import ApiWorld, Caller, caller


def card(actor: Caller, person: int) -> Any:
    """The details of a person."""
    answer = actor.get(f"/people/{person}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["ETag"] == f'"{answer.json["version"]}"'
    return answer.json


def number_of(actor: Caller, subject: str) -> int:
    """The id of a person by the subject."""
    (row,) = [row for row in actor.get("/people", q=subject).json["people"] if row["subject"]["subject"] == subject]
    return int(row["id"])


def version(actor: Caller, person: int) -> str:
    """The ETag of a person."""
    return str(actor.get(f"/people/{person}").headers["ETag"])


def grant_to(actor: Caller, person: int, /, **body: Any) -> Any:
    """Grant a role or permission to a person."""
    return actor.send("POST", f"/people/{person}/grants", {"reason": "x", **body}, version=version(actor, person))


def revoke_grant(actor: Caller, person: int, grant: int) -> Any:
    """Revoke a grant."""
    path = f"/people/{person}/grants/{grant}"
    return actor.send("DELETE", path, version=version(actor, person), query={"reason": "x"})


def granter(world: ApiWorld, *permissions: str) -> Caller:
    """A caller who may grant these permissions, which it has itself."""
    actor = caller(world, "auth0|granter")
    for permission in ("manage:grants", "read:people", *permissions):
        world.grant(actor.signed_in.subject, permission=permission)
    return actor


def sync_token_rights(world: ApiWorld, *names: str, permissions: tuple[str, ...] = (), seconds: int = 0) -> None:
    """Store roles and permissions of a token of Bob."""
    rights = TokenRights(world.clock() + timedelta(seconds=seconds), frozenset(names), frozenset(permissions))
    with world.database.unit_of_work() as unit:
        unit.sync_token_rights(world.subject("auth0|bob"), rights, implicit_role_mapping=True, now=world.clock())
        unit.commit()


def permissions_of(world: ApiWorld, token: str) -> list[str]:
    """The permissions of the owner of a token, by ``/me``."""
    return [permission["name"] for permission in world.call("/api/v1/me", token).json["permissions"]]


def bulk(actor: Caller, people: list[Any], /, **body: Any) -> Any:
    """Change the grants of several people."""
    return actor.send("POST", "/grants/bulk", {"action": "grant", "reason": "x", "people": people, **body})


def outcomes(answer: Any) -> list[tuple[int, str, str | None]]:
    """Person, outcome and code of each result of a bulk change."""
    assert answer.status_code == 200, answer.text
    return [
        (result["person"], result["outcome"], result["problem"] and result["problem"]["code"])
        for result in answer.json["results"]
    ]
