"""An installation with an administrator, for the rules of administration: acts are one line each, and always whole."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from sqlalchemy import text

from app import testing
from app.core import administration
from app.core.administration import Administrator
from app.core.audit import actor_of
from app.core.clock import utc_now
from app.core.directory_ports import DirectoryUnit
from app.core.keyring import Keyring
from app.core.policy import Source
from app.core.principal import AuthMethod, Principal, Subject
from app.core.records import NewGrant
from db import Database, open_database, seed

ISSUER: Final = "https://tests.example/"
ADA, BOB, CARLA, DAN = (Subject(ISSUER, f"auth0|{name}") for name in ("ada", "bob", "carla", "dan"))
NOW: Final = utc_now()
"""When everything happens: a sign-in of just now stays one, however long the tests before took."""
OPERATOR: Final = Administrator("operator:tester", None)


def opened() -> Database:
    """A database in memory, seeded."""
    settings = testing.settings()
    database = open_database(settings, Keyring(settings.secrets))
    seed(database)
    return database


def acting(subject: Subject, method: AuthMethod = AuthMethod.SESSION, **more: Any) -> Administrator:
    """Somebody proven just now, with a second factor."""
    asserted = more.pop("asserted", frozenset())
    principal = Principal(method, subject, authenticated_at=NOW, amr=frozenset({"mfa"}), **more)
    return Administrator(actor_of(principal), principal, "203.0.113.9", asserted)


class Installation:
    """A database, and acts upon it."""

    def __init__(self, database: Database, now: datetime | None = None) -> None:
        self.database = database
        self.now = now or NOW

    def give(self, subject: Subject, *roles: str, source: Source = Source.ADMIN, **more: Any) -> None:
        """Put grants in place, past all rules."""

        permissions = more.pop("permissions", ())

        def put(unit: DirectoryUnit) -> None:
            for role in roles:
                unit.add_grant(NewGrant(subject, source, "test", role, **more), self.now)
            for permission in permissions:
                unit.add_grant(NewGrant(subject, source, "test", None, permission, **more), self.now)

        self.unit(put)

    def unit(self, write: Callable[[Any], Any]) -> Any:
        """Run in a unit that commits."""
        with self.database.unit_of_work() as unit:
            done = write(unit)
            unit.commit()
        return done

    def act(self, use_case: Callable[..., Any], who: Administrator, **given: Any) -> Any:
        """Run one use case as the adapters do."""
        with administration.transaction(self.database, who, self.now) as unit:
            return use_case(unit, who, **given, now=self.now)

    def id(self, subject: Subject) -> int:
        """The id of a subject, made known where it was not."""
        return int(self.unit(lambda unit: unit.person_id(subject)))

    def role(self, name: str) -> int:
        """The id of a role."""
        card = self.database.directory.role_by_name(name, self.now)
        assert card is not None, name
        return card.row.id

    def version(self, subject: Subject) -> str:
        """The version of a person's card."""
        card = self.database.directory.person_card(self.id(subject), self.now)
        assert card is not None
        return card.version

    def roles_of(self, subject: Subject) -> set[str]:
        """Names of the roles held now."""
        return set(self.database.read.grants(subject, self.now).roles)

    def grant(self, who: Administrator, subject: Subject, role: str | None = "viewer", **more: Any) -> Any:
        """Grant, with everything else as it mostly is."""
        given = {"permission": None, "until": None, "reason": "needed", "version": None} | more
        return self.act(administration.grant, who, person=self.id(subject), role=role, **given)

    def revoke(self, who: Administrator, subject: Subject, role: str, **more: Any) -> Any:
        """Revoke the first grant of a role."""
        card = self.database.directory.person_card(self.id(subject), self.now)
        assert card is not None
        number = next(one.id for one in card.grants if one.role == role)
        given = {"reason": "over", "version": None, "default_role": None} | more
        return self.act(administration.revoke, who, person=card.row.id, grant=number, **given)

    def block(self, who: Administrator, subject: Subject, **more: Any) -> Any:
        """Block."""
        given = {"blocked": True, "reason": "lost laptop", "version": None} | more
        return self.act(administration.set_blocked, who, person=self.id(subject), **given)

    def erase(self, who: Administrator, subject: Subject, **more: Any) -> Any:
        """Erase."""
        given = {"reason": "asked for it", "version": None} | more
        return self.act(administration.erase, who, person=self.id(subject), **given)

    def create(self, who: Administrator, name: str, *permissions: str, **more: Any) -> Any:
        """Make a role."""
        given = {"description": "", "reason": "new team"} | more
        return self.act(administration.create_role, who, name=name, permissions=frozenset(permissions), **given)

    def update(self, who: Administrator, name: str, *permissions: str, **more: Any) -> Any:
        """Give a role exactly these permissions."""
        given = {"name": more.pop("new_name", name), "description": "", "reason": "changed", "version": None} | more
        return self.act(
            administration.update_role, who, role=self.role(name), permissions=frozenset(permissions), **given
        )

    def delete(self, who: Administrator, name: str, to: str | None = None, **more: Any) -> Any:
        """Delete a role."""
        given = {"reason": "unused", "version": None} | more
        move_to = None if to is None else self.role(to)
        return self.act(administration.delete_role, who, role=self.role(name), move_to=move_to, **given)

    def map(self, who: Administrator, token_role: str, *roles: str, **more: Any) -> Any:
        """Map a token role."""
        given = {"reason": "as agreed", "version": None, "map_own_names": False} | more
        numbers = frozenset(map(self.role, roles))
        return self.act(administration.set_mapping, who, token_role=token_role, roles=numbers, **given)

    def events(self) -> list[tuple[str, str, str, str]]:
        """Kind, actor, target and reason of each audit event, oldest first."""
        with self.database.engine.connect() as connection:
            rows = connection.execute(text("SELECT kind, actor, target, reason FROM audit_events ORDER BY seq"))
            return [(row.kind, row.actor, row.target, row.reason) for row in rows]
