"""Roles, permissions, mappings, sessions, the audit and the numbers, as administrators read them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from app.core.audit import ANONYMOUS_ACTOR, AuditKind, Outcome
from app.core.audit_rows import AuditQuery, AuditRow
from app.core.directory import GuardKind, GuardRow, RoleReview
from app.core.errors import InvalidInput, NameTaken, NotFound, RoleInUse
from app.core.permissions import CATALOGUE, ROLES
from app.core.policy import Source
from app.core.principal import Subject
from app.core.records import EndReason, Person, TokenRights
from db import Database
from db.database import DatabaseUnitOfWork
from tests.db.builders import ANN, ISSUER, NOW, SECOND, behind_its_back, event, grant, token_rights, written
from tests.db.crowd import BOB, CARLA, DAY, PENDING, crowd


def role_id(database: Database, name: str) -> int:
    card = database.directory.role_by_name(name, NOW)
    assert card is not None
    return card.row.id


def make_role(database: Database, name: str, *permissions: str) -> int:
    made: int = written(database, lambda unit: unit.add_role(name, f"For {name}.", frozenset(permissions)))
    return made


def test_roles_are_listed_with_their_numbers(database: Database) -> None:
    crowd(database)
    rows = {row.name: row for row in database.directory.roles(NOW).rows}
    assert list(rows) == sorted(ROLES)
    assert (rows["administrator"].permissions, rows["administrator"].people) == (len(CATALOGUE), 1)
    assert (rows["viewer"].permissions, rows["viewer"].people) == (1, 2)
    assert rows["viewer"].built_in
    page = database.directory.roles(NOW, limit=2)
    assert [row.name for row in page.rows] == ["administrator", "analyst"]
    assert page.next is not None
    assert [row.name for row in database.directory.roles(NOW, cursor=page.next).rows] == sorted(ROLES)[2:]
    assert [row.name for row in database.directory.roles(NOW, text="VIEW").rows] == ["viewer"]


def test_a_role_by_id_and_by_name(database: Database) -> None:
    written(database, lambda unit: unit.set_mapping("Owners", frozenset(), NOW, map_own_names=False))
    number = role_id(database, "viewer")
    written(database, lambda unit: unit.set_mapping("Owners", frozenset({number}), NOW, map_own_names=False))
    card = database.directory.role_card(number, NOW)
    assert card is not None
    assert (card.permissions, card.token_roles) == (frozenset({"read:reports"}), ("Owners",))
    assert database.directory.role_card(10**9, NOW) is None
    assert database.directory.role_by_name("Viewer", NOW) is None
    assert database.directory.role_by_name("\ud800", NOW) is None
    stored = database.directory.role_permissions([number, role_id(database, "administrator"), 10**9])
    assert sorted(map(len, stored.values())) == [1, len(CATALOGUE)]


def test_the_catalogue(database: Database) -> None:
    crowd(database)
    page = database.directory.permissions(NOW, limit=3)
    assert [row.name for row in page.rows] == sorted(CATALOGUE)[:3]
    assert page.total == len(CATALOGUE)
    assert page.next is not None
    assert [row.name for row in database.directory.permissions(NOW, cursor=page.next).rows] == sorted(CATALOGUE)[3:]
    stored = database.directory.permissions(NOW, text="EXPLORE:api").rows
    assert [(row.name, row.roles, row.people) for row in stored] == [("explore:api", 1, 1)]
    assert [row.by_scope for row in database.directory.permissions(NOW, text="scoped message").rows] == [True]


def test_a_review_says_who_gains_and_who_loses_what(database: Database) -> None:
    crowd(database)
    number = role_id(database, "viewer")
    written(database, lambda unit: unit.add_grant(grant("analyst", subject=BOB), NOW))
    review = database.directory.review_role(number, frozenset({"explore:api", "explore:files"}), NOW)
    assert review == RoleReview(
        added=("explore:api", "explore:files"),
        removed=("read:reports",),
        people=2,
        gain={"explore:api": 1, "explore:files": 0},
        lose={"read:reports": 0},
        other_roles={
            "explore:api": ("administrator",),
            "explore:files": ("administrator", "analyst"),
            "read:reports": ("administrator", "analyst"),
        },
        sessions=2,
    )
    same = database.directory.review_role(number, frozenset({"read:reports"}), NOW)
    assert same is not None
    assert (same.added, same.removed, same.people, same.sessions) == ((), (), 2, 0)
    assert database.directory.review_role(10**9, frozenset(), NOW) is None
    nothing = database.directory.review_role(role_id(database, "administrator"), frozenset(), NOW)
    assert nothing is not None
    assert nothing.removed == ()


def test_a_review_of_a_role_that_very_many_hold(database: Database) -> None:
    number = make_role(database, "many", "read:reports")

    def fill(unit: DatabaseUnitOfWork) -> None:
        for number in range(1300):
            subject = Subject(ISSUER, f"s{number}")
            unit.add_grant(grant("many", subject=subject), NOW)
            if number < 1295:
                unit.add_grant(grant("developer", subject=subject), NOW)

    written(database, fill)
    review = database.directory.review_role(number, frozenset({"explore:api", "explore:files"}), NOW)
    assert review is not None
    assert review.people == 1000
    assert dict(review.gain) == {"explore:api": 5, "explore:files": 1000}
    assert dict(review.lose) == {"read:reports": 1000}


def test_roles_are_made_changed_moved_and_deleted(database: Database) -> None:
    crowd(database)
    version = database.read.policy_version()
    number = make_role(database, "Ops", "explore:api")
    assert database.read.policy_version() == version + 1
    with pytest.raises(NameTaken):
        make_role(database, "0ps")
    with pytest.raises(NotFound):
        make_role(database, "other", "no:such")
    written(
        database,
        lambda unit: unit.change_role(number, name="Ops 2", description="x", permissions=frozenset({"read:people"})),
    )
    card = database.directory.role_card(number, NOW)
    assert card is not None
    assert (card.row.name, card.row.version, card.permissions) == ("Ops 2", "2", frozenset({"read:people"}))
    assert database.read.policy_version() == version + 2
    written(database, lambda unit: unit.add_grant(grant("Ops 2", subject=CARLA, until=NOW + DAY), NOW))
    written(database, lambda unit: unit.add_grant(grant("Ops 2", subject=BOB), NOW))
    written(database, lambda unit: unit.set_mapping("Owners", frozenset({number}), NOW, map_own_names=True))
    with pytest.raises(RoleInUse):
        written(database, lambda unit: unit.delete_role(number))
    viewer = role_id(database, "viewer")
    moved = written(database, lambda unit: unit.move_role(number, viewer, by="me", reason="merged", now=NOW))
    assert moved == 2
    carla, bob = database.read.grants(CARLA, NOW), database.read.grants(BOB, NOW)
    assert [(way.source, way.until, way.by) for way in carla.roles["viewer"]] == [(Source.ADMIN, NOW + DAY, "me")]
    assert [(way.source, way.until) for way in bob.roles["viewer"]] == [(Source.ADMIN, None), (Source.TOKEN, None)]
    assert [row.roles for row in database.directory.mappings(text="owners").rows] == [((viewer, "viewer"),)]
    written(database, lambda unit: unit.delete_role(number))
    assert database.directory.role_card(number, NOW) is None


def test_a_mapping_changes_the_token_grants_of_all_who_have_it(database: Database) -> None:
    crowd(database)
    developer, viewer = role_id(database, "developer"), role_id(database, "viewer")
    assert [(row.token_role, row.roles, row.people) for row in database.directory.mappings().rows] == [
        ("Owners", (), 1),
        ("viewer", (), 1),
    ]
    before = database.directory.mappings(text="own").rows[0].version
    both = frozenset({developer, viewer})
    assert written(database, lambda unit: unit.set_mapping("Owners", both, NOW, map_own_names=True)) == 1
    assert set(database.read.grants(BOB, NOW).roles) == {"viewer", "developer"}
    row = database.directory.mappings(text="own").rows[0]
    assert row.version != before
    assert row.roles == ((developer, "developer"), (viewer, "viewer"))
    assert [row.token_role for row in database.directory.mappings(unmapped=True).rows] == ["viewer"]
    assert written(database, lambda unit: unit.set_mapping("Owners", frozenset(), NOW, map_own_names=True)) == 1
    assert set(database.read.grants(BOB, NOW).roles) == {"viewer"}
    assert [way.source for way in database.read.grants(BOB, NOW).roles["viewer"]] == [Source.TOKEN, Source.ADMIN]
    written(
        database, lambda unit: unit.sync_token_rights(BOB, token_rights(at=NOW + SECOND), map_own_names=True, now=NOW)
    )
    assert database.directory.mappings().rows == ()


def test_mapping_pages(database: Database) -> None:
    names = [f"team {number:03}" for number in range(7)]
    written(database, lambda unit: unit.sync_token_rights(ANN, token_rights(*names), map_own_names=False, now=NOW))
    page = database.directory.mappings(limit=4)
    assert page.next is not None
    rest = database.directory.mappings(limit=4, cursor=page.next)
    assert [row.token_role for row in (*page.rows, *rest.rows)] == names
    assert (page.total, rest.next) == (7, None)


def test_live_sessions_last_used_first(database: Database) -> None:
    ids = crowd(database)
    page = database.directory.sessions(NOW + 3 * SECOND, limit=2)
    assert [row.session.ref for row in page.rows] == ["ref-2", "ref-1"]
    assert (page.total, page.rows[0].person_id) == (3, ids[BOB])
    assert page.next is not None
    assert [row.session.ref for row in database.directory.sessions(NOW, cursor=page.next).rows] == ["ref-0"]
    of_bob = database.directory.sessions(NOW, person=ids[BOB])
    assert [row.session.ref for row in of_bob.rows] == ["ref-2", "ref-1"]
    assert [row.session.ref for row in database.directory.sessions(NOW, seen_since=NOW + SECOND).rows] == ["ref-2"]
    written(database, lambda unit: unit.end_session("ref-2", EndReason.ENDED_BY_ADMIN, NOW))
    assert database.directory.sessions(NOW).total == 2
    assert database.directory.sessions(NOW + timedelta(hours=9)).total == 0
    with pytest.raises(InvalidInput):
        database.directory.sessions(NOW, person=ids[BOB], cursor=page.next)


def audited(database: Database) -> None:
    with database.unit_of_work() as unit:
        for number in range(30):
            unit.record(
                event(
                    (AuditKind.PAGE_DENY, AuditKind.GRANT_ADD, AuditKind.SESSION_BEGIN)[number % 3],
                    at=NOW + number * SECOND,
                    actor=f"actor {number % 5}",
                    target=f"actor {number % 4}",
                    outcome=Outcome.REFUSED if number % 3 == 0 else Outcome.SUCCEEDED,
                    details={"n": number},
                )
            )
        unit.commit()


@pytest.mark.parametrize(
    "query",
    [
        AuditQuery(),
        AuditQuery(name="actor 1"),
        AuditQuery(actor="actor 1"),
        AuditQuery(target="actor 1"),
        AuditQuery(kinds=("policy:grant:add",)),
        AuditQuery(kinds=("policy:grant:add", "app:session:begin", "no:such:kind")),
        AuditQuery(outcome="refused"),
        AuditQuery(outcome="done"),
        AuditQuery(since=NOW + 5 * SECOND, until=NOW + 15 * SECOND),
        AuditQuery(name="actor 1", kinds=("policy:grant:add", "app:page:deny"), outcome="done"),
        AuditQuery(actor="actor 1", target="actor 2", since=NOW + 5 * SECOND),
        AuditQuery(name="unknown name"),
        AuditQuery(actor="\ud800"),
        AuditQuery(kinds=("a\x00b",)),
    ],
)
def test_the_audit_by_what_is_asked(database: Database, query: AuditQuery) -> None:
    audited(database)

    def matches(number: int) -> bool:
        kind = ("app:page:deny", "policy:grant:add", "app:session:begin")[number % 3]
        actor, target, at = f"actor {number % 5}", f"actor {number % 4}", NOW + number * SECOND
        return (
            (not query.name or query.name in {actor, target})
            and query.actor in {"", actor}
            and query.target in {"", target}
            and (not query.kinds or kind in query.kinds)
            and query.outcome in {"", "refused" if number % 3 == 0 else "done"}
            and (query.since is None or at >= query.since)
            and (query.until is None or at < query.until)
        )

    expected = [number for number in range(30) if matches(number)]
    rows: list[AuditRow] = []
    page_query = replace(query, limit=4)
    while True:
        page = database.directory.audit(page_query)
        assert page.total == len(expected)
        rows += page.rows
        if page.next is None:
            break
        page_query = replace(page_query, cursor=page.next)
    assert [row.details["n"] for row in rows] == expected[::-1]
    assert [row.details["n"] for row in database.directory.audit_events(query)] == expected


def test_one_event_and_the_end_of_the_chain(database: Database) -> None:
    empty = database.directory.chain_head()
    assert (empty.seq, empty.last_at, empty.sealed) == (0, None, True)
    audited(database)
    stored = database.directory.audit_event(3)
    assert stored is not None
    assert (stored.seq, stored.kind, stored.details) == (3, "app:session:begin", {"n": 2})
    assert database.directory.audit_event(31) is None
    head = database.directory.chain_head()
    assert (head.seq, head.last_at, head.sealed, head.boundary_seq) == (30, NOW + 29 * SECOND, True, 0)
    behind_its_back(database, "DELETE FROM audit_events WHERE seq = 30")
    assert not database.directory.chain_head().sealed
    behind_its_back(database, "UPDATE audit_head SET seq = 29", "UPDATE audit_events SET details = 'no' WHERE seq = 29")
    assert not database.directory.chain_head().sealed
    assert database.directory.audit(AuditQuery(limit=1)).rows[0].details == {}


@pytest.mark.parametrize("kind", ["app:session:resume", "app:session:revive"])
def test_events_of_a_retired_code_are_found_by_the_kind_that_replaced_it(database: Database, kind: str) -> None:
    with database.unit_of_work() as unit:
        unit.record(event(AuditKind.SESSION_BEGIN))
        unit.record(event(AuditKind.SESSION_RESUME))
        unit.record(event(AuditKind.SESSION_RESUME))
        unit.commit()
    behind_its_back(database, "UPDATE audit_events SET kind = 'app:session:revive' WHERE seq = 2")
    stored = database.directory.audit(AuditQuery(kinds=(kind,)))
    assert [(row.seq, row.kind) for row in stored.rows] == [(3, "app:session:resume"), (2, "app:session:revive")]
    assert stored.total == 2


def test_the_installation_in_numbers(database: Database) -> None:
    ids = crowd(database)
    with database.unit_of_work() as unit:
        unit.record(event(AuditKind.SESSION_BEGIN))
        unit.record(event(AuditKind.SESSION_BEGIN, outcome=Outcome.FAILED))
        unit.record(event(AuditKind.PAGE_DENY, actor="known subject"))
        unit.record(event(AuditKind.PAGE_DENY, actor=ANONYMOUS_ACTOR))
        unit.record(event(AuditKind.SESSION_BEGIN, at=NOW - DAY))
        unit.commit()
    numbers = database.directory.statistics(NOW + 3 * SECOND, days=2)
    assert (numbers.people, numbers.machines, numbers.sessions, numbers.roles) == (len(ids), 1, 3, len(ROLES))
    assert [(day.sign_ins, day.denials) for day in numbers.days] == [(1, 0), (1, 1)]
    attention = numbers.attention
    assert attention.unused_roles == ("auditor", "developer")
    assert "read:messages" in attention.permissions_held_by_nobody
    assert "explore:api" not in attention.permissions_held_by_nobody
    assert attention.unmapped_token_roles == ("Owners", "viewer")
    assert (attention.people_without_roles, attention.blocked_people, attention.administrators) == (6, 1, 1)
    assert len(attention.permissions_asked_nowhere) == min(20, len(CATALOGUE))
    assert database.directory.statistics(NOW, days=1, seen_since=NOW + SECOND).sessions == 1


def test_people_are_counted_exactly(database: Database) -> None:
    def numbers() -> tuple[int, int]:
        stored = database.directory.statistics(NOW, days=1)
        return stored.people, stored.machines

    written(database, lambda unit: unit.save_person(Person(ANN, machine=True), NOW))
    written(database, lambda unit: unit.add_grant(grant("viewer", subject=PENDING), NOW))
    assert numbers() == (2, 1)
    written(database, lambda unit: unit.save_person(Person(ANN), NOW))
    assert numbers() == (2, 0)
    with database.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM people")
    assert numbers() == (0, 0)


def test_guards_are_published_whole_by_each_process(database: Database) -> None:
    def publish(process: str, *names: str) -> None:
        rows = [GuardRow(GuardKind.ENDPOINT, name, "read:people", "a/b.py", 7) for name in names]
        written(database, lambda unit: unit.publish_guards(process, "1.0", rows, NOW))

    publish("app", "/one")
    publish("api", "GET /x", "GET /y")
    publish("api", "GET /z")
    assert [(row.name, row.process, row.version, row.published_at) for row in database.directory.guards()] == [
        ("/one", "app", "1.0", NOW),
        ("GET /z", "api", "1.0", NOW),
    ]
    assert "read:people" not in database.directory.statistics(NOW, days=1).attention.permissions_asked_nowhere


def test_a_unit_reads_its_own_state(database: Database) -> None:
    ids = crowd(database)
    with database.unit_of_work() as unit:
        unit.set_blocked(BOB, blocked=True)
        stored = unit.person_by_id(ids[BOB])
        assert stored is not None
        assert stored[0].person.blocked
        assert unit.person_of(BOB) == stored[0]
        unit.add_grant(grant("developer", subject=BOB), NOW)
        assert "explore:api" in unit.grants_of(BOB, NOW).permissions
        assert unit.grants_of(Subject("", ""), NOW).roles == {}
        assert unit.token_roles_of(BOB) == {"Owners", "viewer"}
        assert unit.catalogue() == frozenset(CATALOGUE)
        card = unit.role_named("V iewer", NOW)
        assert card is not None
        assert card.row.people == 2
        assert unit.role_for_change(card.row.id, NOW) == card
        assert unit.mapping("Owners").roles == ()
    assert database.directory.person_card(ids[BOB], NOW) is not None
    assert "developer" not in database.read.grants(BOB, NOW).roles


def test_a_token_role_that_counts_by_its_own_name_is_not_mapped_nowhere(database: Database) -> None:
    with database.unit_of_work() as unit:
        rights = TokenRights(issued_at=NOW, roles=frozenset({"viewer", "elsewhere"}))
        unit.sync_token_rights(ANN, rights, map_own_names=True, now=NOW)
        unit.commit()

    def nowhere(*, own_names: bool) -> tuple[list[str], tuple[str, ...]]:
        listed = database.directory.mappings(unmapped=True, own_names=own_names).rows
        named = database.directory.statistics(NOW, days=1, own_names=own_names).attention.unmapped_token_roles
        return [row.token_role for row in listed], named

    assert nowhere(own_names=True) == (["elsewhere"], ("elsewhere",))
    assert nowhere(own_names=False) == (["elsewhere", "viewer"], ("elsewhere", "viewer"))
