"""Token refresh: one at a time, in a process and across processes, whatever the provider does."""

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
from tests.provider import FakeProvider, ProviderResponse
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


def test_a_token_with_more_than_a_minute_left_is_returned_unchanged(installation: SignInWorld) -> None:
    ref = installation.ref(installation.sign_in())
    assert installation.sessions.access_token(ref) in installation.fake.issued
    assert installation.fake.refreshes() == 0


def test_a_token_about_to_expire_is_refreshed_and_stored(installation: SignInWorld) -> None:
    ref = installation.due(installation.sign_in())
    token = installation.sessions.access_token(ref)
    assert installation.fake.refreshes() == 1
    assert installation.sessions.access_token(ref) == token
    assert installation.fake.refreshes() == 1
    session = installation.sessions.by_ref(ref)
    facts = installation.storage.read.bearer_facts(token_hash(token), session.person.subject, "client-one")
    assert facts.session is not None
    assert facts.session.ref == ref


def test_rights_older_than_the_limit_make_a_refresh_due(installation: SignInWorld) -> None:
    client = installation.sign_in()
    installation.clock.move(seconds=290)
    installation.sessions.sync_if_due(installation.sessions.resolve(installation.secret(client)))
    assert installation.fake.refreshes() == 0
    installation.clock.move(seconds=11)
    installation.sessions.sync_if_due(installation.sessions.resolve(installation.secret(client)))
    assert installation.fake.refreshes() == 1
    installation.sessions.sync_if_due(installation.sessions.resolve(installation.secret(client)))
    assert installation.fake.refreshes() == 1


def test_twenty_threads_make_one_refresh(installation: SignInWorld) -> None:
    ref = installation.due(installation.sign_in())
    installation.fake.delay_seconds = 0.2
    with ThreadPoolExecutor(20) as pool:
        tokens = list(pool.map(lambda _: installation.sessions.access_token(ref), range(20)))
    assert len(set(tokens)) == 1
    assert installation.fake.refreshes() == 1


def test_two_processes_make_one_refresh(installation: SignInWorld) -> None:
    ref = installation.due(installation.sign_in())
    installation.fake.delay_seconds = 0.2
    both = [installation.sessions, installation.more_sessions()]
    with ThreadPoolExecutor(20) as pool:
        tokens = list(pool.map(lambda number: both[number % 2].access_token(ref), range(20)))
    assert len(set(tokens)) == 1
    assert installation.fake.refreshes() == 1


def test_a_page_does_not_wait_for_another_process(installation: SignInWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    client = installation.sign_in()
    session = installation.sessions.resolve(installation.secret(client))
    installation.clock.move(seconds=301)
    with installation.storage.unit_of_work() as unit:
        now = installation.clock()
        assert unit.take_refresh_lease(session.ref, "another", now, now + timedelta(seconds=30))
        unit.commit()
    slept: list[float] = []
    monkeypatch.setattr(installation.sessions._token_refresh, "_sleep", slept.append)
    installation.sessions.sync_if_due(session)
    assert slept == []
    assert installation.fake.refreshes() == 0


def test_the_lease_of_a_killed_process_is_taken_over_and_the_stored_token_tried_once(installation: SignInWorld) -> None:
    ref = installation.due(installation.sign_in())
    with installation.storage.unit_of_work() as unit:
        now = installation.clock()
        assert unit.take_refresh_lease(ref, "dead", now, now + timedelta(seconds=1))
        unit.commit()
    installation.clock.move(seconds=2)
    assert installation.sessions.access_token(ref)
    assert installation.fake.refreshes() == 1


def test_a_dead_holder_that_had_rotated_ends_the_session_without_a_loop(installation: SignInWorld) -> None:
    ref = installation.due(installation.sign_in())
    (form,) = installation.fake.refresh_tokens
    installation.fake.token({"grant_type": "refresh_token", "refresh_token": form, **_client()})  # and then it died
    with pytest.raises(SessionEnded):
        installation.sessions.access_token(ref)
    assert installation.fake.refreshes() == 2
    with pytest.raises(SessionEnded):
        installation.sessions.access_token(ref)
    assert installation.fake.refreshes() == 2


def _client() -> dict[str, str]:
    return {"client_id": "client-one", "client_secret": "client-secret"}


def test_callers_that_wait_for_a_slow_refresh_use_the_old_token(
    installation: SignInWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("component.session.refresh.WAIT_SECONDS", 0.2)
    ref = installation.due(installation.sign_in())
    old = installation.fake.issued[0]
    with installation.storage.unit_of_work() as unit:
        now = installation.clock()
        assert unit.take_refresh_lease(ref, "slow", now, now + timedelta(seconds=LEASE_SECONDS))
        unit.commit()
    assert installation.sessions.access_token(ref) == old
    installation.clock.move(seconds=41)  # the old one has expired, the lease not
    with pytest.raises(ProviderUnavailable):
        installation.sessions.access_token(ref)
    assert installation.fake.refreshes() == 0


def test_signing_out_during_a_refresh_revokes_the_fresh_token(installation: SignInWorld) -> None:
    client = installation.sign_in()
    ref = installation.due(client)

    def answered_too_late(form: dict[str, str]) -> ProviderResponse:
        answer = installation.fake._refresh(form)
        installation.fake.token_answer = None
        assert client.logout().status == 200
        return answer

    installation.fake.token_answer = answered_too_late
    with pytest.raises(SessionEnded):
        installation.sessions.access_token(ref)
    fresh = installation.fake.issued[-1]
    assert fresh.startswith("refresh-")
    assert fresh in installation.fake.revoked
    assert installation.storage.read.sealed_tokens(ref) is None
    assert not installation.fake.refresh_tokens  # nothing is left that could be used


def test_a_stopped_script_does_not_stop_waiting_callers(
    installation: SignInWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = installation.due(installation.sign_in())

    class Stopped(BaseException):
        """As Streamlit stops a script."""

    reached, proceed = threading.Event(), threading.Event()

    def stopping(refresh_token: str) -> TokenSet:
        reached.set()
        proceed.wait(5)
        raise Stopped

    with monkeypatch.context() as patch, ThreadPoolExecutor(2) as pool:
        patch.setattr(installation.provider, "refresh", stopping)
        first = pool.submit(installation.sessions.access_token, ref)
        assert reached.wait(5)
        refresh_in_progress = installation.sessions._token_refresh._refreshes[ref]
        result, waits = refresh_in_progress.result, threading.Event()

        def waited_for(timeout: float) -> str | None:
            waits.set()
            return result(timeout)

        monkeypatch.setattr(refresh_in_progress, "result", waited_for)
        second = pool.submit(installation.sessions.access_token, ref)
        assert waits.wait(5)
        proceed.set()
        with pytest.raises(Stopped):
            first.result(5)
        with pytest.raises(ProviderUnavailable):
            second.result(5)
    assert installation.sessions.access_token(ref)  # the lease was released


def test_a_pause_is_over_when_a_clock_that_ran_ahead_is_set_back(installation: SignInWorld) -> None:
    """The pause is recorded by the clock of that time: it must not last for hours."""
    ref = installation.due(installation.sign_in())
    installation.clock.move(hours=2)
    installation.fake.token_answer = lambda form: ProviderResponse({}, 503)
    with pytest.raises(ProviderUnavailable):
        installation.sessions._token_refresh.access_token(ref)
    installation.fake.token_answer = None
    installation.clock.move(hours=-2)
    assert installation.sessions.access_token(ref) in installation.fake.issued
    assert installation.fake.refreshes() == 2
