"""Sessions: limits, secrets, rights from tokens, the default role; and renewing tokens, one refresh at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest

from app.core.errors import (
    SessionEnded,
    SessionExpired,
    Unauthenticated,
)
from app.core.principal import Subject
from app.core.records import EndReason
from tests.clock import FakeClock
from tests.provider import FakeProvider
from tests.signin import SignInWorld, world


@pytest.fixture
def fake() -> Iterator[FakeProvider]:
    with FakeProvider(FakeClock().timestamp) as made:
        yield made


@pytest.fixture
def here(fake: FakeProvider) -> Iterator[SignInWorld]:
    clock = FakeClock()
    fake.issuer.clock = clock.timestamp
    with world(fake, clock) as made:
        yield made


def subject(here: SignInWorld) -> Subject:
    return Subject(here.fake.url, "auth0|ann")


def roles(here: SignInWorld) -> set[str]:
    return set(here.storage.read.grants(subject(here), here.clock()).roles)


# Beginning and resolving


def test_only_the_hash_of_the_secret_is_stored_and_it_is_new_each_time(here: SignInWorld) -> None:
    first, second = here.sign_in(), here.sign_in()
    secrets = {here.secret(first), here.secret(second)}
    assert len(secrets) == 2
    stored = here.dump()
    for secret in secrets:
        assert len(secret) == 43  # 256 bits
        assert secret.encode() not in stored
        assert hashlib.sha256(secret.encode()).digest() in stored
        assert here.ref(first) != secret


@pytest.mark.parametrize("secret", ["", "x", "x" * 43, "x" * 100_000, "é" * 43, "'; DROP TABLE sessions; --"])
def test_an_unknown_secret_is_nobody(here: SignInWorld, secret: str) -> None:
    with pytest.raises(Unauthenticated) as caught:
        here.sessions.resolve(secret)
    assert type(caught.value) is Unauthenticated


def test_idle_and_absolute_limits(fake: FakeProvider) -> None:
    clock = FakeClock()
    fake.issuer.clock = clock.timestamp
    with world(fake, clock, session_idle_seconds=600, session_absolute_seconds=1500) as here:
        idle = here.sign_in()
        busy = here.sign_in()
        for _ in range(2):
            clock.move(seconds=590)
            here.sessions.touch(here.sessions.resolve(here.secret(busy)))
        with pytest.raises(SessionExpired):
            here.sessions.resolve(here.secret(idle))
        assert here.sessions.resolve(here.secret(busy)).ended_at is None
        clock.move(seconds=330)  # never idle for long, but past the absolute limit
        with pytest.raises(SessionExpired):
            here.sessions.resolve(here.secret(busy))


def test_being_there_is_noted_once_a_minute_at_most(here: SignInWorld) -> None:
    browser = here.sign_in()
    session = here.sessions.resolve(here.secret(browser))
    here.clock.move(seconds=50)
    here.sessions.touch(session)
    assert here.sessions.by_ref(session.ref).last_seen_at == session.last_seen_at
    here.clock.move(seconds=11)
    here.sessions.touch(session)
    assert here.sessions.by_ref(session.ref).last_seen_at > session.last_seen_at


@pytest.mark.parametrize("reason", [reason for reason in EndReason if reason is not EndReason.EXPIRED])
def test_an_ended_session_says_why(here: SignInWorld, reason: EndReason) -> None:
    browser = here.sign_in()
    ref = here.ref(browser)
    assert here.sessions.end(ref, reason, by="somebody") == "session-1"
    with pytest.raises(SessionEnded) as caught:
        here.sessions.resolve(here.secret(browser))
    assert caught.value.detail
    assert here.sessions.end(ref, reason, by="somebody") is None  # over already: nothing more is written
    (event,) = here.audit("app:session:end")
    assert (event["actor"], event["reason"]) == ("somebody", reason)
    assert len(here.fake.revoked) == 1


def test_rights_come_from_the_access_token_and_follow_it(here: SignInWorld) -> None:
    here.fake.access_claims = {"roles": ["viewer", "nonsense"], "permissions": ["explore:api", "not:known"]}
    browser = here.sign_in()
    grants = here.storage.read.grants(subject(here), here.clock())
    assert set(grants.roles) == {"viewer"}
    assert {"read:reports", "explore:api"} <= set(grants.permissions)
    assert len(here.audit("app:token:sync")) == 1
    here.fake.access_claims = {"roles": [], "permissions": []}
    here.clock.move(seconds=301)
    here.sessions.sync_if_due(here.sessions.resolve(here.secret(browser)))
    assert roles(here) == set()
    assert len(here.audit("app:token:sync")) == 2


def test_roles_that_are_only_in_the_id_token_do_not_count(here: SignInWorld) -> None:
    here.sign_in(roles=["administrator"])
    assert roles(here) == set()


def test_in_production_no_token_role_maps_to_anything_by_itself(fake: FakeProvider) -> None:
    clock = FakeClock()
    fake.issuer.clock = clock.timestamp
    fake.access_claims = {"roles": ["administrator"]}
    with world(fake, clock, gatehouse_env="production", app_base_url="https://app.example.com") as here:
        here.sign_in()
        assert roles(here) == set()


def test_the_default_role_is_given_once(fake: FakeProvider) -> None:
    clock = FakeClock()
    fake.issuer.clock = clock.timestamp
    with world(fake, clock, default_role="viewer") as here:
        here.sign_in()
        here.sign_in()
        assert roles(here) == {"viewer"}
        assert len(here.audit("policy:grant:add")) == 1


def test_a_default_role_that_is_gone_stops_nobody(fake: FakeProvider) -> None:
    clock = FakeClock()
    fake.issuer.clock = clock.timestamp
    with world(fake, clock, default_role="deleted") as here:
        here.sign_in()
        assert roles(here) == set()


def test_a_session_that_cannot_be_recorded_does_not_begin(here: SignInWorld) -> None:
    """One unit of work: without its audit event there is no session."""
    with here.storage.engine.connect() as connection:
        connection.exec_driver_sql("ALTER TABLE audit_events RENAME TO gone")
        connection.commit()
    browser = here.browser()
    assert browser.get(here.fake.approve(here.begin(browser))).status == 503
    assert here.rows("sessions") == 0
    assert here.rows("people") == 0


# Renewing
