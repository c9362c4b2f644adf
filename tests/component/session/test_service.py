"""Sessions: lifetimes, secrets, rights from tokens, the default role; and token refresh, one at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import pytest

from app.core.errors import (
    SessionEnded,
    SessionExpired,
    Unauthenticated,
)
from app.core.policy import Source
from app.core.principal import Subject
from app.core.records import EndReason, NewGrant
from tests.clock import FakeClock
from tests.component.session.removed_secret import seal_with_removed_secret
from tests.provider import FakeProvider
from tests.signin import SignInWorld, sign_in_world


@pytest.fixture
def fake() -> Iterator[FakeProvider]:
    with FakeProvider(FakeClock().timestamp) as installation:
        yield installation


@pytest.fixture
def installation(fake: FakeProvider) -> Iterator[SignInWorld]:
    clock = FakeClock()
    fake.issuer.clock = clock.timestamp
    with sign_in_world(fake, clock) as installation:
        yield installation


def subject(installation: SignInWorld) -> Subject:
    return Subject(installation.fake.url, "auth0|ann")


def roles(installation: SignInWorld) -> set[str]:
    return set(installation.storage.read.grants(subject(installation), installation.clock()).roles)


# Beginning and resolving


def test_only_the_hash_of_the_secret_is_stored_and_it_is_new_each_time(installation: SignInWorld) -> None:
    first, second = installation.sign_in(), installation.sign_in()
    secrets = {installation.secret(first), installation.secret(second)}
    assert len(secrets) == 2
    stored = installation.dump()
    for secret in secrets:
        assert len(secret) == 43  # 256 bits
        assert secret.encode() not in stored
        assert hashlib.sha256(secret.encode()).digest() in stored
        assert installation.ref(first) != secret


@pytest.mark.parametrize("secret", ["", "x", "x" * 43, "x" * 100_000, "é" * 43, "'; DROP TABLE sessions; --"])
def test_an_unknown_secret_is_unauthenticated(installation: SignInWorld, secret: str) -> None:
    with pytest.raises(Unauthenticated) as caught:
        installation.sessions.resolve(secret)
    assert type(caught.value) is Unauthenticated


def test_idle_and_absolute_lifetimes(fake: FakeProvider) -> None:
    clock = FakeClock()
    fake.issuer.clock = clock.timestamp
    with sign_in_world(fake, clock, session_idle_seconds=600, session_absolute_seconds=1500) as installation:
        idle = installation.sign_in()
        busy = installation.sign_in()
        for _ in range(2):
            clock.move(seconds=590)
            installation.sessions.touch(installation.sessions.resolve(installation.secret(busy)))
        with pytest.raises(SessionExpired):
            installation.sessions.resolve(installation.secret(idle))
        assert installation.sessions.resolve(installation.secret(busy)).ended_at is None
        clock.move(seconds=330)  # never idle for long, but past the absolute lifetime
        with pytest.raises(SessionExpired):
            installation.sessions.resolve(installation.secret(busy))


def test_activity_is_recorded_once_a_minute_at_most(installation: SignInWorld) -> None:
    client = installation.sign_in()
    session = installation.sessions.resolve(installation.secret(client))
    installation.clock.move(seconds=50)
    installation.sessions.touch(session)
    assert installation.sessions.by_ref(session.ref).last_seen_at == session.last_seen_at
    installation.clock.move(seconds=11)
    installation.sessions.touch(session)
    assert installation.sessions.by_ref(session.ref).last_seen_at > session.last_seen_at


@pytest.mark.parametrize("reason", [reason for reason in EndReason if reason is not EndReason.EXPIRED])
def test_an_ended_session_reports_its_reason(installation: SignInWorld, reason: EndReason) -> None:
    client = installation.sign_in()
    ref = installation.ref(client)
    assert installation.sessions.end(ref, reason, by="admin") == "session-1"
    with pytest.raises(SessionEnded) as caught:
        installation.sessions.resolve(installation.secret(client))
    assert caught.value.detail
    assert installation.sessions.end(ref, reason, by="admin") is None  # over already: nothing more is written
    (event,) = installation.audit("app:session:end")
    assert (event["actor"], event["reason"]) == ("admin", reason)
    assert len(installation.fake.revoked) == 1


def test_a_sign_in_with_the_email_of_another_person_is_another_person(installation: SignInWorld) -> None:
    email: dict[str, Any] = {"email": "ann@example.com", "email_verified": True}
    ann = installation.sign_in(**email)
    administrator = NewGrant(subject(installation), Source.ADMIN, "test", "administrator")
    with installation.storage.unit_of_work() as unit:
        unit.add_grant(administrator, installation.clock())
        unit.commit()
    other = installation.sign_in(sub="google-oauth2|ann", **email)
    people = [installation.sessions.resolve(installation.secret(client)).person for client in (ann, other)]
    assert [person.subject.subject for person in people] == ["auth0|ann", "google-oauth2|ann"]
    assert {(person.email, person.email_verified) for person in people} == {("ann@example.com", True)}
    assert roles(installation) == {"administrator"}
    assert not installation.storage.read.grants(people[1].subject, installation.clock()).roles
    assert installation.rows("people") == 2


def test_rights_come_from_the_access_token_and_follow_it(installation: SignInWorld) -> None:
    installation.fake.access_claims = {"roles": ["viewer", "nonsense"], "permissions": ["explore:api", "not:known"]}
    client = installation.sign_in()
    grants = installation.storage.read.grants(subject(installation), installation.clock())
    assert set(grants.roles) == {"viewer"}
    assert {"read:reports", "explore:api"} <= set(grants.permissions)
    assert len(installation.audit("app:token:sync")) == 1
    installation.fake.access_claims = {"roles": [], "permissions": []}
    installation.clock.move(seconds=301)
    installation.sessions.sync_if_due(installation.sessions.resolve(installation.secret(client)))
    assert roles(installation) == set()
    assert len(installation.audit("app:token:sync")) == 2


def test_roles_that_are_only_in_the_id_token_do_not_count(installation: SignInWorld) -> None:
    installation.sign_in(roles=["administrator"])
    assert roles(installation) == set()


def test_in_production_token_roles_are_not_mapped_by_default(fake: FakeProvider) -> None:
    clock = FakeClock()
    fake.issuer.clock = clock.timestamp
    fake.access_claims = {"roles": ["administrator"]}
    with sign_in_world(fake, clock, gatehouse_env="production", app_base_url="https://app.example.com") as installation:
        installation.sign_in()
        assert roles(installation) == set()


def test_the_default_role_is_granted_once(fake: FakeProvider) -> None:
    clock = FakeClock()
    fake.issuer.clock = clock.timestamp
    with sign_in_world(fake, clock, default_role="viewer") as installation:
        installation.sign_in()
        installation.sign_in()
        assert roles(installation) == {"viewer"}
        assert len(installation.audit("policy:grant:add")) == 1


def test_a_deleted_default_role_prevents_no_sign_in(fake: FakeProvider) -> None:
    clock = FakeClock()
    fake.issuer.clock = clock.timestamp
    with sign_in_world(fake, clock, default_role="deleted") as installation:
        installation.sign_in()
        assert roles(installation) == set()


def test_a_session_that_cannot_be_recorded_does_not_begin(installation: SignInWorld) -> None:
    """One unit of work: without its audit event there is no session."""
    with installation.storage.engine.connect() as connection:
        connection.exec_driver_sql("ALTER TABLE audit_events RENAME TO gone")
        connection.commit()
    client = installation.client()
    assert client.get(installation.fake.approve(installation.begin(client))).status == 503
    assert installation.rows("sessions") == 0
    assert installation.rows("people") == 0


# Faults that do not fail a page or a sign-out


def test_activity_that_cannot_be_recorded_fails_no_page(installation: SignInWorld) -> None:
    session = installation.sessions.resolve(installation.secret(installation.sign_in()))
    installation.clock.move(seconds=61)
    engine = installation.storage.engine
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE sessions RENAME TO gone")
    installation.sessions.touch(session)
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE gone RENAME TO sessions")
    assert installation.sessions.by_ref(session.ref).last_seen_at == session.last_seen_at
    installation.sessions.touch(session)  # the next rerun
    assert installation.sessions.by_ref(session.ref).last_seen_at > session.last_seen_at


def test_a_session_whose_tokens_cannot_be_opened_ends_without_a_revocation(installation: SignInWorld) -> None:
    ref = installation.ref(installation.sign_in())
    seal_with_removed_secret(installation, ref)
    assert installation.sessions.end(ref, EndReason.SIGNED_OUT, by="ann") is None
    with pytest.raises(SessionEnded):
        installation.sessions.by_ref(ref)
    assert installation.fake.revoked == []


def test_of_an_ended_session_the_refresh_token_is_revoked_if_there_is_one(installation: SignInWorld) -> None:
    ref = installation.ref(installation.sign_in())
    sealed = installation.storage.read.sealed_tokens(ref)
    installation.sessions.revoke_ended(ref, None)
    assert installation.fake.revoked == []
    installation.sessions.revoke_ended(ref, sealed)
    (refresh_token,) = installation.fake.revoked
    assert refresh_token in installation.fake.issued
