"""The callback of a sign-in: each is bound to its browser, state, issuer, nonce and code verifier, and works once."""

from __future__ import annotations

import re

import pytest

from tests.clock import FakeClock
from tests.provider import FakeProvider
from tests.signin import CookieClient, SignInWorld, query, sign_in_world


def test_state_nonce_and_verifier_are_random(installation: SignInWorld) -> None:
    values: list[str] = []
    for _ in range(2):
        client = installation.client()
        location = installation.begin(client)
        values += [query(location)[name] for name in ("state", "nonce")]
        client.get(installation.fake.approve(location))
        values.append(installation.fake.forms[-1]["code_verifier"])
    assert len(set(values)) == 6
    assert all(re.fullmatch("[A-Za-z0-9_-]{43}", value) for value in values)  # 256 bits


def test_a_callback_works_once(installation: SignInWorld) -> None:
    client = installation.client()
    callback = installation.fake.approve(installation.begin(client))
    cookies = dict(client.cookies)
    assert client.get(callback).status == 303
    thief = CookieClient(installation.app, cookies=cookies)
    answer = thief.get(callback)
    assert answer.status == 400
    assert "This sign-in is over" in answer.text
    assert installation.cookies.session not in thief.cookies
    assert len(installation.fake.forms) == 1  # the code was exchanged once


def test_a_callback_in_another_browser_is_refused(installation: SignInWorld) -> None:
    victim, attacker = installation.client(), installation.client()
    installation.begin(victim)
    callback = installation.fake.approve(installation.begin(attacker))
    assert victim.get(callback).status == 400
    # Even with the transaction's cookie planted: it is bound to the browser that began.
    planted = {name: value for name, value in attacker.cookies.items() if "-login-" in name}
    victim.cookies |= planted
    answer = victim.get(callback)
    assert answer.status == 400
    assert installation.cookies.session not in victim.cookies
    assert not installation.fake.forms


def test_a_transaction_cannot_be_moved_to_another_state(installation: SignInWorld) -> None:
    client = installation.client()
    first, second = installation.begin(client), installation.begin(client)
    names = [installation.cookies.login(query(url)["state"]) for url in (first, second)]
    client.cookies[names[1]] = client.cookies[names[0]]
    assert client.get(installation.fake.approve(second)).status == 400


def test_a_transaction_that_was_altered_is_refused(installation: SignInWorld) -> None:
    client = installation.client()
    url = installation.begin(client)
    name = installation.cookies.login(query(url)["state"])
    value = client.cookies[name]
    for altered in (value[:-4], value[:40] + ("A" if value[40] != "A" else "B") + value[41:], "1.", "x", "1.é"):
        client.cookies[name] = altered
        assert client.get(installation.fake.approve(url)).status == 400
        client.cookies[name] = value


def test_parallel_tabs_each_finish(installation: SignInWorld) -> None:
    client = installation.client()
    urls = [installation.begin(client, f"/p{number}") for number in range(3)]
    for number in (1, 0, 2):
        assert client.get(installation.fake.approve(urls[number])).location.endswith(f"/p{number}")


def test_at_most_five_transactions_and_the_oldest_goes(installation: SignInWorld) -> None:
    client = installation.client()
    urls = []
    for number in range(7):
        urls.append(installation.begin(client, "/a%3F" + "q" * 1400 + str(number)))
        installation.clock.move(seconds=2)
        open_ones = installation.cookies.logins(client.cookies)
        assert len(open_ones) <= 5
        assert all(len(name) + len(value) < 4000 for name, value in open_ones.items())
    states = [query(url)["state"] for url in urls]
    assert [installation.cookies.login(state) in client.cookies for state in states] == [False] * 2 + [True] * 5
    assert client.get(installation.fake.approve(urls[0])).status == 400
    assert client.get(installation.fake.approve(urls[6])).status == 303


@pytest.mark.parametrize(("seconds", "status"), [(590, 303), (610, 400)])
def test_a_transaction_lasts_ten_minutes(installation: SignInWorld, seconds: int, status: int) -> None:
    client = installation.client()
    url = installation.begin(client)
    installation.clock.move(seconds=seconds)
    assert client.get(installation.fake.approve(url)).status == status


def test_a_replay_in_a_signed_in_browser_returns_to_the_page(installation: SignInWorld) -> None:
    client = installation.client()
    callback = installation.fake.approve(installation.begin(client, "/reports"))
    cookies = dict(client.cookies)
    client.get(callback)
    back = client.get(callback)  # back button: the transaction is used up
    assert 'content="0; url=/auth/ended?sign_in=unknown"' in back.text
    assert client.get("/auth/ended?sign_in=unknown").location == "http://localhost:8501/"
    client.cookies |= cookies
    assert (
        client.get(callback).location == "http://localhost:8501/reports"
    )  # double click: the transaction is still there
    assert len(installation.audit("app:session:begin")) == 1
    assert not installation.audit("app:login:refuse")


@pytest.mark.parametrize("iss", ["https://evil.example/", "", "slash"])
def test_a_response_of_another_provider_is_refused(installation: SignInWorld, iss: str) -> None:
    client = installation.client()
    state = query(installation.begin(client))["state"]
    issuer = installation.fake.url.rstrip("/") if iss == "slash" else iss
    answer = client.get(installation.fake.answer(state, code="a-code", iss=issuer))
    assert answer.status == 400
    assert not installation.fake.forms  # the code was not exchanged


def test_iss_may_be_missing_if_the_metadata_does_not_announce_it() -> None:
    clock = FakeClock()
    with FakeProvider(clock.timestamp) as fake:
        fake.issuer.metadata_extra = {"authorization_response_iss_parameter_supported": False}
        with sign_in_world(fake, clock) as installation:
            client = installation.client()
            callback = fake.approve(installation.begin(client))
            assert client.get(callback.replace("&iss=", "&ignored=")).status == 303


def test_a_nonce_of_another_sign_in_is_refused(installation: SignInWorld) -> None:
    client = installation.client()
    callback = installation.fake.approve(installation.begin(client))
    next(iter(installation.fake.codes.values())).nonce = "n" * 43
    answer = client.get(callback)
    assert answer.status == 400
    assert "did not match" in answer.text
    assert installation.cookies.session not in client.cookies


def test_a_code_for_another_challenge_is_refused(installation: SignInWorld) -> None:
    """PKCE: the code of another sign-in cannot be exchanged."""
    client, other = installation.client(), installation.client()
    url = installation.begin(client)
    stolen = query(installation.fake.approve(installation.begin(other)))["code"]
    answer = client.get(installation.fake.answer(query(url)["state"], code=stolen))
    assert answer.status == 400
    assert installation.cookies.session not in client.cookies


def test_extra_parameters_do_not_matter(installation: SignInWorld) -> None:
    client = installation.client()
    callback = installation.fake.approve(installation.begin(client))
    assert client.get(callback + "&session_state=abc&scope=openid&anything=1").status == 303
