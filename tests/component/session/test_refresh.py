"""Renewing tokens: one refresh at a time, in a process and across processes, whatever the provider does."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from app.core.errors import (
    ProviderUnavailable,
    SessionEnded,
)
from app.core.tokens.hashes import token_hash
from component.oidc.provider import TokenSet
from component.session.refresh import LEASE_SECONDS
from tests.clock import FakeClock
from tests.provider import Answer, FakeProvider
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


def test_a_token_with_more_than_a_minute_left_is_handed_out_as_it_is(here: SignInWorld) -> None:
    ref = here.ref(here.sign_in())
    assert here.sessions.access_token(ref) in here.fake.issued
    assert here.fake.refreshes() == 0


def test_a_token_about_to_expire_is_renewed_and_known(here: SignInWorld) -> None:
    ref = here.due(here.sign_in())
    token = here.sessions.access_token(ref)
    assert here.fake.refreshes() == 1
    assert here.sessions.access_token(ref) == token
    assert here.fake.refreshes() == 1
    session = here.sessions.by_ref(ref)
    facts = here.storage.read.bearer(token_hash(token), session.person.subject, "client-one")
    assert facts.session is not None
    assert facts.session.ref == ref


def test_rights_older_than_the_limit_make_it_due(here: SignInWorld) -> None:
    browser = here.sign_in()
    here.clock.move(seconds=290)
    here.sessions.sync_if_due(here.sessions.resolve(here.secret(browser)))
    assert here.fake.refreshes() == 0
    here.clock.move(seconds=11)
    here.sessions.sync_if_due(here.sessions.resolve(here.secret(browser)))
    assert here.fake.refreshes() == 1
    here.sessions.sync_if_due(here.sessions.resolve(here.secret(browser)))
    assert here.fake.refreshes() == 1


def test_twenty_threads_make_one_refresh(here: SignInWorld) -> None:
    ref = here.due(here.sign_in())
    here.fake.delay_seconds = 0.2
    with ThreadPoolExecutor(20) as pool:
        tokens = list(pool.map(lambda _: here.sessions.access_token(ref), range(20)))
    assert len(set(tokens)) == 1
    assert here.fake.refreshes() == 1


def test_two_processes_make_one_refresh(here: SignInWorld) -> None:
    ref = here.due(here.sign_in())
    here.fake.delay_seconds = 0.2
    both = [here.sessions, here.more_sessions()]
    with ThreadPoolExecutor(20) as pool:
        tokens = list(pool.map(lambda number: both[number % 2].access_token(ref), range(20)))
    assert len(set(tokens)) == 1
    assert here.fake.refreshes() == 1


def test_a_page_does_not_wait_for_another_process(here: SignInWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = here.sign_in()
    session = here.sessions.resolve(here.secret(browser))
    here.clock.move(seconds=301)
    with here.storage.unit_of_work() as unit:
        now = here.clock()
        assert unit.take_refresh_lease(session.ref, "another", now, now + timedelta(seconds=30))
        unit.commit()
    slept: list[float] = []
    monkeypatch.setattr(here.sessions._token_refresh, "_sleep", slept.append)
    here.sessions.sync_if_due(session)
    assert slept == []
    assert here.fake.refreshes() == 0


def test_a_dead_holder_is_taken_over_and_the_stored_token_tried_once(here: SignInWorld) -> None:
    ref = here.due(here.sign_in())
    with here.storage.unit_of_work() as unit:
        now = here.clock()
        assert unit.take_refresh_lease(ref, "dead", now, now + timedelta(seconds=1))
        unit.commit()
    here.clock.move(seconds=2)
    assert here.sessions.access_token(ref)
    assert here.fake.refreshes() == 1


def test_a_dead_holder_that_had_rotated_ends_the_session_without_a_loop(here: SignInWorld) -> None:
    ref = here.due(here.sign_in())
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
    here: SignInWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("component.session.refresh.WAIT_SECONDS", 0.2)
    ref = here.due(here.sign_in())
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


def test_signing_out_during_a_refresh_revokes_the_fresh_token(here: SignInWorld) -> None:
    browser = here.sign_in()
    ref = here.due(browser)

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


def test_a_script_that_is_stopped_does_not_stop_those_who_wait(
    here: SignInWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = here.due(here.sign_in())

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
        flight = here.sessions._token_refresh._flights[ref]
        result, waits = flight.result, threading.Event()

        def waited_for(timeout: float) -> str | None:
            waits.set()
            return result(timeout)

        monkeypatch.setattr(flight, "result", waited_for)
        second = pool.submit(here.sessions.access_token, ref)
        assert waits.wait(5)
        go_on.set()
        with pytest.raises(Stopped):
            first.result(5)
        with pytest.raises(ProviderUnavailable):
            second.result(5)
    assert here.sessions.access_token(ref)  # the lease was given back


def test_a_pause_is_over_when_a_clock_that_ran_ahead_is_set_back(here: SignInWorld) -> None:
    """The pause is noted by the clock as it was: it must not last for hours."""
    ref = here.due(here.sign_in())
    here.clock.move(hours=2)
    here.fake.token_answer = lambda form: Answer({}, 503)
    with pytest.raises(ProviderUnavailable):
        here.sessions._token_refresh.access_token(ref)
    here.fake.token_answer = None
    here.clock.move(hours=-2)
    assert here.sessions.access_token(ref) in here.fake.issued
    assert here.fake.refreshes() == 2
