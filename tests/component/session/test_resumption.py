"""Session resumption: an expired session resumes for its own subject, in its own browser, within an hour only."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from app.core.errors import SessionEnded, Unauthenticated
from app.core.principal import Subject
from app.core.records import EndReason
from tests.clock import FakeClock
from tests.provider import FakeProvider
from tests.signin import CookieClient, SignInWorld, sign_in_world


@pytest.fixture
def installation() -> Iterator[SignInWorld]:
    clock = FakeClock()
    with (
        FakeProvider(clock.timestamp) as fake,
        sign_in_world(fake, clock, session_idle_seconds=600, session_absolute_seconds=7200) as installation,
    ):
        yield installation


def expired(installation: SignInWorld, **after: float) -> tuple[CookieClient, str, str]:
    """A browser whose session expired; → its reference and its old secret."""
    client = installation.sign_in()
    ref, secret = installation.ref(client), installation.secret(client)
    installation.clock.move(**(after or {"seconds": 601}))
    with pytest.raises(Unauthenticated):
        installation.sessions.resolve(secret)
    return client, ref, secret


@pytest.mark.parametrize("popup", [True, False])
def test_its_own_subject_resumes_it(installation: SignInWorld, popup: bool) -> None:
    client, ref, secret = expired(installation)
    before = installation.storage.read.change_counters()
    payload = client.get("/auth/session").json()
    assert payload == {"authenticated": False, "expired": True}
    location = client.get(f"/auth/login?return_to=/reports{'&mode=popup' if popup else ''}").location
    answer = client.get(installation.fake.approve(location, name="Ann"))
    assert answer.status == (200 if popup else 303)
    session = installation.sessions.resolve(installation.secret(client))
    assert session.ref == ref
    now = installation.clock()
    assert abs(session.last_seen_at - now) < timedelta(seconds=5)
    assert abs(session.expires_at - now - timedelta(seconds=7200)) < timedelta(seconds=5)
    with pytest.raises(Unauthenticated):
        installation.sessions.resolve(secret)  # the old cookie is no longer valid
    assert installation.sessions.access_token(ref) == installation.fake.issued[-3]
    assert installation.storage.read.change_counters() != before  # so that locked tabs are checked
    assert len(installation.audit("app:session:begin")) == 1
    (event,) = installation.audit("app:session:resume")
    assert event["actor"].startswith("auth0|ann at ")
    assert ref in event["details"]


def test_it_resumes_after_the_absolute_lifetime_too_for_which_the_cookie_is_kept(installation: SignInWorld) -> None:
    client = installation.sign_in()
    ref = installation.ref(client)
    (line,) = [line for line in client.responses[-1].all("set-cookie") if "-session=" in line]
    assert f"Max-Age={7200 + 3600}" in line
    installation.clock.move(seconds=7201 + 600)
    installation.sign_in(client)
    assert installation.ref(client) != ref  # idle for longer than an hour beyond its end
    client = installation.sign_in()
    ref = installation.ref(client)
    for _ in range(13):
        installation.clock.move(seconds=550)
        installation.sessions.touch(installation.sessions.resolve(installation.secret(client)))
    installation.clock.move(seconds=7201 - 13 * 550)
    with pytest.raises(Unauthenticated):
        installation.sessions.resolve(installation.secret(client))
    installation.sign_in(client)
    assert installation.ref(client) == ref


def test_another_subject_gets_a_new_session_and_the_old_one_ends(installation: SignInWorld) -> None:
    client, ref, secret = expired(installation)
    installation.sign_in(client, sub="auth0|bob", name="Bob")
    session = installation.sessions.resolve(installation.secret(client))
    assert session.ref != ref
    assert session.person.subject == Subject(installation.fake.url, "auth0|bob")
    assert not installation.audit("app:session:resume")
    with pytest.raises(SessionEnded):  # permanently: it cannot be resumed any more
        installation.sessions.by_ref(ref)
    assert installation.sessions.resumption.by_session_secret(secret) is None


def test_another_browser_starts_a_new_session(installation: SignInWorld) -> None:
    _, ref, _ = expired(installation)
    assert installation.ref(installation.sign_in()) != ref


@pytest.mark.parametrize(("seconds", "resumed"), [(600 + 3590, True), (600 + 3610, False)])
def test_a_session_can_be_resumed_for_an_hour(installation: SignInWorld, seconds: float, resumed: bool) -> None:
    client, ref, _ = expired(installation, seconds=seconds)
    installation.sign_in(client)
    assert (installation.ref(client) == ref) is resumed


@pytest.mark.parametrize("end", ["signed out", "administrator", "blocked"])
def test_an_ended_session_stays_ended(installation: SignInWorld, end: str) -> None:
    client, ref, secret = expired(installation)
    if end == "signed out":
        assert client.logout().status == 200
        assert installation.audit("app:session:end")[-1]["reason"] == EndReason.SIGNED_OUT
        client.cookies[installation.cookies.session] = secret
    elif end == "administrator":
        installation.sessions.end(ref, EndReason.ENDED_BY_ADMIN, by="test")
    else:
        with installation.storage.unit_of_work() as unit:
            unit.set_blocked(Subject(installation.fake.url, "auth0|ann"), blocked=True)
            unit.commit()
    answer = client.get(installation.fake.approve(installation.begin(client)))
    assert answer.status == (403 if end == "blocked" else 303)
    assert not installation.audit("app:session:resume")
    if end != "blocked":
        assert installation.ref(client) != ref


def test_a_session_ended_between_the_check_and_the_resumption_stays_ended(installation: SignInWorld) -> None:
    client, ref, secret = expired(installation)
    session = installation.sessions.resumption.by_session_secret(secret)
    assert session is not None
    installation.sessions.end(ref, EndReason.ENDED_BY_ADMIN, by="test")
    with installation.storage.unit_of_work() as unit:
        assert installation.sessions.resumption.by_ref(ref) is None
        unit.commit()
    installation.sign_in(client)
    assert installation.ref(client) != ref


def test_a_live_session_is_not_resumed(installation: SignInWorld) -> None:
    client = installation.sign_in()
    assert installation.sessions.resumption.by_session_secret(installation.secret(client)) is None
    assert installation.sessions.resumption.by_ref(installation.ref(client)) is None
