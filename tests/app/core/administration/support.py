"""An installation for tests of the rules of administration: each use case is one line."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

import pytest
from sqlalchemy import text

from app import testing
from app.core import administration
from app.core.administration import Actor
from app.core.administration_ports import AdministrationUnit
from app.core.audit import actor_of
from app.core.clock import utc_now
from app.core.errors import ExceedsOwnPermissions, GatehouseError, LastAdministrator, SelfGrant
from app.core.keyring import Keyring
from app.core.policy import Source
from app.core.principal import AuthMethod, Principal, Subject
from app.core.records import NewGrant, NewSession, TokenRights
from db import Database, open_database
from tests.seeding import seed

ISSUER: Final = "https://tests.example/"
ADA, BOB, CARLA, DAN = (Subject(ISSUER, f"auth0|{name}") for name in ("ada", "bob", "carla", "dan"))
NOW: Final = utc_now()
"""The time of all changes, so that a sign-in stays fresh however long earlier tests took."""
HOUR: Final = timedelta(hours=1)
OPERATOR: Final = Actor("operator:tester", None)


def opened() -> Database:
    """A database in memory, seeded."""
    settings = testing.settings()
    database = open_database(settings, Keyring(settings.secrets))
    seed(database)
    return database


def acting(subject: Subject, method: AuthMethod = AuthMethod.SESSION, **more: Any) -> Actor:
    """An administrator who has just signed in with a second factor."""
    token_permissions = more.pop("token_permissions", frozenset())
    principal = Principal(method, subject, authenticated_at=NOW, amr=frozenset({"mfa"}), **more)
    return Actor(actor_of(principal), principal, "203.0.113.9", token_permissions)


class Installation:
    """A database and the use cases on it. It has no issuer, sessions or requests, so it is no ``World``."""

    def __init__(self, database: Database, now: datetime | None = None) -> None:
        self.database = database
        self.now = now or NOW

    def store_grants(self, subject: Subject, *roles: str, source: Source = Source.ADMIN, **more: Any) -> None:
        """Store grants without checking any rule."""

        permissions = more.pop("permissions", ())

        def put(unit: AdministrationUnit) -> None:
            for role in roles:
                unit.add_grant(NewGrant(subject, source, "test", role, **more), self.now)
            for permission in permissions:
                unit.add_grant(NewGrant(subject, source, "test", None, permission, **more), self.now)

        self.unit(put)

    def unit(self, write: Callable[[Any], Any]) -> Any:
        """Call ``write`` with a unit of work and commit it."""
        with self.database.unit_of_work() as unit:
            done = write(unit)
            unit.commit()
        return done

    def act(self, use_case: Callable[..., Any], actor: Actor, **arguments: Any) -> Any:
        """Run one use case as the adapters do."""
        with administration.transaction(self.database, actor, self.now) as unit:
            return use_case(unit, actor, **arguments, now=self.now)

    def id(self, subject: Subject) -> int:
        """The id of a subject, which is stored if it is new."""
        return int(self.unit(lambda unit: unit.person_id(subject)))

    def role(self, name: str) -> int:
        """The id of a role."""
        card = self.database.administration.role_by_name(name, self.now)
        assert card is not None, name
        return card.row.id

    def version(self, subject: Subject) -> str:
        """The version of a person's card."""
        card = self.database.administration.person_card(self.id(subject), self.now)
        assert card is not None
        return card.version

    def roles_of(self, subject: Subject) -> set[str]:
        """The names of the roles that a subject has now."""
        return set(self.database.read.grants(subject, self.now).roles)

    def grant(self, actor: Actor, subject: Subject, role: str | None = "viewer", **more: Any) -> Any:
        """Grant a role, with defaults for the other arguments."""
        arguments = {"permission": None, "expires_at": None, "reason": "needed", "version": None} | more
        return self.act(administration.grant, actor, person=self.id(subject), role=role, **arguments)

    def revoke(self, actor: Actor, subject: Subject, role: str, **more: Any) -> Any:
        """Revoke the first grant of a role."""
        card = self.database.administration.person_card(self.id(subject), self.now)
        assert card is not None
        number = next(grant.id for grant in card.grants if grant.role == role)
        arguments = {"reason": "over", "version": None, "default_role": None} | more
        return self.act(administration.revoke, actor, person=card.row.id, grant=number, **arguments)

    def block(self, actor: Actor, subject: Subject, **more: Any) -> Any:
        """Block a person."""
        arguments = {"blocked": True, "reason": "lost laptop", "version": None} | more
        return self.act(administration.set_blocked, actor, person=self.id(subject), **arguments)

    def erase(self, actor: Actor, subject: Subject, **more: Any) -> Any:
        """Erase a person."""
        arguments = {"reason": "asked for it", "version": None} | more
        return self.act(administration.erase, actor, person=self.id(subject), **arguments)

    def create(self, actor: Actor, name: str, *permissions: str, **more: Any) -> Any:
        """Create a role."""
        arguments = {"description": "", "reason": "new team"} | more
        return self.act(administration.create_role, actor, name=name, permissions=frozenset(permissions), **arguments)

    def update(self, actor: Actor, name: str, *permissions: str, **more: Any) -> Any:
        """Set the permissions of a role to exactly these."""
        arguments = {"name": more.pop("new_name", name), "description": "", "reason": "changed", "version": None} | more
        return self.act(
            administration.update_role, actor, role=self.role(name), permissions=frozenset(permissions), **arguments
        )

    def delete(self, actor: Actor, name: str, target: str | None = None, **more: Any) -> Any:
        """Delete a role."""
        arguments = {"reason": "unused", "version": None} | more
        move_to = None if target is None else self.role(target)
        return self.act(administration.delete_role, actor, role=self.role(name), move_to=move_to, **arguments)

    def map(self, actor: Actor, token_role: str, *roles: str, **more: Any) -> Any:
        """Map a token role."""
        arguments = {"reason": "as agreed", "version": None, "implicit_role_mapping": False} | more
        numbers = frozenset(map(self.role, roles))
        return self.act(administration.set_mapping, actor, token_role=token_role, roles=numbers, **arguments)

    def events(self) -> list[tuple[str, str, str, str]]:
        """Kind, actor, target and reason of each audit event, oldest first."""
        with self.database.engine.connect() as connection:
            rows = connection.execute(text("SELECT kind, actor, target, reason FROM audit_events ORDER BY seq"))
            return [(row.kind, row.actor, row.target, row.reason) for row in rows]


def last_event(here: Installation) -> dict[str, Any]:
    """The last audit event, by column."""
    columns = "kind, actor, target, reason, address, correlation_id, details"
    with here.database.engine.connect() as connection:
        row = connection.execute(text(f"SELECT {columns} FROM audit_events ORDER BY seq DESC LIMIT 1")).one()  # noqa: S608 - fixed names
    return {**row._mapping, "details": json.loads(row.details)}


def sync_token_roles(here: Installation, subject: Any, *roles: str, own: bool = False) -> None:
    """Store the roles of a subject's token; ``own`` maps roles of the same name."""
    rights = TokenRights(here.now, frozenset(roles))
    here.unit(lambda unit: unit.sync_token_rights(subject, rights, implicit_role_mapping=own, now=here.now))


def session(here: Installation, subject: Any, ref: str) -> None:
    """Store a session."""
    new = NewSession(
        ref, ref.encode() * 4, subject, here.now, here.now + HOUR, b"", ref.encode() * 5, here.now + HOUR,
        user_agent="Browser/1", address="203.0.113.7",
    )  # fmt: skip
    here.unit(lambda unit: unit.begin_session(new, here.now))


def refused(here: Installation, error: type[GatehouseError], act: Any, *args: Any, **more: Any) -> GatehouseError:
    """Assert that the use case raises ``error`` and changes nothing, except that a rule's refusal is recorded."""
    version, before = here.database.read.policy_version(), len(here.events())
    with pytest.raises(error) as caught:
        act(*args, **more)
    assert type(caught.value) is error
    assert here.database.read.policy_version() == version
    recorded = here.events()[before:]
    by_rule = issubclass(error, (SelfGrant, ExceedsOwnPermissions, LastAdministrator))
    assert [(kind, reason) for kind, _, _, reason in recorded] == ([("policy:rule:refuse", error.code)] * by_rule)
    return caught.value
