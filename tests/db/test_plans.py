"""How SQLite goes about the reads of administrators: never through a whole table of what there may be very many of."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from app.core.directory import AuditQuery, PeopleQuery, PeopleSort, PersonState
from db import Database
from db.directory import DatabaseDirectory
from db.query_cache import QueryCache
from tests.db.builders import NOW
from tests.db.crowd import BOB, crowd

MANY = ("people", "grants", "sessions", "audit_events", "token_roles", "issued_tokens")
Read = Callable[[DatabaseDirectory, int, int, str], Any]

READS: dict[str, Read] = {
    "people": lambda queries, person, role, cursor: queries.people(PeopleQuery(), NOW),
    "people, next page": lambda queries, person, role, cursor: queries.people(PeopleQuery(limit=2, cursor=cursor), NOW),
    "people by part": lambda queries, person, role, cursor: queries.people(PeopleQuery(text="love"), NOW),
    "people by candidates": lambda queries, person, role, cursor: queries.people(PeopleQuery(text="lovelace"), NOW),
    "people by beginning": lambda queries, person, role, cursor: queries.people(PeopleQuery(text="ad"), NOW),
    "people by role": lambda queries, person, role, cursor: queries.people(PeopleQuery(role="viewer"), NOW),
    "people without roles": lambda queries, person, role, cursor: queries.people(PeopleQuery(without_roles=True), NOW),
    "blocked people": lambda queries, person, role, cursor: queries.people(PeopleQuery(state=PersonState.BLOCKED), NOW),
    "erased people": lambda queries, person, role, cursor: queries.people(PeopleQuery(state=PersonState.ERASED), NOW),
    "pending people": lambda queries, person, role, cursor: queries.people(PeopleQuery(state=PersonState.PENDING), NOW),
    "machines": lambda queries, person, role, cursor: queries.people(PeopleQuery(machine=True), NOW),
    "people last seen": lambda queries, person, role, cursor: queries.people(
        PeopleQuery(sort=PeopleSort.LAST_SEEN), NOW
    ),
    "people first seen": lambda queries, person, role, cursor: queries.people(
        PeopleQuery(sort=PeopleSort.FIRST_SEEN), NOW
    ),
    "a card": lambda queries, person, role, cursor: queries.person_card(person, NOW),
    "roles": lambda queries, person, role, cursor: queries.roles(NOW),
    "a role": lambda queries, person, role, cursor: queries.role_card(role, NOW),
    "a review": lambda queries, person, role, cursor: queries.review_role(role, frozenset({"read:people"}), NOW),
    "permissions": lambda queries, person, role, cursor: queries.permissions(NOW, text="read"),
    "mappings": lambda queries, person, role, cursor: queries.mappings(),
    "sessions": lambda queries, person, role, cursor: queries.sessions(NOW, seen_since=NOW - timedelta(hours=1)),
    "sessions of one": lambda queries, person, role, cursor: queries.sessions(NOW, person=person),
    "audit": lambda queries, person, role, cursor: queries.audit(AuditQuery()),
    "audit by name": lambda queries, person, role, cursor: queries.audit(AuditQuery(name="a")),
    "audit by actor": lambda queries, person, role, cursor: queries.audit(AuditQuery(actor="a")),
    "audit by target": lambda queries, person, role, cursor: queries.audit(AuditQuery(target="a")),
    "audit by kinds": lambda queries, person, role, cursor: queries.audit(AuditQuery(kinds=("a", "b"))),
    "audit refused": lambda queries, person, role, cursor: queries.audit(AuditQuery(outcome="refused")),
    "audit by time": lambda queries, person, role, cursor: queries.audit(AuditQuery(since=NOW, until=NOW)),
    "audit by two": lambda queries, person, role, cursor: queries.audit(AuditQuery(name="a", kinds=("b",), since=NOW)),
    "audit export": lambda queries, person, role, cursor: list(queries.audit_events(AuditQuery(kinds=("a",)))),
    "chain": lambda queries, person, role, cursor: queries.chain_head(),
    "numbers": lambda queries, person, role, cursor: queries.statistics(NOW, days=30),
}


@pytest.mark.parametrize("name", READS)
def test_no_read_goes_through_a_whole_table(file_database: Database, name: str) -> None:
    ids = crowd(file_database)
    role = file_database.directory.role_by_name("viewer", NOW)
    assert role is not None
    cursor = file_database.directory.people(PeopleQuery(limit=2), NOW).next or ""
    asked: dict[str, Any] = {}
    fetch = file_database._read_connections.fetch

    def watched(text: str, values: Any) -> Any:
        asked[text] = values
        return fetch(text, values)

    directory = DatabaseDirectory(
        QueryCache(watched, file_database.engine.dialect), file_database.read, file_database.keyring
    )
    READS[name](directory, ids[BOB], role.row.id, cursor)
    assert asked
    for text, values in asked.items():
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
