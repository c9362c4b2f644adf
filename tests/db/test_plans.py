"""Query plans of SQLite for the reads of administrators: never a scan of a whole large table."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app.core.administration_records import PeopleQuery, PeopleSort, PersonState, Through
from app.core.audit_rows import AuditQuery, AuditSort
from app.core.list_orders import MappingSort, RoleSort, SessionSort
from app.core.policy import Source
from db import Database
from db.administration_reads import AdministrationReads
from db.query_cache import QueryCache
from tests.db.builders import NOW
from tests.db.sample_people import BOB, add_sample_people

MANY = ("people", "grants", "sessions", "audit_events", "token_roles", "issued_tokens")
Read = Callable[[AdministrationReads, int, int, str], Any]


def two_pages(query: PeopleQuery) -> Read:
    """The first two pages of a list of people."""

    def read(reads: AdministrationReads, _person: int, _role: int, _cursor: str) -> Any:
        first = reads.people(query, NOW)
        return first.next and reads.people(replace(query, cursor=first.next), NOW)

    return read


def sessions_in(sort: SessionSort) -> Read:
    """The first two pages of the live sessions in this order."""

    def read(reads: AdministrationReads, _person: int, _role: int, _cursor: str) -> Any:
        since = NOW - timedelta(hours=1)
        first = reads.sessions(NOW, seen_since=since, sort=sort, limit=1)
        return first.next and reads.sessions(NOW, seen_since=since, sort=sort, limit=1, cursor=first.next)

    return read


READS: dict[str, Read] = {
    "people": lambda reads, person, role, cursor: reads.people(PeopleQuery(), NOW),
    "people, next page": lambda reads, person, role, cursor: reads.people(PeopleQuery(limit=2, cursor=cursor), NOW),
    "people by part": lambda reads, person, role, cursor: reads.people(PeopleQuery(text="love"), NOW),
    "people by candidates": lambda reads, person, role, cursor: reads.people(PeopleQuery(text="lovelace"), NOW),
    "people by beginning": lambda reads, person, role, cursor: reads.people(PeopleQuery(text="ad"), NOW),
    "people by role": lambda reads, person, role, cursor: reads.people(PeopleQuery(role="viewer"), NOW),
    "people without roles": lambda reads, person, role, cursor: reads.people(PeopleQuery(without_roles=True), NOW),
    "blocked people": lambda reads, person, role, cursor: reads.people(PeopleQuery(state=PersonState.BLOCKED), NOW),
    "erased people": lambda reads, person, role, cursor: reads.people(PeopleQuery(state=PersonState.ERASED), NOW),
    "pending people": lambda reads, person, role, cursor: reads.people(PeopleQuery(state=PersonState.PENDING), NOW),
    "machines": lambda reads, person, role, cursor: reads.people(PeopleQuery(machine=True), NOW),
    "people last seen": lambda reads, person, role, cursor: reads.people(PeopleQuery(sort=PeopleSort.LAST_SEEN), NOW),
    "people first seen": lambda reads, person, role, cursor: reads.people(PeopleQuery(sort=PeopleSort.FIRST_SEEN), NOW),
    **{f"people in the order {sort}, two pages": two_pages(PeopleQuery(sort=sort, limit=2)) for sort in PeopleSort},
    **{
        f"people by {name}": two_pages(query)
        for name, query in {
            "a permission": PeopleQuery(permission="read:reports", limit=1),
            "a direct permission": PeopleQuery(permission="explore:api", through=Through.DIRECT, limit=1),
            "a permission of machines": PeopleQuery(permission="export:audit", machine=True, limit=1),
            "a permission and a text": PeopleQuery(permission="read:reports", text="lovelace", limit=1),
            "source": PeopleQuery(source=Source.TOKEN, limit=1),
            "last use": PeopleQuery(seen_after=NOW - timedelta(days=3), seen_before=NOW, limit=1),
        }.items()
    },
    "a card": lambda reads, person, role, cursor: reads.person_card(person, NOW),
    "roles": lambda reads, person, role, cursor: reads.roles(NOW),
    "a role": lambda reads, person, role, cursor: reads.role_card(role, NOW),
    "a review": lambda reads, person, role, cursor: reads.review_role(role, frozenset({"read:people"}), NOW),
    "permissions": lambda reads, person, role, cursor: reads.permissions(NOW, text="read"),
    "mappings": lambda reads, person, role, cursor: reads.mappings(),
    "sessions": lambda reads, person, role, cursor: reads.sessions(NOW, seen_since=NOW - timedelta(hours=1)),
    **{f"sessions in the order {sort}": sessions_in(sort) for sort in SessionSort},
    "sessions by text": lambda reads, person, role, cursor: reads.sessions(NOW, text="lovelace"),
    "roles by people": lambda reads, person, role, cursor: reads.roles(NOW, sort=RoleSort.PEOPLE_DESCENDING),
    "mappings by people": lambda reads, person, role, cursor: reads.mappings(sort=MappingSort.PEOPLE_DESCENDING),
    "audit, oldest first": lambda reads, person, role, cursor: reads.audit(AuditQuery(sort=AuditSort.OLDEST)),
    "sessions of one": lambda reads, person, role, cursor: reads.sessions(NOW, person=person),
    "audit": lambda reads, person, role, cursor: reads.audit(AuditQuery()),
    "audit by name": lambda reads, person, role, cursor: reads.audit(AuditQuery(name="a")),
    "audit by actor": lambda reads, person, role, cursor: reads.audit(AuditQuery(actor="a")),
    "audit by target": lambda reads, person, role, cursor: reads.audit(AuditQuery(target="a")),
    "audit by kinds": lambda reads, person, role, cursor: reads.audit(AuditQuery(kinds=("a", "b"))),
    "audit refused": lambda reads, person, role, cursor: reads.audit(AuditQuery(outcome="refused")),
    "audit by time": lambda reads, person, role, cursor: reads.audit(AuditQuery(since=NOW, until=NOW)),
    "audit by two": lambda reads, person, role, cursor: reads.audit(AuditQuery(name="a", kinds=("b",), since=NOW)),
    "audit export": lambda reads, person, role, cursor: list(reads.audit_events(AuditQuery(kinds=("a",)))),
    "chain": lambda reads, person, role, cursor: reads.chain_head(),
    "numbers": lambda reads, person, role, cursor: reads.statistics(NOW, days=30),
}


@pytest.mark.parametrize("name", READS)
def test_no_read_goes_through_a_whole_table(file_database: Database, name: str) -> None:
    ids = add_sample_people(file_database)
    role = file_database.administration.role_by_name("viewer", NOW)
    assert role is not None
    cursor = file_database.administration.people(PeopleQuery(limit=2), NOW).next or ""
    statements: dict[str, Any] = {}
    fetch = file_database._read_connections.fetch

    def watched(text: str, values: Any) -> Any:
        statements[text] = values
        return fetch(text, values)

    reads = AdministrationReads(
        QueryCache(watched, file_database.engine.dialect), file_database.read, file_database.keyring
    )
    READS[name](reads, ids[BOB], role.row.id, cursor)
    assert statements
    for text, values in statements.items():
        for step in [row[3] for row in fetch(f"EXPLAIN QUERY PLAN {text}", values)]:
            if (scan := re.match(r"SCAN (\w+)", step)) is None or scan.group(1) not in MANY:
                continue
            # In an index's order, and only as far as the page.
            assert " USING " in step, (step, text)
            assert "LIMIT" in text, (step, text)


def test_the_usage_report_reads_counters_only(file_database: Database) -> None:
    text = file_database.read._usage.text
    assert "audit_events" not in text
    assert "audit_days" in text
