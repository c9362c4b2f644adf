"""Sessions, the audit, statistics and guards as the pages for administrators read them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from app.core.administration_records import MAX_COUNTED, GuardKind, GuardRow
from app.core.audit import ANONYMOUS_ACTOR, AuditKind, Outcome
from app.core.audit_rows import AuditQuery, AuditRow, AuditSort
from app.core.errors import InvalidInput
from app.core.list_orders import SessionSort
from app.core.permissions import CATALOGUE, ROLES
from app.core.principal import Subject
from app.core.records import EndReason, Person
from db import Database
from db.models import sessions
from tests.db.builders import ANN, ISSUER, NOW, SECOND, add_many, behind_its_back, event, grant, new_session, written
from tests.db.sample_people import BOB, CARLA, DAY, PENDING, add_sample_people


def test_live_sessions_last_used_first(database: Database) -> None:
    ids = add_sample_people(database)
    page = database.administration.sessions(NOW + 3 * SECOND, limit=2)
    assert [row.session.ref for row in page.rows] == ["ref-2", "ref-1"]
    assert (page.total, page.rows[0].person_id) == (3, ids[BOB])
    assert page.next is not None
    assert [row.session.ref for row in database.administration.sessions(NOW, cursor=page.next).rows] == ["ref-0"]
    of_bob = database.administration.sessions(NOW, person=ids[BOB])
    assert [row.session.ref for row in of_bob.rows] == ["ref-2", "ref-1"]
    assert [row.session.ref for row in database.administration.sessions(NOW, seen_since=NOW + SECOND).rows] == ["ref-2"]
    written(database, lambda unit: unit.end_session("ref-2", EndReason.ENDED_BY_ADMIN, NOW))
    assert database.administration.sessions(NOW).total == 2
    assert database.administration.sessions(NOW + timedelta(hours=9)).total == 0
    with pytest.raises(InvalidInput):
        database.administration.sessions(NOW, person=ids[BOB], cursor=page.next)


@pytest.mark.parametrize("sort", SessionSort)
def test_sessions_are_sorted_in_pages(database: Database, sort: SessionSort) -> None:
    add_sample_people(database)
    with database.engine.begin() as connection:  # the newest session was used first
        for number in range(3):
            used = sessions.update().where(sessions.c.ref == f"ref-{number}")
            connection.execute(used.values(last_seen_at=NOW - number * SECOND))
    rows: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = database.administration.sessions(NOW, sort=sort, seen_since=NOW - DAY, cursor=cursor, limit=1)
        rows += [row.session.ref for row in page.rows]
        assert page.total == 3
        cursor = page.next
    newest_used_first = sort in {SessionSort.LAST_SEEN, SessionSort.SINCE}
    assert rows == [f"ref-{number}" for number in (range(3) if newest_used_first else reversed(range(3)))]


@pytest.mark.parametrize("sort", SessionSort)
@pytest.mark.parametrize("others", [0, MAX_COUNTED])
def test_sessions_of_people_who_match_a_text(database: Database, sort: SessionSort, others: int) -> None:
    """Few people match, so that their sessions are read; or so many that sessions are compared with the text."""
    ids = add_sample_people(database)
    if others:
        add_many(database, {Subject(ISSUER, f"s{number}"): (f"bob {number}", ()) for number in range(others)})
    written(database, lambda unit: unit.begin_session(new_session("ref-3", CARLA), NOW))
    for text, refs in {
        "bob": {"ref-1", "ref-2"},
        "b": {"ref-1", "ref-2"},
        "BOB ROSS": {"ref-1", "ref-2"},
        "ross": {"ref-1", "ref-2"},
        "bob@example": {"ref-1", "ref-2"},
        "auth0|carla": {"ref-3"},
        "zzz": set(),
        "": {"ref-0", "ref-1", "ref-2", "ref-3"},
    }.items():
        refs_in_pages: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            page = database.administration.sessions(NOW, text=text, sort=sort, cursor=cursor, limit=1)
            refs_in_pages += [row.session.ref for row in page.rows]
            assert page.total == len(refs)
            cursor = page.next
        assert (set(refs_in_pages), len(refs_in_pages)) == (refs, len(refs)), text
        if not text:
            continue
        whole = database.administration.sessions(NOW, text=text, sort=sort).rows
        column = "created_at" if sort.value.endswith("since") else "last_seen_at"
        times = [getattr(row.session, column) for row in whole]
        assert times == sorted(times, reverse=sort.descending)
        of_bob = database.administration.sessions(NOW, text=text, person=ids[BOB], seen_since=NOW + SECOND)
        assert [row.session.ref for row in of_bob.rows] == ["ref-2"] * ("ref-2" in refs)


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
def test_the_audit_can_be_filtered(database: Database, query: AuditQuery) -> None:
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
        page = database.administration.audit(page_query)
        assert page.total == len(expected)
        rows += page.rows
        if page.next is None:
            break
        page_query = replace(page_query, cursor=page.next)
    assert [row.details["n"] for row in rows] == expected[::-1]
    oldest_first: list[AuditRow] = []
    page_query = replace(query, limit=4, sort=AuditSort.OLDEST)
    while True:
        page = database.administration.audit(page_query)
        assert page.total == len(expected)
        oldest_first += page.rows
        if page.next is None:
            break
        with pytest.raises(InvalidInput):
            database.administration.audit(replace(query, cursor=page.next))
        page_query = replace(page_query, cursor=page.next)
    assert oldest_first == rows[::-1]
    assert [row.details["n"] for row in database.administration.audit_events(query)] == expected


def test_one_event_and_the_end_of_the_chain(database: Database) -> None:
    empty = database.administration.chain_head()
    assert (empty.seq, empty.last_at, empty.sealed) == (0, None, True)
    audited(database)
    stored = database.administration.audit_event(3)
    assert stored is not None
    assert (stored.seq, stored.kind, stored.details) == (3, "app:session:begin", {"n": 2})
    assert database.administration.audit_event(31) is None
    head = database.administration.chain_head()
    assert (head.seq, head.last_at, head.sealed, head.boundary_seq) == (30, NOW + 29 * SECOND, True, 0)
    behind_its_back(database, "DELETE FROM audit_events WHERE seq = 30")
    assert not database.administration.chain_head().sealed
    behind_its_back(database, "UPDATE audit_head SET seq = 29", "UPDATE audit_events SET details = 'no' WHERE seq = 29")
    assert not database.administration.chain_head().sealed
    assert database.administration.audit(AuditQuery(limit=1)).rows[0].details == {}


@pytest.mark.parametrize("kind", ["app:session:resume", "app:session:revive"])
def test_events_of_a_retired_code_are_found_by_the_kind_that_replaced_it(database: Database, kind: str) -> None:
    with database.unit_of_work() as unit:
        unit.record(event(AuditKind.SESSION_BEGIN))
        unit.record(event(AuditKind.SESSION_RESUME))
        unit.record(event(AuditKind.SESSION_RESUME))
        unit.commit()
    behind_its_back(database, "UPDATE audit_events SET kind = 'app:session:revive' WHERE seq = 2")
    stored = database.administration.audit(AuditQuery(kinds=(kind,)))
    assert [(row.seq, row.kind) for row in stored.rows] == [(3, "app:session:resume"), (2, "app:session:revive")]
    assert stored.total == 2


def test_the_installation_in_numbers(database: Database) -> None:
    ids = add_sample_people(database)
    with database.unit_of_work() as unit:
        unit.record(event(AuditKind.SESSION_BEGIN))
        unit.record(event(AuditKind.SESSION_BEGIN, outcome=Outcome.FAILED))
        unit.record(event(AuditKind.PAGE_DENY, actor="known subject"))
        unit.record(event(AuditKind.PAGE_DENY, actor=ANONYMOUS_ACTOR))
        unit.record(event(AuditKind.SESSION_BEGIN, at=NOW - DAY))
        unit.commit()
    numbers = database.administration.statistics(NOW + 3 * SECOND, days=2)
    assert (numbers.people, numbers.machines, numbers.sessions, numbers.roles) == (len(ids), 1, 3, len(ROLES))
    assert [(day.sign_ins, day.refusals) for day in numbers.days] == [(1, 0), (1, 1)]
    attention = numbers.attention
    assert attention.unused_roles == ("auditor", "developer")
    assert "read:messages" in attention.ungranted_permissions
    assert "explore:api" not in attention.ungranted_permissions
    assert attention.unmapped_token_roles == ("Owners", "viewer")
    assert (attention.people_without_roles, attention.blocked_people, attention.administrators) == (6, 1, 1)
    assert len(attention.unguarded_permissions) == min(20, len(CATALOGUE))
    assert database.administration.statistics(NOW, days=1, seen_since=NOW + SECOND).sessions == 1


def test_people_are_counted_exactly(database: Database) -> None:
    def numbers() -> tuple[int, int]:
        stored = database.administration.statistics(NOW, days=1)
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
    assert [(row.name, row.process, row.version, row.published_at) for row in database.administration.guards()] == [
        ("/one", "app", "1.0", NOW),
        ("GET /z", "api", "1.0", NOW),
    ]
    assert "read:people" not in database.administration.statistics(NOW, days=1).attention.unguarded_permissions
