"""The end of a session, and "Stay signed in": reading it extends nothing, staying extends the idle lifetime only."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, event

from app.core.records import EndReason
from component.session.lifetimes import SessionLifetimes
from tests.clock import FakeClock
from tests.provider import FakeProvider
from tests.signin import ClientResponse, CookieClient, SignInWorld, call, sign_in_world

JSON = {"content_type": "application/json"}


@pytest.fixture
def installation() -> Iterator[SignInWorld]:
    clock = FakeClock()
    with (
        FakeProvider(clock.timestamp) as fake,
        sign_in_world(fake, clock, session_idle_seconds=600, session_absolute_seconds=1500) as installation,
    ):
        yield installation


def stay(client: CookieClient, **headers: str) -> ClientResponse:
    return client.request("POST", "/auth/stay", **({"origin": client.base_url} | JSON | headers))


def ends(client: CookieClient) -> datetime:
    return datetime.fromisoformat(client.get("/auth/session").json()["expires_at"])


def test_the_session_ends_at_the_earlier_lifetime_and_reading_it_extends_nothing(installation: SignInWorld) -> None:
    client = installation.sign_in()
    session = installation.sessions.resolve(installation.secret(client))
    assert ends(client) == session.last_seen_at + timedelta(seconds=600)
    installation.clock.move(seconds=400)
    assert ends(client) == session.last_seen_at + timedelta(seconds=600)
    assert client.get("/auth/session").json()["expires_in_seconds"] == pytest.approx(200, abs=2)
    installation.clock.move(seconds=201)
    assert client.get("/auth/session").json() == {"authenticated": False, "expired": True}


def test_staying_extends_the_idle_lifetime_and_never_the_absolute_one(installation: SignInWorld) -> None:
    client = installation.sign_in()
    session = installation.sessions.resolve(installation.secret(client))
    for _ in range(2):
        installation.clock.move(seconds=590)
        payload = stay(client)
        assert payload.status == 200
        assert payload.json()["can_stay"] is True
    installation.clock.move(seconds=205)  # 1385 of 1500
    payload = stay(client)
    assert datetime.fromisoformat(payload.json()["expires_at"]) == session.expires_at
    assert payload.json()["can_stay"] is False
    assert installation.sessions.resolve(installation.secret(client)).expires_at == session.expires_at
    installation.clock.move(seconds=116)
    assert stay(client).status == 401
    assert payload.header("cache-control") == "no-store"


def test_staying_counts_even_right_after_other_activity(installation: SignInWorld) -> None:
    client = installation.sign_in()
    before = ends(client)
    installation.clock.move(seconds=3)
    assert datetime.fromisoformat(stay(client).json()["expires_at"]) > before


@pytest.mark.parametrize("route", ["/auth/active", "/auth/stay"])
def test_a_request_that_waited_for_the_database_beyond_the_idle_lifetime_resumes_no_session(
    installation: SignInWorld, route: str
) -> None:
    client = installation.sign_in()
    before = installation.sessions.resolve(installation.secret(client))
    installation.clock.move(seconds=590)

    def waited(_: Connection) -> None:
        installation.clock.move(seconds=20)

    event.listen(installation.storage.engine, "begin", waited)
    try:
        payload = client.request("POST", route, origin=client.base_url, **JSON)
    finally:
        event.remove(installation.storage.engine, "begin", waited)
    assert (payload.status, installation.clock.ahead) == (401, timedelta(seconds=610))
    after = installation.storage.read.session_by_ref(before.ref)
    assert after is not None
    assert after.last_seen_at == before.last_seen_at


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "http://localhost:8502"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": ""}, 403),
        ({"sec_fetch_site": "same-site"}, 403),
        ({"sec_fetch_site": "cross-site"}, 403),
        ({"content_type": "text/plain"}, 415),
        ({"content_type": "application/x-www-form-urlencoded"}, 415),
        ({"content_type": ""}, 415),
    ],
)
def test_only_a_script_of_our_own_pages_may_extend_a_session(
    installation: SignInWorld, headers: dict[str, str], status: int
) -> None:
    client = installation.sign_in()
    installation.clock.move(seconds=100)
    before = ends(client)
    assert stay(client, **headers).status == status
    assert ends(client) == before


def test_staying_signed_in_requires_a_post(installation: SignInWorld) -> None:
    client = installation.sign_in()
    assert client.get("/auth/stay", origin=client.base_url, **JSON).status == 405


def test_anonymous_ended_and_blocked_sessions_cannot_be_extended(installation: SignInWorld) -> None:
    assert stay(installation.client()).status == 401
    ended, blocked = installation.sign_in(), installation.sign_in(sub="auth0|bob")
    installation.sessions.end(installation.ref(ended), EndReason.ENDED_BY_ADMIN, by="admin")
    assert stay(ended).status == 401
    with installation.storage.unit_of_work() as unit:
        unit.set_blocked(installation.sessions.resolve(installation.secret(blocked)).person.subject, blocked=True)
        unit.commit()
    assert stay(blocked).status == 401


def active(
    client: CookieClient, body: bytes = b'{"page": "/reports"}', headers: dict[str, str] | None = None
) -> ClientResponse:
    """The front end reports input of the user."""
    cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    sent = {"origin": client.base_url, "content-type": "application/json", "cookie": cookie} | (headers or {})
    return call(client.app, "POST", "/auth/active", sent, body)


def test_user_input_extends_the_idle_lifetime_only_and_records_the_page(
    installation: SignInWorld,
) -> None:
    client = installation.sign_in()
    session = installation.sessions.resolve(installation.secret(client))
    installation.clock.move(seconds=61)
    payload = active(client)
    assert payload.status == 200
    current = installation.sessions.resolve(installation.secret(client))
    assert current.last_seen_at > session.last_seen_at + timedelta(seconds=60)
    assert datetime.fromisoformat(payload.json()["expires_at"]) == current.last_seen_at + timedelta(seconds=600)
    assert (current.page, current.expires_at) == ("/reports", session.expires_at)
    installation.clock.move(seconds=59)
    active(client, b'{"page": "/csv"}')  # not written again within a minute
    assert installation.sessions.resolve(installation.secret(client)) == current


@pytest.mark.parametrize(
    ("body", "page"),
    [
        (b'{"page": "/csv?x=1#y"}', "/csv"),
        (b'{"page": "https://evil.example/"}', "/"),
        (b'{"page": "/nested/page"}', "/"),
        (b'{"page": 1}', ""),
        (b"[]", ""),
        (b"", ""),
        (b"[" * 5000, ""),
        (b'{"page": "/csv", "x": "' + b"x" * 8200 + b'"}', ""),
    ],
)
def test_the_page_is_one_of_ours_or_none(installation: SignInWorld, body: bytes, page: str) -> None:
    client = installation.sign_in()
    installation.clock.move(seconds=61)
    assert active(client, body).status == 200
    assert installation.sessions.resolve(installation.secret(client)).page == page


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "https://evil.example"}, 403),
        ({"origin": ""}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"content-type": "text/plain"}, 415),
    ],
)
def test_only_a_script_of_our_own_pages_may_report_input(
    installation: SignInWorld, headers: dict[str, str], status: int
) -> None:
    client = installation.sign_in()
    installation.clock.move(seconds=100)
    before = ends(client)
    assert active(client, headers=headers).status == status
    assert ends(client) == before


def test_user_input_resumes_no_session(installation: SignInWorld) -> None:
    assert active(installation.client()).status == 401
    client = installation.sign_in()
    installation.clock.move(seconds=601)
    assert active(client).status == 401
    assert client.get("/auth/session").json() == {"authenticated": False, "expired": True}


@pytest.mark.parametrize(
    ("idle", "absolute", "seconds"), [(3600, 28800, 120), (240, 28800, 120), (239, 28800, 119.5), (60, 60, 30)]
)
def test_the_warning_comes_two_minutes_before_or_at_half(idle: int, absolute: int, seconds: float) -> None:
    assert SessionLifetimes(idle, absolute, 300).warning_seconds == seconds


def test_the_page_is_recorded_with_the_activity(installation: SignInWorld) -> None:
    client = installation.sign_in()
    ref = installation.ref(client)
    installation.clock.move(seconds=61)
    installation.sessions.touch(installation.sessions.by_ref(ref), page="/reports")
    assert installation.sessions.by_ref(ref).page == "/reports"
    installation.clock.move(seconds=30)  # not again within a minute
    installation.sessions.touch(installation.sessions.by_ref(ref), page="/csv")
    assert installation.sessions.by_ref(ref).page == "/reports"
    installation.clock.move(seconds=31)
    stay(client)  # reports no page
    assert installation.sessions.by_ref(ref).page == "/reports"
