"""Every rule of administration, for administrators and for the command line's operator."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app.core import administration
from app.core.administration import Administrator
from app.core.audit import subject_name
from app.core.directory import PersonState
from app.core.errors import (
    BuiltInRole,
    Conflict,
    ExceedsOwnPermissions,
    GatehouseError,
    InvalidInput,
    LastAdministrator,
    NameTaken,
    NotFound,
    PermissionDenied,
    RoleInUse,
    SelfGrant,
    SessionEnded,
    SessionExpired,
    StaleVersion,
    StepUpRequired,
    StorageUnavailable,
    Unauthenticated,
)
from app.core.permissions import ADMINISTRATOR, CATALOGUE
from app.core.policy import Source
from app.core.principal import ANONYMOUS, AuthMethod
from app.core.records import EndReason, NewSession, Person, TokenRights
from db import Database, verify_chain
from tests.app.core.administration.support import ADA, BOB, CARLA, DAN, OPERATOR, Installation, acting, opened

HOUR = timedelta(hours=1)


@pytest.fixture
def here() -> Iterator[Installation]:
    """Ada is the administrator; Bob may manage grants, roles, mappings, people and sessions, and reads reports."""
    database = opened()
    made = Installation(database)
    made.give(ADA, ADMINISTRATOR)
    made.give(
        BOB,
        "viewer",
        permissions=(
            "manage:grants", "manage:roles", "manage:mappings", "block:people", "erase:people", "end:sessions",
        ),
    )  # fmt: skip
    yield made
    database.close()


def token_says(here: Installation, subject: Any, *roles: str, own: bool = False) -> None:
    rights = TokenRights(here.now, frozenset(roles))
    here.unit(lambda unit: unit.sync_token_rights(subject, rights, map_own_names=own, now=here.now))


def session(here: Installation, subject: Any, ref: str) -> None:
    new = NewSession(
        ref, ref.encode() * 4, subject, here.now, here.now + HOUR, b"", ref.encode() * 5, here.now + HOUR,
        user_agent="Browser/1", address="203.0.113.7",
    )  # fmt: skip
    here.unit(lambda unit: unit.begin_session(new, here.now))


def refused(here: Installation, error: type[GatehouseError], act: Any, *given: Any, **more: Any) -> GatehouseError:
    """The act raises ``error``, and nothing changes but what is on record of it."""
    version, before = here.database.read.policy_version(), len(here.events())
    with pytest.raises(error) as caught:
        act(*given, **more)
    assert type(caught.value) is error
    assert here.database.read.policy_version() == version
    recorded = here.events()[before:]
    by_rule = issubclass(error, (SelfGrant, ExceedsOwnPermissions, LastAdministrator))
    assert [(kind, reason) for kind, _, _, reason in recorded] == ([("policy:rule:refuse", error.code)] * by_rule)
    return caught.value


class FullAtOnce:
    """The storage, which cannot be written any more after its first unit of work."""

    def __init__(self, database: Database) -> None:
        self._units = iter([database.unit_of_work])

    def unit_of_work(self) -> Any:
        made = next(self._units, None)
        if made is None:
            raise StorageUnavailable
        return made()


def test_a_refusal_by_a_rule_that_cannot_be_recorded_is_that_refusal_still(
    here: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    person, who = here.id(ADA), acting(ADA)
    with (
        pytest.raises(LastAdministrator),
        administration.transaction(FullAtOnce(here.database), who, here.now) as unit,  # type: ignore[arg-type]
    ):
        administration.set_blocked(unit, who, person=person, blocked=True, reason="over", version=None, now=here.now)
    assert here.events() == []
    assert "could not be recorded" in "".join(capsys.readouterr())


# --- giving ---


def test_a_grant_is_one_row_one_event_and_a_new_version(here: Installation) -> None:
    version = here.database.read.policy_version()
    assert here.grant(acting(ADA), CARLA, "analyst", version=here.version(CARLA), reason="  joins the team ") is True
    assert here.roles_of(CARLA) == {"analyst"}
    assert here.database.read.policy_version() == version + 1
    assert here.events() == [("policy:grant:add", subject_name(ADA), subject_name(CARLA), "joins the team")]
    assert here.grant(acting(ADA), CARLA, "analyst") is False
    assert here.database.read.policy_version() == version + 1
    assert len(here.events()) == 1
    refused(here, Conflict, here.grant, acting(ADA), CARLA, "analyst", until=here.now + HOUR)


def test_the_operator_grants_as_policy(here: Installation) -> None:
    here.grant(OPERATOR, CARLA, None, permission="erase:people", until=here.now + HOUR)
    ways = here.database.read.grants(CARLA, here.now).permissions["erase:people"]
    assert [(way.source, way.by, way.until) for way in ways] == [(Source.POLICY, "operator:tester", here.now + HOUR)]


def test_nobody_grants_what_they_do_not_hold(here: Installation) -> None:
    assert here.grant(acting(BOB), CARLA, "viewer")
    error = refused(here, ExceedsOwnPermissions, here.grant, acting(BOB), CARLA, "analyst")
    assert error.fields() == {"permissions": ["explore:files", "export:reports"]}
    refused(here, ExceedsOwnPermissions, here.grant, acting(BOB), CARLA, None, permission="read:people")
    refused(here, ExceedsOwnPermissions, here.grant, acting(BOB), CARLA, ADMINISTRATOR)
    here.give(BOB, "analyst", until=here.now - HOUR)
    refused(here, ExceedsOwnPermissions, here.grant, acting(BOB), CARLA, "analyst")


def test_holding_every_permission_is_not_being_an_administrator(here: Installation) -> None:
    here.give(BOB, permissions=tuple(permission.value for permission in CATALOGUE.values()))
    assert here.grant(acting(BOB), CARLA, "analyst")
    refused(here, ExceedsOwnPermissions, here.grant, acting(BOB), CARLA, ADMINISTRATOR)
    assert here.grant(acting(ADA), CARLA, ADMINISTRATOR)


def test_what_counts_is_what_the_client_may_use(here: Installation) -> None:
    narrowed = acting(ADA, AuthMethod.OTHER_TOKEN, scope=frozenset({"manage:grants", "read:reports"}))
    assert here.grant(narrowed, CARLA, "viewer")
    refused(here, ExceedsOwnPermissions, here.grant, narrowed, CARLA, "analyst")
    refused(here, ExceedsOwnPermissions, here.grant, narrowed, CARLA, ADMINISTRATOR)
    asserting = acting(DAN, AuthMethod.MACHINE, asserted=frozenset({"manage:grants", "explore:api", "read:messages"}))
    assert here.grant(asserting, CARLA, "developer")
    refused(here, ExceedsOwnPermissions, here.grant, asserting, CARLA, "viewer")
    here.give(DAN, "analyst")  # exporting asks for a fresh sign-in, which a machine cannot give
    refused(here, ExceedsOwnPermissions, here.grant, asserting, CARLA, "analyst")


def test_what_only_lacks_a_fresh_sign_in_is_held(here: Installation) -> None:
    who = acting(ADA)
    assert who.principal is not None
    stale = replace(who, principal=replace(who.principal, authenticated_at=None, amr=frozenset()))
    assert here.grant(stale, CARLA, "analyst")
    assert here.grant(stale, CARLA, ADMINISTRATOR)
    refused(here, StepUpRequired, here.erase, stale, DAN)


@pytest.mark.parametrize("role", ["viewer", "analyst", ADMINISTRATOR])
def test_nobody_grants_themselves_anything(here: Installation, role: str) -> None:
    refused(here, SelfGrant, here.grant, acting(ADA), ADA, role)
    refused(here, SelfGrant, here.grant, acting(BOB), BOB, None, permission="read:reports")


def test_a_grant_needs_one_thing_that_exists_and_a_future(here: Installation) -> None:
    for given in (
        {"role": None},
        {"role": "viewer", "permission": "read:reports"},
        {"role": "no such role"},
        {"role": "Viewer"},
        {"role": "\ud800"},
        {"role": None, "permission": "no:such"},
        {"role": "viewer", "until": here.now},
    ):
        refused(here, InvalidInput, here.grant, acting(ADA), CARLA, **given)
    here.id(CARLA)
    with pytest.raises(NotFound):
        here.act(
            administration.grant, acting(ADA), person=10**9, role="viewer", permission=None, until=None,
            reason="x", version=None,
        )  # fmt: skip


@pytest.mark.parametrize("reason", ["", "   ", "\x00\x01", "x" * 501])
def test_every_change_says_why(here: Installation, reason: str) -> None:
    ada = acting(ADA)
    here.create(ada, "team")
    session(here, CARLA, "ref")
    for act, given in (
        (here.grant, (ada, CARLA)),
        (here.revoke, (ada, BOB, "viewer")),
        (here.block, (ada, CARLA)),
        (here.erase, (ada, CARLA)),
        (here.create, (ada, "other")),
        (here.update, (ada, "team", "read:reports")),
        (here.delete, (ada, "team")),
        (here.map, (ada, "Owners", "team")),
    ):
        error = refused(here, InvalidInput, act, *given, reason=reason)
        assert set(error.fields()["problems"]) == {"reason"}
    for use_case, more in (
        (administration.end_session, {"ref": "ref"}),
        (administration.end_sessions, {"person": here.id(CARLA)}),
        (administration.add_person, {"subject": DAN}),
    ):
        refused(here, InvalidInput, here.act, use_case, ada, **more, reason=reason)


def test_every_change_of_something_that_is_there_names_its_version(here: Installation) -> None:
    ada = acting(ADA)
    here.create(ada, "team")
    for act, given in (
        (here.grant, (ada, CARLA)),
        (here.revoke, (ada, BOB, "viewer")),
        (here.block, (ada, CARLA)),
        (here.erase, (ada, CARLA)),
        (here.update, (ada, "team", "read:reports")),
        (here.delete, (ada, "team")),
        (here.map, (ada, "Owners", "team")),
    ):
        refused(here, StaleVersion, act, *given, version="another")
    seen = here.version(CARLA)
    here.grant(ada, CARLA, "viewer", version=seen)
    refused(here, StaleVersion, here.grant, ada, CARLA, "developer", version=seen)
    here.update(ada, "team", "read:reports", version="1")
    refused(here, StaleVersion, here.update, ada, "team", version="1")


def test_somebody_can_be_given_something_before_their_first_sign_in(here: Installation) -> None:
    person = here.act(administration.add_person, acting(ADA), subject=DAN, reason="starts on Monday")
    assert here.act(administration.add_person, acting(ADA), subject=DAN, reason="again") == person
    here.grant(acting(ADA), DAN, "viewer")
    card = here.database.directory.person_card(person, here.now)
    assert card is not None
    assert card.row.state is PersonState.PENDING
    assert [kind for kind, *_ in here.events()] == ["policy:person:add", "policy:grant:add"]
    with pytest.raises(InvalidInput):
        here.act(administration.add_person, acting(ADA), subject=DAN._replace(subject=""), reason="x")


# --- taking away, and the last administrator ---


def test_a_grant_is_taken_away_once(here: Installation) -> None:
    here.give(CARLA, "viewer")
    card = here.database.directory.person_card(here.id(CARLA), here.now)
    assert card is not None
    gone = here.revoke(acting(ADA), CARLA, "viewer", version=card.version)
    assert gone == card.grants[0]
    assert here.roles_of(CARLA) == set()
    given = {"person": card.row.id, "grant": gone.id, "reason": "x", "version": None, "default_role": None}
    refused(here, NotFound, here.act, administration.revoke, acting(ADA), **given)


def test_a_withheld_permission_counts_for_no_change_whatever_a_token_claims(here: Installation) -> None:
    claims = frozenset({"manage:grants", "read:reports"})
    rights = TokenRights(here.now, permissions=claims)
    here.unit(lambda unit: unit.sync_token_rights(DAN, rights, map_own_names=False, now=here.now))
    token = acting(DAN, AuthMethod.OTHER_TOKEN, asserted=claims)
    here.grant(token, CARLA, role=None, permission="read:reports")
    card = here.database.directory.person_card(here.id(DAN), here.now)
    assert card is not None
    number = next(one.id for one in card.grants if one.permission == "manage:grants")
    here.act(
        administration.revoke, acting(ADA), person=card.row.id, grant=number, reason="x", version=None,
        default_role=None,
    )  # fmt: skip
    refused(here, PermissionDenied, here.grant, token, BOB, role=None, permission="read:reports")


@pytest.mark.parametrize("who", [acting(ADA), acting(BOB), OPERATOR], ids=["herself", "another", "operator"])
def test_the_last_administrator_stays(here: Installation, who: Administrator) -> None:
    here.give(CARLA, ADMINISTRATOR, until=here.now + HOUR)  # does not count: it ends
    here.give(DAN, ADMINISTRATOR, source=Source.REQUEST)  # does not count: neither admin nor policy
    refused(here, LastAdministrator, here.revoke, who, ADA, ADMINISTRATOR)
    refused(here, LastAdministrator, here.block, who, ADA)
    refused(here, LastAdministrator, here.erase, who, ADA)
    refused(here, BuiltInRole, here.update, who, ADMINISTRATOR)
    refused(here, BuiltInRole, here.delete, who, ADMINISTRATOR, "viewer")
    assert here.roles_of(ADA) == {ADMINISTRATOR}


def test_one_of_two_administrators_can_go(here: Installation) -> None:
    here.give(CARLA, ADMINISTRATOR, source=Source.POLICY)
    here.revoke(acting(ADA), ADA, ADMINISTRATOR)
    refused(here, PermissionDenied, here.revoke, acting(ADA), CARLA, ADMINISTRATOR)
    refused(here, LastAdministrator, here.revoke, OPERATOR, CARLA, ADMINISTRATOR)


def test_a_blocked_administrator_does_not_count(here: Installation) -> None:
    here.give(CARLA, ADMINISTRATOR)
    here.block(acting(ADA), CARLA)
    refused(here, LastAdministrator, here.block, OPERATOR, ADA)
    here.block(acting(ADA), CARLA, blocked=False)
    here.block(OPERATOR, ADA)


def test_blocking_ends_every_session_and_letting_in_brings_none_back(here: Installation) -> None:
    session(here, CARLA, "one")
    session(here, CARLA, "two")
    assert here.block(acting(BOB), CARLA) == 2
    ended = here.database.read.session_by_ref("one")
    assert ended is not None
    assert ended.end_reason is EndReason.BLOCKED
    assert here.block(acting(BOB), CARLA) == 0
    assert here.block(acting(BOB), CARLA, blocked=False) == 0
    assert [kind for kind, *_ in here.events()] == ["policy:person:block", "policy:person:unblock"]
    assert here.database.read.sessions_of(CARLA, here.now) == ()


def test_erasing_leaves_the_subject_alone_and_the_audit_whole(here: Installation) -> None:
    here.unit(lambda unit: unit.save_person(Person(CARLA, "Carla Bruni", "c@x.test", True, "http://p"), here.now))
    session(here, CARLA, "one")
    here.grant(acting(ADA), CARLA, "viewer")
    here.block(acting(ADA), CARLA)
    here.erase(acting(ADA), CARLA, version=here.version(CARLA))
    here.erase(acting(ADA), CARLA)
    card = here.database.directory.person_card(here.id(CARLA), here.now)
    assert card is not None
    person = card.row.person
    assert (person.name, person.email, person.email_verified, person.picture) == ("", "", False, "")
    assert (card.row.state, person.blocked, card.grants) == (PersonState.ERASED, True, ())
    ended = here.database.read.session_by_ref("one")
    assert ended is not None
    assert (ended.user_agent, ended.address) == ("", "")
    assert everything_stored(here.database).isdisjoint({"Carla Bruni", "carla bruni", "c@x.test", "http://p"})
    assert [kind for kind, *_ in here.events()][-1] == "policy:person:erase"
    assert verify_chain(here.database).good
    refused(here, Conflict, here.grant, acting(ADA), CARLA, "viewer")


def everything_stored(database: Database) -> set[str]:
    """Every text in every table."""
    with database.engine.connect() as connection:
        names = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'").scalars().all()
        return {
            value
            for name in names
            for row in connection.exec_driver_sql(f'SELECT * FROM "{name}"')  # noqa: S608 - our tables
            for value in row
            if isinstance(value, str)
        }


# --- roles ---


def test_a_role_is_made_of_what_its_maker_holds(here: Installation) -> None:
    made = here.create(acting(BOB), "  Team Red ", "read:reports", description=" Reads. ")
    card = here.database.directory.role_card(made, here.now)
    assert card is not None
    assert (card.row.name, card.row.description, card.permissions) == (
        "Team Red",
        "Reads.",
        frozenset({"read:reports"}),
    )
    refused(here, ExceedsOwnPermissions, here.create, acting(BOB), "Team Blue", "read:reports", "read:people")
    assert here.events()[0] == ("policy:role:create", subject_name(BOB), "Team Red", "new team")


@pytest.mark.parametrize(
    "name", ["team red", "TEAM  RED", "Te\u0430m Red", "Team-Red", "Tearn Red", "Viewer", "v1ewer", "Administrat0r"]
)
def test_names_that_are_or_look_the_same_are_taken(here: Installation, name: str) -> None:
    here.create(acting(ADA), "Team Red")
    refused(here, NameTaken, here.create, acting(ADA), name)
    here.create(acting(ADA), "Other")
    refused(here, NameTaken, here.update, acting(ADA), "Other", new_name=name)


@pytest.mark.parametrize("name", ["", "  ", "---", "a\nb", "a\x00b", "a\u202eb", "\ud800a", "x" * 101])
def test_names_that_cannot_be(here: Installation, name: str) -> None:
    refused(here, InvalidInput, here.create, acting(ADA), name)


def test_unknown_permissions_and_long_descriptions(here: Installation) -> None:
    refused(here, InvalidInput, here.create, acting(ADA), "x", "no:such")
    refused(here, InvalidInput, here.create, acting(ADA), "x", "no:such", "nor:this")
    refused(here, InvalidInput, here.create, acting(ADA), "x", description="x" * 501)


def test_editing_a_role_is_granting(here: Installation) -> None:
    here.create(acting(ADA), "team", "read:people")
    here.give(CARLA, "team")
    refused(here, ExceedsOwnPermissions, here.update, acting(BOB), "team", "read:people", "read:roles")
    here.update(acting(BOB), "team", "read:people", "read:reports")  # what was in it before need not be held
    assert set(here.database.read.grants(CARLA, here.now).permissions) == {"read:people", "read:reports"}
    here.update(acting(BOB), "team")
    assert here.database.read.grants(CARLA, here.now).permissions == {}


def test_nobody_edits_a_role_they_hold_to_have_more(here: Installation) -> None:
    here.create(acting(ADA), "team")
    here.give(BOB, "team")
    here.give(BOB, permissions=("read:people",), until=here.now + HOUR)
    refused(here, SelfGrant, here.update, acting(BOB), "team", "read:people")  # it would last longer
    here.give(BOB, permissions=("read:roles",), source=Source.TOKEN)
    refused(here, SelfGrant, here.update, acting(BOB), "team", "read:roles")  # it would outlive the token's
    here.update(acting(BOB), "team", "read:reports")  # held without an end already
    here.give(ADA, "team")
    here.update(acting(ADA), "team", "read:reports", "read:audit")  # an administrator has it all anyway


def test_a_change_of_nothing_is_none(here: Installation) -> None:
    here.create(acting(ADA), "team", "read:reports")
    version, events = here.database.read.policy_version(), len(here.events())
    here.update(acting(ADA), "team", "read:reports")
    assert (here.database.read.policy_version(), len(here.events())) == (version, events)


def test_a_new_description_changes_nobodys_rights(here: Installation) -> None:
    here.create(acting(ADA), "team", "read:reports")
    version = here.database.read.policy_version()
    here.update(acting(ADA), "team", "read:reports", description="New words.")
    assert here.database.read.policy_version() == version
    assert here.events()[-1][0] == "policy:role:update"


def test_built_in_roles_are_only_extended(here: Installation) -> None:
    ada = acting(ADA)
    here.update(ada, "viewer", "read:reports", "explore:files")
    here.update(ada, "viewer", "read:reports", description="Reads, and nothing else.")
    refused(here, BuiltInRole, here.update, ada, "viewer")
    refused(here, BuiltInRole, here.update, ada, "viewer", "read:reports", new_name="Viewers")
    refused(here, BuiltInRole, here.delete, ada, "viewer", "analyst")
    refused(here, BuiltInRole, here.update, OPERATOR, ADMINISTRATOR, "read:reports")


def test_a_role_in_use_is_not_deleted_without_saying_where_it_goes(here: Installation) -> None:
    ada = acting(ADA)
    here.create(ada, "team", "read:reports")
    here.give(CARLA, "team", until=here.now + HOUR)
    here.give(DAN, "team")
    refused(here, RoleInUse, here.delete, ada, "team")
    refused(here, InvalidInput, here.delete, ada, "team", "team")
    refused(here, ExceedsOwnPermissions, here.delete, acting(BOB), "team", "analyst")
    refused(here, ExceedsOwnPermissions, here.delete, acting(BOB), "team", ADMINISTRATOR)
    assert here.delete(ada, "team", "viewer") == 2
    assert (here.roles_of(CARLA), here.roles_of(DAN)) == ({"viewer"}, {"viewer"})
    assert here.database.read.grants(CARLA, here.now).until == here.now + HOUR
    here.create(ada, "mapped")
    here.map(ada, "Owners", "mapped")
    refused(here, RoleInUse, here.delete, ada, "mapped")
    here.map(ada, "Owners")
    here.give(CARLA, "mapped", until=here.now - HOUR)
    assert here.delete(ada, "mapped") == 0
    with pytest.raises(NotFound):
        here.act(administration.delete_role, ada, role=10**9, move_to=None, reason="x", version=None)


def test_nobody_moves_themselves_to_more(here: Installation) -> None:
    here.create(acting(ADA), "team")
    here.give(BOB, "team")
    here.give(BOB, "analyst", until=here.now + HOUR)
    refused(here, SelfGrant, here.delete, acting(BOB), "team", "analyst")
    here.delete(acting(BOB), "team", "viewer")


# --- mappings ---


def test_mapping_a_token_role_is_granting(here: Installation) -> None:
    token_says(here, CARLA, "Owners")
    refused(here, ExceedsOwnPermissions, here.map, acting(BOB), "Owners", "analyst")
    refused(here, ExceedsOwnPermissions, here.map, acting(BOB), "Owners", ADMINISTRATOR)
    assert here.map(acting(ADA), "Owners", "analyst") == 1
    assert here.roles_of(CARLA) == {"analyst"}
    assert here.map(acting(BOB), "Owners", "analyst") == 0  # nothing is added: nothing must be held
    assert here.map(acting(BOB), "Owners", "viewer") == 1
    assert here.roles_of(CARLA) == {"viewer"}
    assert [event[0] for event in here.events()].count("policy:mapping:update") == 2


def test_nobody_maps_their_own_token_role_to_more(here: Installation) -> None:
    token_says(here, BOB, "Owners")
    here.give(BOB, "analyst", until=here.now + HOUR)
    refused(here, SelfGrant, here.map, acting(BOB), "Owners", "analyst")
    here.map(acting(BOB), "Owners", "viewer")


def test_mappings_that_cannot_be(here: Installation) -> None:
    for token_role in ("", "x" * 201, "a\nb"):
        refused(here, InvalidInput, here.map, acting(ADA), token_role, "viewer")
    given = {"token_role": "x", "reason": "x", "version": None, "map_own_names": False}
    for roles in (frozenset({10**9}), frozenset(range(51))):
        refused(here, InvalidInput, here.act, administration.set_mapping, acting(ADA), roles=roles, **given)


# --- sessions ---


def test_ending_sessions(here: Installation) -> None:
    for ref in ("one", "two", "three"):
        session(here, CARLA, ref)
    here.act(administration.end_session, acting(BOB), ref="one", reason="stolen")
    here.act(administration.end_session, acting(BOB), ref="one", reason="stolen")
    assert here.act(administration.end_sessions, acting(BOB), person=here.id(CARLA), reason="all") == 2
    assert here.act(administration.end_sessions, acting(BOB), person=here.id(CARLA), reason="all") == 0
    assert here.events() == [
        ("app:session:end", subject_name(BOB), subject_name(CARLA), "stolen"),
        *[("app:session:end", subject_name(BOB), subject_name(CARLA), "all")] * 3,
    ]
    with pytest.raises(NotFound):
        here.act(administration.end_session, acting(BOB), ref="none", reason="x")


# --- decided inside the unit ---


def test_what_was_decided_before_does_not_count(here: Installation) -> None:
    """Each act begins with a principal that was good a moment ago."""
    session(here, BOB, "bobs")
    bob = acting(BOB, session_ref="bobs")
    assert here.grant(bob, CARLA, "viewer")
    with pytest.raises(SessionExpired):
        Installation(here.database, here.now + 2 * HOUR).grant(bob, CARLA, "viewer")
    other = acting(ADA, session_ref="bobs")
    refused(here, SessionEnded, here.grant, other, DAN, "viewer")
    here.unit(lambda unit: unit.end_session("bobs", EndReason.SIGNED_OUT, here.now))
    refused(here, SessionEnded, here.grant, bob, DAN, "viewer")
    refused(here, SessionEnded, here.grant, acting(BOB, session_ref="none"), DAN, "viewer")
    here.block(acting(ADA), BOB)
    refused(here, PermissionDenied, here.grant, acting(BOB), DAN, "viewer")
    with pytest.raises(Unauthenticated):
        here.grant(Administrator("nobody", ANONYMOUS), DAN, "viewer")


@pytest.mark.parametrize(
    ("use_case", "given"),
    [
        (administration.grant, {"role": "viewer", "permission": None, "until": None, "person": 1, "version": None}),
        (administration.revoke, {"person": 1, "grant": 1, "version": None, "default_role": None}),
        (administration.release, {"person": 1, "withheld": 1, "version": None, "default_role": None}),
        (administration.add_person, {"subject": DAN}),
        (administration.set_blocked, {"person": 1, "blocked": True, "version": None}),
        (administration.erase, {"person": 1, "version": None}),
        (administration.create_role, {"name": "x", "description": "", "permissions": frozenset()}),
        (
            administration.update_role,
            {"role": 1, "name": "x", "description": "", "permissions": frozenset(), "version": None},
        ),
        (administration.delete_role, {"role": 1, "move_to": None, "version": None}),
        (
            administration.set_mapping,
            {"token_role": "x", "roles": frozenset(), "version": None, "map_own_names": False},
        ),
        (administration.end_session, {"ref": "x"}),
        (administration.end_sessions, {"person": 1}),
    ],
)
def test_every_use_case_asks_for_its_permission(here: Installation, use_case: Any, given: dict[str, Any]) -> None:
    here.give(CARLA, "auditor")
    refused(here, PermissionDenied, here.act, use_case, acting(CARLA), **given, reason="x")


def test_a_change_whose_audit_cannot_be_written_is_none(here: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError

    monkeypatch.setattr("db.unit_of_work.audit.append", full)
    with pytest.raises(OSError):
        here.grant(acting(ADA), CARLA, "viewer")
    monkeypatch.undo()
    assert here.roles_of(CARLA) == set()
    assert here.events() == []
