"""Sessions: limits, secrets, rights from tokens, the default role; and renewing tokens, one refresh at a time."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from app.core.errors import (
    GatehouseError,
    ProviderUnavailable,
    SessionEnded,
    SessionExpired,
    StorageUnavailable,
    TokenInvalid,
    Unauthenticated,
)
from app.core.principal import Subject
from app.core.records import EndReason
from app.core.tokens import AccessToken, token_hash
from component.oidc import TokenSet
from component.renewals import LEASE_SECONDS, PAUSE_SECONDS
from tests.provider import Answer, FakeProvider
from tests.signin import Browser, Clock, World, world


@pytest.fixture
def fake() -> Iterator[FakeProvider]:
    with FakeProvider(Clock().seconds) as made:
        yield made


@pytest.fixture
def here(fake: FakeProvider) -> Iterator[World]:
    clock = Clock()
    fake.issuer.clock = clock.seconds
    with world(fake, clock) as made:
        yield made


def subject(here: World) -> Subject:
    return Subject(here.fake.url, "auth0|ann")


def roles(here: World) -> set[str]:
    return set(here.storage.read.grants(subject(here), here.clock()).roles)


def due(here: World, browser: Browser) -> str:
    """A session whose token has less than a minute left; its reference."""
    ref = here.ref(browser)
    here.clock.move(seconds=560)
    return ref


# Beginning and resolving


def test_only_the_hash_of_the_secret_is_stored_and_it_is_new_each_time(here: World) -> None:
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
def test_an_unknown_secret_is_nobody(here: World, secret: str) -> None:
    with pytest.raises(Unauthenticated) as caught:
        here.sessions.resolve(secret)
    assert type(caught.value) is Unauthenticated


def test_idle_and_absolute_limits(fake: FakeProvider) -> None:
    clock = Clock()
    fake.issuer.clock = clock.seconds
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


def test_being_there_is_noted_once_a_minute_at_most(here: World) -> None:
    browser = here.sign_in()
    session = here.sessions.resolve(here.secret(browser))
    here.clock.move(seconds=50)
    here.sessions.touch(session)
    assert here.sessions.by_ref(session.ref).last_seen_at == session.last_seen_at
    here.clock.move(seconds=11)
    here.sessions.touch(session)
    assert here.sessions.by_ref(session.ref).last_seen_at > session.last_seen_at


@pytest.mark.parametrize("reason", [reason for reason in EndReason if reason is not EndReason.EXPIRED])
def test_an_ended_session_says_why(here: World, reason: EndReason) -> None:
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


def test_rights_come_from_the_access_token_and_follow_it(here: World) -> None:
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


def test_roles_that_are_only_in_the_id_token_do_not_count(here: World) -> None:
    here.sign_in(roles=["administrator"])
    assert roles(here) == set()


def test_in_production_no_token_role_maps_to_anything_by_itself(fake: FakeProvider) -> None:
    clock = Clock()
    fake.issuer.clock = clock.seconds
    fake.access_claims = {"roles": ["administrator"]}
    with world(fake, clock, gatehouse_env="production", app_base_url="https://app.example.com") as here:
        here.sign_in()
        assert roles(here) == set()


def test_the_default_role_is_given_once(fake: FakeProvider) -> None:
    clock = Clock()
    fake.issuer.clock = clock.seconds
    with world(fake, clock, default_role="viewer") as here:
        here.sign_in()
        here.sign_in()
        assert roles(here) == {"viewer"}
        assert len(here.audit("policy:grant:add")) == 1


def test_a_default_role_that_is_gone_stops_nobody(fake: FakeProvider) -> None:
    clock = Clock()
    fake.issuer.clock = clock.seconds
    with world(fake, clock, default_role="deleted") as here:
        here.sign_in()
        assert roles(here) == set()


def test_a_session_that_cannot_be_recorded_does_not_begin(here: World) -> None:
    """One unit of work: without its audit event there is no session."""
    with here.storage.engine.connect() as connection:
        connection.exec_driver_sql("ALTER TABLE audit_events RENAME TO gone")
        connection.commit()
    browser = here.browser()
    assert browser.get(here.fake.approve(here.begin(browser))).status == 503
    assert here.rows("sessions") == 0
    assert here.rows("people") == 0


# Renewing


def test_a_token_with_more_than_a_minute_left_is_handed_out_as_it_is(here: World) -> None:
    ref = here.ref(here.sign_in())
    assert here.sessions.access_token(ref) in here.fake.issued
    assert here.fake.refreshes() == 0


def test_a_token_about_to_expire_is_renewed_and_known(here: World) -> None:
    ref = due(here, here.sign_in())
    token = here.sessions.access_token(ref)
    assert here.fake.refreshes() == 1
    assert here.sessions.access_token(ref) == token
    assert here.fake.refreshes() == 1
    facts = here.storage.read.bearer(token_hash(token), subject(here), "client-one")
    assert facts.session is not None
    assert facts.session.ref == ref


def test_rights_older_than_the_limit_make_it_due(here: World) -> None:
    browser = here.sign_in()
    here.clock.move(seconds=290)
    here.sessions.sync_if_due(here.sessions.resolve(here.secret(browser)))
    assert here.fake.refreshes() == 0
    here.clock.move(seconds=11)
    here.sessions.sync_if_due(here.sessions.resolve(here.secret(browser)))
    assert here.fake.refreshes() == 1
    here.sessions.sync_if_due(here.sessions.resolve(here.secret(browser)))
    assert here.fake.refreshes() == 1


def test_twenty_threads_make_one_refresh(here: World) -> None:
    ref = due(here, here.sign_in())
    here.fake.delay_seconds = 0.2
    with ThreadPoolExecutor(20) as pool:
        tokens = list(pool.map(lambda _: here.sessions.access_token(ref), range(20)))
    assert len(set(tokens)) == 1
    assert here.fake.refreshes() == 1


def test_two_processes_make_one_refresh(here: World) -> None:
    ref = due(here, here.sign_in())
    here.fake.delay_seconds = 0.2
    both = [here.sessions, here.more_sessions()]
    with ThreadPoolExecutor(20) as pool:
        tokens = list(pool.map(lambda number: both[number % 2].access_token(ref), range(20)))
    assert len(set(tokens)) == 1
    assert here.fake.refreshes() == 1


def test_a_page_does_not_wait_for_another_process(here: World) -> None:
    browser = here.sign_in()
    session = here.sessions.resolve(here.secret(browser))
    here.clock.move(seconds=301)
    with here.storage.unit_of_work() as unit:
        now = here.clock()
        assert unit.take_refresh_lease(session.ref, "another", now, now + timedelta(seconds=30))
        unit.commit()
    before = time.monotonic()
    here.sessions.sync_if_due(session)
    assert time.monotonic() - before < 1
    assert here.fake.refreshes() == 0


def test_a_dead_holder_is_taken_over_and_the_stored_token_tried_once(here: World) -> None:
    ref = due(here, here.sign_in())
    with here.storage.unit_of_work() as unit:
        now = here.clock()
        assert unit.take_refresh_lease(ref, "dead", now, now + timedelta(seconds=1))
        unit.commit()
    here.clock.move(seconds=2)
    assert here.sessions.access_token(ref)
    assert here.fake.refreshes() == 1


def test_a_dead_holder_that_had_rotated_ends_the_session_without_a_loop(here: World) -> None:
    ref = due(here, here.sign_in())
    (form,) = here.fake.refresh_tokens
    here.fake.token({"grant_type": "refresh_token", "refresh_token": form, **_client()})  # and then it died
    with pytest.raises(SessionEnded):
        here.sessions.access_token(ref)
    assert here.fake.refreshes() == 2
    with pytest.raises(SessionEnded):
        here.sessions.access_token(ref)
    assert here.fake.refreshes() == 2


def _client() -> dict[str, str]:
    return {"client_id": "client-one", "client_secret": "client-secret"}


def test_those_who_wait_for_a_holder_that_hangs_go_on_with_the_old_token(
    here: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("component.renewals.WAIT_SECONDS", 0.2)
    ref = due(here, here.sign_in())
    old = here.fake.issued[0]
    with here.storage.unit_of_work() as unit:
        now = here.clock()
        assert unit.take_refresh_lease(ref, "slow", now, now + timedelta(seconds=LEASE_SECONDS))
        unit.commit()
    assert here.sessions.access_token(ref) == old
    here.clock.move(seconds=41)  # the old one has expired, the lease not
    with pytest.raises(ProviderUnavailable):
        here.sessions.access_token(ref)
    assert here.fake.refreshes() == 0


@pytest.mark.parametrize(
    ("status", "error"),
    [(403, "invalid_grant"), (400, "invalid_grant"), (401, "login_required"), (403, "mfa_required")],
)
def test_a_provider_that_refuses_ends_the_session(here: World, status: int, error: str) -> None:
    browser = here.sign_in()
    ref = due(here, browser)
    here.fake.token_answer = lambda form: Answer({"error": error}, status)
    for _ in range(3):
        with pytest.raises(SessionEnded):
            here.sessions.access_token(ref)
    assert here.fake.refreshes() == 1
    with pytest.raises(SessionEnded, match="no longer renews"):
        here.sessions.resolve(here.secret(browser))
    assert [event["reason"] for event in here.audit("app:session:end")] == [EndReason.PROVIDER_REFUSED]
    assert [event["reason"] for event in here.audit("app:token:refresh-fail")] == [error]


def test_the_page_hears_of_it_too(here: World) -> None:
    session = here.sessions.resolve(here.secret(here.sign_in()))
    here.clock.move(seconds=301)
    here.fake.token_answer = lambda form: Answer({"error": "invalid_grant"}, 403)
    with pytest.raises(SessionEnded):
        here.sessions.sync_if_due(session)


def test_a_mistake_in_our_own_settings_ends_nobody(here: World) -> None:
    ref = due(here, here.sign_in())
    here.fake.token_answer = lambda form: Answer({"error": "invalid_client"}, 401)
    assert here.sessions.access_token(ref) == here.fake.issued[0]
    assert here.sessions.by_ref(ref).ended_at is None


def test_a_provider_that_is_down(here: World) -> None:
    browser = here.sign_in()
    ref = due(here, browser)
    here.fake.stop()
    assert here.sessions.access_token(ref) == here.fake.issued[0]  # the old one goes on while it lasts
    here.sessions.sync_if_due(here.sessions.resolve(here.secret(browser)))  # and no page breaks
    assert len(here.audit("app:token:refresh-fail")) == 1  # it is left alone for a while
    here.clock.move(seconds=45)
    with pytest.raises(ProviderUnavailable):
        here.sessions.access_token(ref)
    assert browser.get("/auth/session").json()["authenticated"] is True
    here.fake.restart()
    here.clock.move(seconds=PAUSE_SECONDS + 1)
    assert here.sessions.access_token(ref) in here.fake.issued  # recovered by itself


def test_signing_out_during_a_refresh_revokes_the_fresh_token(here: World) -> None:
    browser = here.sign_in()
    ref = due(here, browser)

    def answered_too_late(form: dict[str, str]) -> Answer:
        answer = here.fake._refresh(form)
        here.fake.token_answer = None
        assert browser.logout().status == 200
        return answer

    here.fake.token_answer = answered_too_late
    with pytest.raises(SessionEnded):
        here.sessions.access_token(ref)
    fresh = here.fake.issued[-1]
    assert fresh.startswith("refresh-")
    assert fresh in here.fake.revoked
    assert here.storage.read.sealed_tokens(ref) is None
    assert not here.fake.refresh_tokens  # nothing is left that could be used


def test_tokens_without_an_id_token_and_without_rotation(here: World) -> None:
    here.fake.rotate = False
    ref = due(here, here.sign_in())
    here.sessions.access_token(ref)
    here.clock.move(seconds=560)
    here.sessions.access_token(ref)  # with the same refresh token again
    assert here.fake.refreshes() == 2
    given = [form["refresh_token"] for form in here.fake.forms if "refresh_token" in form]
    assert len(set(given)) == 1
    assert all("scope" not in form for form in here.fake.forms if "refresh_token" in form)


def test_no_refresh_token_was_given(here: World) -> None:
    def without(form: dict[str, str]) -> Answer:
        answer = here.fake._code(form)
        del answer.body["refresh_token"]
        return answer

    here.fake.token_answer = without
    browser = here.sign_in()
    ref = due(here, browser)
    before = here.dump()
    assert here.sessions.access_token(ref) in here.fake.issued
    here.sessions.sync_if_due(here.sessions.resolve(here.secret(browser)))
    assert here.dump() == before
    here.clock.move(seconds=60)
    with pytest.raises(SessionExpired):
        here.sessions.access_token(ref)
    assert here.sessions.by_ref(ref).ended_at is None  # the session itself goes on


def test_an_answer_for_somebody_else_ends_the_session(here: World) -> None:
    ref = due(here, here.sign_in())
    here.fake.access_claims = {"sub": "auth0|mallory"}
    with pytest.raises(SessionEnded):
        here.sessions.access_token(ref)
    with pytest.raises(SessionEnded):
        here.sessions.by_ref(ref)
    assert here.fake.issued[-1] in here.fake.revoked


@pytest.mark.parametrize("error", [ProviderUnavailable, TokenInvalid])
def test_a_rotated_refresh_token_is_kept_when_the_new_token_cannot_be_verified(
    here: World, monkeypatch: pytest.MonkeyPatch, error: type[GatehouseError]
) -> None:
    """Otherwise the next refresh would come with the old one, and the provider would take it for a theft."""
    ref = due(here, here.sign_in())
    old = here.fake.issued[0]

    def refuse(token: str) -> AccessToken:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(here.verifier, "access_token", refuse)  # the keys cannot be read
        assert here.sessions.access_token(ref) == old
    assert here.sessions.access_token(ref) == old  # left alone for a while
    here.clock.move(seconds=39)
    assert here.sessions.access_token(ref) in here.fake.issued[-2:]
    assert here.fake.refreshes() == 2
    assert [event["reason"] for event in here.audit("app:token:refresh-fail")] == [error.code]


def test_a_script_that_is_stopped_does_not_stop_those_who_wait(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ref = due(here, here.sign_in())

    class Stopped(BaseException):
        """As Streamlit stops a script."""

    reached, go_on = threading.Event(), threading.Event()

    def stopping(refresh_token: str) -> TokenSet:
        reached.set()
        go_on.wait(5)
        raise Stopped

    with monkeypatch.context() as patch, ThreadPoolExecutor(2) as pool:
        patch.setattr(here.provider, "refresh", stopping)
        first = pool.submit(here.sessions.access_token, ref)
        assert reached.wait(5)
        second = pool.submit(here.sessions.access_token, ref)
        time.sleep(0.05)
        go_on.set()
        with pytest.raises(Stopped):
            first.result(5)
        with pytest.raises(ProviderUnavailable):
            second.result(5)
    assert here.sessions.access_token(ref)  # the lease was given back


def test_the_database_down_is_our_own_error(here: World) -> None:
    ref = here.ref(here.sign_in())
    with here.storage.engine.connect() as connection:
        connection.exec_driver_sql("ALTER TABLE sessions RENAME TO gone")
        connection.commit()
    with pytest.raises(StorageUnavailable):
        here.sessions.by_ref(ref)
    with pytest.raises(StorageUnavailable):
        here.sessions.access_token(ref)
