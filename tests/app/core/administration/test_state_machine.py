"""Use cases of administration in any order, by any actor: the invariants after each step.

A machine of hypothesis over a database in memory. It compares the permissions before
and after each step.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from hypothesis import HealthCheck, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule
from sqlalchemy import text

from app.core import administration
from app.core.administration import Actor
from app.core.errors import ExceedsOwnPermissions, GatehouseError, LastAdministrator, SelfGrant
from app.core.permissions import ADMINISTRATOR, CATALOGUE, ROLES
from app.core.principal import Subject
from app.core.records import TokenRights
from db import verify_chain
from tests.app.core.administration.support import ISSUER, OPERATOR, Installation, acting, opened

PEOPLE: Final = tuple(Subject(ISSUER, f"auth0|{number}") for number in range(5))
PERMISSIONS: Final = ("manage:grants", "manage:roles", "manage:mappings", "block:people", "read:reports", "read:audit")
BUILT_IN: Final = (ADMINISTRATOR, "viewer", "auditor")
TOKEN_ROLES: Final = ("Owners", "Staff")
LATER: Final = timedelta(hours=1)
REQUIRED: Final = {
    "grant": "manage:grants",
    "revoke": "manage:grants",
    "release": "manage:grants",
    "block": "block:people",
    "erase": "erase:people",
    "create": "manage:roles",
    "update": "manage:roles",
    "delete": "manage:roles",
    "map": "manage:mappings",
}
"""Action → the permission that it requires."""
RULES: Final = (SelfGrant, ExceedsOwnPermissions, LastAdministrator)


def person(number: int) -> Subject | None:
    """One of ``PEOPLE``; below zero the operator."""
    return PEOPLE[number] if number >= 0 else None


actors = st.integers(-1, 3).map(person)
people = st.integers(0, len(PEOPLE) - 1).map(lambda number: PEOPLE[number])
permission_sets = st.frozensets(st.sampled_from(PERMISSIONS), max_size=3)


class Administration(RuleBasedStateMachine):
    """Each step is a use case of administration; most of the actors lack its permission."""

    made = Bundle("made")

    def __init__(self) -> None:
        super().__init__()
        self.here = Installation(opened())
        self.changes = 0
        self.refusals = 0
        self.had_administrator = False
        self.numbered = 0
        self.clock: datetime = self.here.now
        for subject in PEOPLE:
            self.here.id(subject)

    def teardown(self) -> None:
        assert verify_chain(self.here.database).good
        self.here.database.close()

    # --- acting ---

    def attempt(self, action: str, use_case: Any, actor: Subject | None, **arguments: Any) -> bool:
        """Run a use case, whose changes must be exactly the recorded ones. Returns whether it changed anything."""
        administrator: Actor = OPERATOR if actor is None else acting(actor)
        before, stored = self.permissions_now(), self.stored()
        version = self.here.database.read.policy_version()
        events = len(self.here.events())
        try:
            self.here.act(use_case, administrator, reason="because", **arguments)
        except GatehouseError as error:
            by_rule = isinstance(error, RULES)
            event(f"{action}: {error.code}")
            self.refusals += by_rule
            assert (self.permissions_now(), self.stored()) == (before, stored)
            assert self.here.database.read.policy_version() == version
            assert [event_row[0] for event_row in self.here.events()[events:]] == ["policy:rule:refuse"] * by_rule
            return False
        after = self.permissions_now()
        new = self.here.events()[events:]
        changed = self.stored() != stored
        assert changed or after == before
        assert new or not changed, "a change of rights without an event"
        assert (self.here.database.read.policy_version() > version) is changed
        self.changes += len(new)
        event(f"{action}: {'done' if new else 'was so already'}")
        if actor is not None:
            assert not new or REQUIRED[action.split(maxsplit=1)[0]] in before[actor], (actor, action)
            assert not (new and action == "grant" and arguments["person"] == self.here.id(actor)), actor
            self.actors_granted_only_their_own_permissions(actor, before, after)
        return bool(new)

    def actors_granted_only_their_own_permissions(
        self, actor: Subject, before: dict[Subject, frozenset[str]], after: dict[Subject, frozenset[str]]
    ) -> None:
        for subject in PEOPLE:
            gained = after[subject] - before[subject]
            if self.unblocked(subject):  # unblocking restores the grants of other actors
                continue
            assert gained <= before[actor], (actor, subject, gained)
            if subject == actor:
                assert not gained

    def unblocked(self, subject: Subject) -> bool:
        return subject in self.unblocking

    unblocking: frozenset[Subject] = frozenset()

    def permissions_now(self) -> dict[Subject, frozenset[str]]:
        """Subject → their permissions now, as the product reads them."""
        reader = self.here.database.read
        permissions: dict[Subject, frozenset[str]] = {}
        for subject in PEOPLE:
            person = reader.person(subject)
            grants = reader.grants(subject, self.here.now)
            every = {permission.value for permission in CATALOGUE.values()} | {"administrator!"}
            own = every if grants.is_administrator else set(grants.permissions)
            permissions[subject] = frozenset() if person is not None and person.blocked else frozenset(own)
        return permissions

    def stored(self) -> list[tuple[Any, ...]]:
        """All rows that decide permissions."""
        with self.here.database.engine.connect() as connection:
            rows: list[tuple[Any, ...]] = []
            for query in (
                "SELECT person_id, role_id, permission, source, until FROM grants ORDER BY 1, 2, 3, 4",
                "SELECT person_id, role_id, permission FROM withheld_grants ORDER BY 1, 2, 3",
                "SELECT role_id, permission FROM role_permissions ORDER BY 1, 2",
                "SELECT id, name FROM roles ORDER BY 1",
                "SELECT id, blocked FROM people ORDER BY 1",
            ):
                rows += [tuple(row) for row in connection.execute(text(query))]
        return rows

    def role_id(self, name: str) -> int | None:
        card = self.here.database.administration.role_by_name(name, self.here.now)
        return None if card is None else card.row.id

    # --- steps ---

    @initialize(first=people)
    def begin(self, first: Subject) -> None:
        self.here.unit(
            lambda unit: administration.bootstrap_administrator(
                unit, first, actor="operator:test", reason="first", recover=False, now=self.here.now
            )
        )
        self.changes += 1
        self.had_administrator = True
        # Two people who are no administrators but have permissions of administration: rules must refuse them.
        for number, permissions in ((1, PERMISSIONS), (2, ("manage:grants", "manage:roles", "read:reports"))):
            for permission in permissions:
                self.here.grant(OPERATOR, PEOPLE[number], None, permission=permission)
                self.changes += 1

    @rule(actor=actors, subject=people, role=st.sampled_from(BUILT_IN), ends=st.booleans())
    def grant_a_built_in_role(self, actor: Subject | None, subject: Subject, role: str, ends: bool) -> None:
        expires_at = self.here.now + LATER if ends else None
        arguments = {"role": role, "permission": None, "expires_at": expires_at, "version": None}
        self.attempt("grant", administration.grant, actor, person=self.here.id(subject), **arguments)

    @rule(actor=actors, subject=people, role=made)
    def grant_a_role(self, actor: Subject | None, subject: Subject, role: str) -> None:
        arguments = {"role": role, "permission": None, "expires_at": None, "version": None}
        self.attempt("grant", administration.grant, actor, person=self.here.id(subject), **arguments)

    @rule(actor=actors, subject=people, permission=st.sampled_from(PERMISSIONS))
    def grant_a_permission(self, actor: Subject | None, subject: Subject, permission: str) -> None:
        arguments = {"role": None, "permission": permission, "expires_at": None, "version": None}
        self.attempt("grant", administration.grant, actor, person=self.here.id(subject), **arguments)

    @rule(actor=actors, subject=people, which=st.integers(0, 5), stale=st.booleans())
    def revoke(self, actor: Subject | None, subject: Subject, which: int, stale: bool) -> None:
        card = self.here.database.administration.person_card(self.here.id(subject), self.here.now)
        assert card is not None
        if not card.grants:
            return
        arguments = {"grant": card.grants[which % len(card.grants)].id, "version": "old" if stale else card.version}
        done = self.attempt("revoke", administration.revoke, actor, person=card.row.id, default_role=None, **arguments)
        assert not (done and stale)

    @rule(actor=actors, subject=people, which=st.integers(0, 2))
    def release(self, actor: Subject | None, subject: Subject, which: int) -> None:
        card = self.here.database.administration.person_card(self.here.id(subject), self.here.now)
        assert card is not None
        if not card.withheld:
            return
        withheld = card.withheld[which % len(card.withheld)].id
        arguments = {"withheld": withheld, "version": None, "default_role": None}
        self.attempt("release", administration.release, actor, person=card.row.id, **arguments)

    @rule(actor=actors, subject=people, blocked=st.booleans())
    def block(self, actor: Subject | None, subject: Subject, blocked: bool) -> None:
        self.unblocking = frozenset() if blocked else frozenset({subject})
        arguments = {"person": self.here.id(subject), "blocked": blocked, "version": None}
        self.attempt("block", administration.set_blocked, actor, **arguments)
        self.unblocking = frozenset()

    @rule(actor=actors, subject=people)
    def erase(self, actor: Subject | None, subject: Subject) -> None:
        self.attempt("erase", administration.erase, actor, person=self.here.id(subject), version=None)

    @rule(subject=people, names=st.frozensets(st.sampled_from(TOKEN_ROLES)))
    def sign_in(self, subject: Subject, names: frozenset[str]) -> None:
        """A sign-in, whose token roles are the provider's: no actor of administration changes them."""
        self.clock += timedelta(seconds=1)
        rights = TokenRights(self.clock, names)
        person = self.here.database.read.person(subject)
        assert person is not None

        def write(unit: Any) -> None:
            unit.save_person(person, self.here.now)
            unit.sync_token_rights(subject, rights, implicit_role_mapping=False, now=self.here.now)

        self.here.unit(write)

    @rule(target=made, actor=actors, permissions=permission_sets)
    def create(self, actor: Subject | None, permissions: frozenset[str]) -> Any:
        self.numbered += 1
        name = f"team {'x' * self.numbered}"
        arguments = {"name": name, "description": "", "permissions": permissions}
        return name if self.attempt("create", administration.create_role, actor, **arguments) else multiple()

    @rule(actor=actors, role=made, permissions=permission_sets)
    def update(self, actor: Subject | None, role: str, permissions: frozenset[str]) -> None:
        arguments = {"name": role, "description": "", "permissions": permissions, "version": None}
        self.attempt("update", administration.update_role, actor, role=self.role_id(role), **arguments)

    @rule(actor=actors, role=st.sampled_from(BUILT_IN), permissions=permission_sets)
    def update_a_built_in_role(self, actor: Subject | None, role: str, permissions: frozenset[str]) -> None:
        arguments = {"name": role, "description": "", "permissions": permissions, "version": None}
        self.attempt("update built-in", administration.update_role, actor, role=self.role_id(role), **arguments)

    @rule(target=made, actor=actors, role=consumes(made), successor=st.sampled_from((None, *BUILT_IN)))
    def delete(self, actor: Subject | None, role: str, successor: str | None) -> Any:
        move_to = None if successor is None else self.role_id(successor)
        arguments = {"role": self.role_id(role), "move_to": move_to, "version": None}
        return multiple() if self.attempt("delete", administration.delete_role, actor, **arguments) else role

    @rule(actor=actors, token_role=st.sampled_from(TOKEN_ROLES), roles=st.frozensets(st.sampled_from(BUILT_IN)))
    def map_a_token_role(self, actor: Subject | None, token_role: str, roles: frozenset[str]) -> None:
        numbers = frozenset(number for number in map(self.role_id, roles) if number is not None)
        arguments = {"token_role": token_role, "roles": numbers, "version": None, "implicit_role_mapping": False}
        self.attempt("map", administration.set_mapping, actor, **arguments)

    # --- what must hold ---

    @invariant()
    def an_administrator_remains_once_there_was_one(self) -> None:
        with self.here.database.unit_of_work() as unit:
            assert not self.had_administrator or unit.administrators(self.here.now)

    @invariant()
    def every_change_is_an_event(self) -> None:
        assert len(self.here.events()) == self.changes + self.refusals

    @invariant()
    def built_in_roles_keep_their_first_permissions(self) -> None:
        for name, (_, permissions) in ROLES.items():
            card = self.here.database.administration.role_by_name(name, self.here.now)
            assert card is not None
            assert card.permissions >= {permission.value for permission in permissions}

    @invariant()
    def token_grants_follow_the_mappings(self) -> None:
        with self.here.database.engine.connect() as connection:
            mapped: set[Any] = set(connection.execute(text(
                "SELECT t.person_id, m.role_id FROM token_roles t JOIN role_mappings m ON m.token_role = t.name"
            )).all())  # fmt: skip
            withheld: set[Any] = set(connection.execute(text("SELECT person_id, role_id FROM withheld_grants")).all())
            stored: set[Any] = set(connection.execute(text(
                "SELECT person_id, role_id FROM grants WHERE source = 'token'"
            )).all())  # fmt: skip
            counted = set(connection.execute(text(
                "SELECT role_grants = (SELECT count(*) FROM grants g WHERE g.person_id = people.id "
                "AND g.role_id IS NOT NULL) FROM people"
            )).scalars())  # fmt: skip
        assert stored == mapped - withheld
        assert counted <= {1}


TestAdministration = Administration.TestCase
TestAdministration.settings = settings(
    max_examples=80, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
