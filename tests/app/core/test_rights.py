"""Cached sets of grants: for one policy version only, until the next expiry only, bounded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from app.core.policy import GrantPath, Grants, Source
from app.core.principal import Subject
from app.core.rights import Rights

SUBJECT = Subject("https://issuer.example/", "auth0|1")
START = datetime(2026, 5, 1, tzinfo=UTC)


class Reader:
    """Counts how often it is asked."""

    def __init__(self) -> None:
        self.queries: list[Subject] = []
        self.times: list[datetime] = []
        self.grants_now = Grants()

    def grants(self, subject: Subject, now: datetime) -> Grants:
        self.queries.append(subject)
        self.times.append(now)
        return self.grants_now


def make(reader: Any, now: list[datetime], keep: int = 10) -> Rights:
    return Rights(reader, clock=lambda: now[0], keep=keep)


def test_a_set_is_read_once_per_policy_version() -> None:
    reader, now = Reader(), [START]
    rights = make(reader, now)
    first = rights.of(SUBJECT, 7)
    assert rights.of(SUBJECT, 7) is first
    assert len(reader.queries) == 1
    reader.grants_now = Grants(permissions={"read:reports": (GrantPath(None, Source.ADMIN),)})
    assert "read:reports" in rights.of(SUBJECT, 8).permissions
    assert reader.queries == [SUBJECT, SUBJECT]
    assert reader.times == [START, START]


def test_a_set_has_its_decisions_made() -> None:
    reader = Reader()
    reader.grants_now = Grants(permissions={"read:reports": (GrantPath(None, Source.ADMIN),)})
    assert set(make(reader, [START]).of(SUBJECT, 1).decisions) == {"read:reports"}


def test_a_set_is_not_used_past_the_next_expiry_in_it() -> None:
    reader, now = Reader(), [START]
    reader.grants_now = Grants(
        permissions={"read:reports": (GrantPath(None, Source.ADMIN),)}, next_expiry_at=START + timedelta(seconds=60)
    )
    rights = make(reader, now)
    assert rights.of(SUBJECT, 7).permissions
    now[0] += timedelta(seconds=59)
    assert rights.of(SUBJECT, 7).permissions
    reader.grants_now = Grants()
    now[0] += timedelta(seconds=1)
    assert not rights.of(SUBJECT, 7).permissions


def test_it_is_bounded() -> None:
    reader, now = Reader(), [START]
    rights = make(reader, now, keep=2)
    others = [Subject("i", str(number)) for number in range(5)]
    for other in others:
        rights.of(other, 1)
    rights.of(others[-1], 1)
    rights.of(others[0], 1)
    assert len(reader.queries) == 6


def test_the_set_that_was_read_last_is_kept() -> None:
    reader, now = Reader(), [START]
    rights = make(reader, now, keep=2)
    first, second, third = (Subject("i", name) for name in "abc")
    for subject, version in ((first, 1), (second, 1), (first, 2), (third, 2)):
        rights.of(subject, version)
    reader.queries.clear()
    rights.of(first, 2)
    rights.of(third, 2)
    assert reader.queries == []
    rights.of(second, 2)
    assert reader.queries == [second]


def test_a_set_is_not_used_for_an_older_version_either() -> None:
    reader = Reader()
    rights = make(reader, [START])
    rights.of(SUBJECT, 8)
    rights.of(SUBJECT, 7)
    assert len(reader.queries) == 2
