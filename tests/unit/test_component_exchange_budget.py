"""Made-up codes at the callback: so many reach the provider and no more, and nobody else's sign-in is kept waiting."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qsl, urlencode

import pytest

from app.core.errors import ProviderRefused, ProviderUnavailable, StateMismatch, TooManyRequests
from component import exchange_budget
from component.exchange_budget import KEPT, ExchangeBudget
from tests.provider import FakeProvider
from tests.signin import Answer, Browser, Clock, World, call, query, world


class Seconds:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def here(seconds: Seconds) -> Iterator[World]:
    clock = Clock()
    with FakeProvider(clock.seconds) as fake, world(fake, clock, monotonic=seconds) as made:
        yield made


def made_up(here: World, browser: Browser, address: str) -> Answer:
    """End a sign-in of this browser with a made-up code, from an address."""
    callback = here.fake.answer(query(here.begin(browser))["state"], code="made-up")
    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    return call(here.app, "GET", callback, {"cookie": cookie}, client=(address, 50000))


def test_from_one_address_ten_reach_the_provider_and_no_more(here: World, seconds: Seconds) -> None:
    statuses = [made_up(here, here.browser(), "198.51.100.1").status for _ in range(25)]
    assert statuses == [400] * 10 + [429] * 15
    assert len(here.fake.forms) == 10
    assert here.rows("login_states") == 10  # what goes no further writes nothing
    seconds.now += 6.0
    assert [made_up(here, here.browser(), "198.51.100.1").status for _ in range(2)] == [400, 429]


def test_from_one_browser_five(here: World, seconds: Seconds) -> None:
    browser = here.browser()
    browser.get("/")
    statuses = [made_up(here, browser, f"198.51.100.{number}").status for number in range(8)]
    assert statuses == [400] * 5 + [429] * 3
    seconds.now += 30.0
    assert [made_up(here, browser, "198.51.100.99").status for _ in range(2)] == [400, 429]


def test_the_networks_of_ipv6_count_as_addresses(here: World) -> None:
    statuses = [made_up(here, here.browser(), f"2001:db8:0:1::{number}").status for number in range(12)]
    assert statuses == [400] * 10 + [429] * 2
    assert made_up(here, here.browser(), "2001:db8:0:2::1").status == 400
    mapped = [made_up(here, here.browser(), f"::ffff:198.51.100.{number}").status for number in range(12)]
    assert mapped == [400] * 12


def test_a_flood_of_one_address_keeps_nobody_else_waiting(here: World) -> None:
    known = here.sign_in()  # from the address of the flood
    known.logout()
    signed_in = here.sign_in()
    for _ in range(30):
        made_up(here, here.browser(), "203.0.113.7")
    assert made_up(here, here.browser(), "203.0.113.7").status == 429
    here.sign_in(known)  # this browser signed in here before
    confirmed = signed_in.get(here.fake.approve(signed_in.get("/auth/login?another=1").location))
    assert confirmed.status == 303
    somebody = here.browser()
    callback = here.fake.approve(here.begin(somebody))
    cookie = "; ".join(f"{name}={value}" for name, value in somebody.cookies.items())
    assert call(here.app, "GET", callback, {"cookie": cookie}, client=("198.51.100.7", 1)).status == 303


def test_a_flood_of_many_addresses_is_bounded_and_keeps_no_known_browser_waiting(here: World) -> None:
    known = here.sign_in()
    known.logout()
    before = len(here.fake.forms)
    for number in range(120):
        made_up(here, here.browser(), f"198.51.100.{number % 100}")
    assert len(here.fake.forms) - before == 60 + 20  # first attempts of an address; and those after a refused one
    here.sign_in(known)


def test_what_was_refused_for_now_is_not_used_up(here: World, seconds: Seconds) -> None:
    for _ in range(10):
        made_up(here, here.browser(), "203.0.113.7")
    browser = here.browser()
    callback = here.fake.approve(here.begin(browser))
    answer = browser.get(callback)
    assert (answer.status, answer.all("set-cookie")) == (429, [])
    assert "Try again in a minute" in answer.text
    seconds.now += 6.0
    assert browser.get(callback).status == 303


def test_a_code_is_brought_to_the_provider_once_for_each_sign_in(here: World) -> None:
    browser = here.browser()
    callback = here.fake.answer(query(here.begin(browser))["state"], code="made-up")
    cookies = dict(browser.cookies)
    statuses = [Browser(here.app, cookies=dict(cookies)).get(callback).status for _ in range(5)]
    assert statuses == [400] * 5
    assert len(here.fake.forms) == 1


def test_what_costs_the_provider_nothing_is_not_counted(here: World) -> None:
    for _ in range(30):
        browser = here.browser()
        browser.get(here.fake.answer(query(here.begin(browser))["state"], error="login_required"))
        browser = here.browser()
        browser.get(here.fake.answer(query(here.begin(browser))["state"], code="x", iss="https://evil.example/"))
    for _ in range(30):
        here.sign_in()
    assert len(here.fake.forms) == 30


# The budget alone


def refuse(budget: ExchangeBudget, error: Exception, **who: str) -> None:
    with pytest.raises(type(error)), budget.attempt(**({"browser": "b", "address": "a"} | who)):
        raise error


def test_an_answer_of_another_issuer_uses_nothing_up_and_writes_no_row(here: World) -> None:
    for _ in range(12):
        browser = here.browser()
        callback = here.fake.answer(query(here.begin(browser))["state"], code="made-up")
        cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
        path, _, asked = callback.partition("?")
        foreign = f"{path}?{urlencode(dict(parse_qsl(asked)) | {'iss': 'https://wrong.example/'})}"
        answer = call(here.app, "GET", foreign, {"cookie": cookie}, client=("198.51.100.1", 50000))
        assert answer.status == 400
    assert (here.rows("login_states"), len(here.fake.forms)) == (0, 0)


def test_a_session_is_counted_as_one_browser(seconds: Seconds) -> None:
    budget = ExchangeBudget(seconds)
    for number in range(5):
        refuse(budget, ProviderRefused("no"), browser=str(number), session="ref")
    with pytest.raises(TooManyRequests), budget.attempt(browser="new", address="a", session="ref"):
        pass


def test_a_provider_that_does_not_answer_costs_the_browser_nothing_and_is_spared_all_the_same(seconds: Seconds) -> None:
    budget = ExchangeBudget(seconds)
    for _ in range(60):
        refuse(budget, ProviderUnavailable())
    refuse(budget, TooManyRequests(1))
    seconds.now += 1.0
    with budget.attempt(browser="b", address="a"):
        pass


def test_other_failures_cost_nothing(seconds: Seconds) -> None:
    budget = ExchangeBudget(seconds)
    for _ in range(200):
        refuse(budget, StateMismatch("no"))


def test_a_refused_attempt_takes_nothing(seconds: Seconds) -> None:
    budget = ExchangeBudget(seconds)
    for _ in range(5):
        refuse(budget, ProviderRefused("no"), address="1")
    for _ in range(50):
        refuse(budget, TooManyRequests(1), address="2")
    for number in range(10):
        refuse(budget, ProviderRefused("no"), browser=f"other {number}", address="2")


def test_what_is_remembered_is_bounded(seconds: Seconds, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange_budget, "KEPT", 10)
    budget = ExchangeBudget(seconds)
    for number in range(50):
        with budget.attempt(browser=str(number), address=str(number)):
            pass
    assert (len(budget._browsers), len(budget._addresses), len(budget._known)) == (10, 10, 10)
    assert KEPT == 4096
