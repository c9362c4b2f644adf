"""Failed sign-ins through the routes: few reach the provider, and no honest sign-in is delayed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from sqlalchemy import event

from tests.clock import FakeClock
from tests.component.oidc.test_exchange_budget import Seconds
from tests.provider import FakeProvider
from tests.signin import ClientResponse, CookieClient, SignInWorld, call, query, sign_in_world


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def installation(seconds: Seconds) -> Iterator[SignInWorld]:
    clock = FakeClock()
    with FakeProvider(clock.timestamp) as fake, sign_in_world(fake, clock, monotonic=seconds) as installation:
        yield installation


def made_up(installation: SignInWorld, client: CookieClient, address: str) -> ClientResponse:
    """End a sign-in of this browser with a made-up code, from an address."""
    callback = installation.fake.answer(query(installation.begin(client))["state"], code="made-up")
    cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    return call(installation.app, "GET", callback, {"cookie": cookie}, client=(address, 50000))


def test_from_one_address_ten_reach_the_provider_and_no_more(installation: SignInWorld, seconds: Seconds) -> None:
    statuses = [made_up(installation, installation.client(), "198.51.100.1").status for _ in range(25)]
    assert statuses == [400] * 10 + [429] * 15
    assert len(installation.fake.forms) == 10
    assert installation.rows("login_states") == 10  # a refused attempt writes no row
    seconds.now += 6.0
    assert [made_up(installation, installation.client(), "198.51.100.1").status for _ in range(2)] == [400, 429]


def test_from_one_browser_five(installation: SignInWorld, seconds: Seconds) -> None:
    client = installation.client()
    client.get("/")
    statuses = [made_up(installation, client, f"198.51.100.{number}").status for number in range(8)]
    assert statuses == [400] * 5 + [429] * 3
    seconds.now += 30.0
    assert [made_up(installation, client, "198.51.100.99").status for _ in range(2)] == [400, 429]


def test_the_networks_of_ipv6_count_as_addresses(installation: SignInWorld) -> None:
    statuses = [made_up(installation, installation.client(), f"2001:db8:0:1::{number}").status for number in range(12)]
    assert statuses == [400] * 10 + [429] * 2
    assert made_up(installation, installation.client(), "2001:db8:0:2::1").status == 400
    mapped = [
        made_up(installation, installation.client(), f"::ffff:198.51.100.{number}").status for number in range(12)
    ]
    assert mapped == [400] * 12


def test_a_flood_of_one_address_delays_no_other_sign_in(installation: SignInWorld) -> None:
    known = installation.sign_in()  # from the address of the flood
    known.logout()
    signed_in = installation.sign_in()
    for _ in range(30):
        made_up(installation, installation.client(), "203.0.113.7")
    assert made_up(installation, installation.client(), "203.0.113.7").status == 429
    installation.sign_in(known)  # this browser signed in here before
    confirmed = signed_in.get(installation.fake.approve(signed_in.get("/auth/login?another=1").location))
    assert confirmed.status == 303
    other = installation.client()
    callback = installation.fake.approve(installation.begin(other))
    cookie = "; ".join(f"{name}={value}" for name, value in other.cookies.items())
    assert call(installation.app, "GET", callback, {"cookie": cookie}, client=("198.51.100.7", 1)).status == 303


def test_a_flood_of_many_addresses_is_bounded_and_delays_no_known_browser(installation: SignInWorld) -> None:
    known = installation.sign_in()
    known.logout()
    before = len(installation.fake.forms)
    for number in range(120):
        made_up(installation, installation.client(), f"198.51.100.{number % 100}")
    assert (
        len(installation.fake.forms) - before == 60 + 20
    )  # first attempts of an address; and those after a refused one
    installation.sign_in(known)


def test_a_user_who_omits_openid_from_the_scope_uses_up_that_users_own_budget_only(installation: SignInWorld) -> None:
    """The user can edit the provider's address; a sign-in without ``openid`` in it brings a code but no ID token."""
    eve, statuses = installation.client(), []
    for number in range(100):
        client = eve if number < 50 else installation.client()
        address = installation.begin(client).replace("scope=openid+", "scope=")
        cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
        callback = installation.fake.approve(address, sub="auth0|eve")
        statuses.append(call(installation.app, "GET", callback, {"cookie": cookie}, client=("198.51.100.1", 1)).status)
    assert statuses == [503] * 5 + [429] * 45 + [503] * 5 + [429] * 45  # of one browser, then of its address
    another = installation.client()
    callback = installation.fake.approve(installation.begin(another))
    cookie = "; ".join(f"{name}={value}" for name, value in another.cookies.items())
    assert call(installation.app, "GET", callback, {"cookie": cookie}, client=("203.0.113.99", 1)).status == 303


def test_a_sign_in_refused_for_now_can_be_repeated(installation: SignInWorld, seconds: Seconds) -> None:
    for _ in range(10):
        made_up(installation, installation.client(), "203.0.113.7")
    client = installation.client()
    callback = installation.fake.approve(installation.begin(client))
    answer = client.get(callback)
    assert (answer.status, answer.all("set-cookie")) == (429, [])
    assert "Try again in a minute" in answer.text
    seconds.now += 6.0
    assert client.get(callback).status == 303


def test_a_code_is_exchanged_once_for_each_sign_in(installation: SignInWorld) -> None:
    client = installation.client()
    callback = installation.fake.answer(query(installation.begin(client))["state"], code="made-up")
    cookies = dict(client.cookies)
    written: list[str] = []

    @event.listens_for(installation.storage.engine, "before_cursor_execute")
    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        written.extend([statement] if "INSERT INTO login_states" in statement else [])

    statuses = [CookieClient(installation.app, cookies=dict(cookies)).get(callback).status for _ in range(20)]
    assert statuses == [400] * 5 + [429] * 15
    assert len(installation.fake.forms) == 1
    assert len(written) == 5  # a used sign-in costs a transaction, and so an attempt


def test_requests_that_do_not_reach_the_provider_are_not_counted(installation: SignInWorld) -> None:
    for _ in range(30):
        client = installation.client()
        client.get(installation.fake.answer(query(installation.begin(client))["state"], error="login_required"))
        client = installation.client()
        client.get(
            installation.fake.answer(query(installation.begin(client))["state"], code="x", iss="https://evil.example/")
        )
    for _ in range(30):
        installation.sign_in()
    assert len(installation.fake.forms) == 30


def test_a_response_of_another_issuer_uses_up_no_budget_and_writes_no_row(installation: SignInWorld) -> None:
    for _ in range(12):
        client = installation.client()
        callback = installation.fake.answer(query(installation.begin(client))["state"], code="made-up")
        cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
        path, _, parameters = callback.partition("?")
        foreign = f"{path}?{urlencode(dict(parse_qsl(parameters)) | {'iss': 'https://wrong.example/'})}"
        answer = call(installation.app, "GET", foreign, {"cookie": cookie}, client=("198.51.100.1", 50000))
        assert answer.status == 400
    assert (installation.rows("login_states"), len(installation.fake.forms)) == (0, 0)


def test_a_browser_is_known_once_its_session_is_issued(installation: SignInWorld) -> None:
    """A blocked account gets no session, and its attempts are charged."""
    eve = installation.sign_in(sub="auth0|eve")
    with installation.storage.unit_of_work() as unit:
        unit.set_blocked(installation.sessions.by_ref(installation.ref(eve)).person.subject, blocked=True)
        unit.commit()
    client = installation.client()
    statuses = []
    for _ in range(7):
        callback = installation.fake.approve(installation.begin(client), sub="auth0|eve")
        cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
        statuses.append(call(installation.app, "GET", callback, {"cookie": cookie}, client=("198.51.100.1", 1)).status)
    assert statuses == [403] * 5 + [429] * 2
    for _ in range(5):
        made_up(installation, installation.client(), "198.51.100.1")
    assert made_up(installation, installation.client(), "198.51.100.1").status == 429
