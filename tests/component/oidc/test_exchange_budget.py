"""Sign-ins that come to nothing: so many reach the provider and no more, and no honest sign-in is kept waiting."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from sqlalchemy import event

from app.core.errors import (
    PermissionDenied,
    ProviderRefused,
    ProviderUnavailable,
    StateMismatch,
    StorageUnavailable,
    TokenInvalid,
    TooManyRequests,
)
from app.core.failure_reasons import ProviderReason
from app.core.principal import Subject
from component.oidc import exchange_budget
from component.oidc.exchange_budget import ExchangeBudget
from tests.clock import FakeClock
from tests.provider import FakeProvider
from tests.signin import Answer, Browser, SignInWorld, call, query, world


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
def installation(seconds: Seconds) -> Iterator[SignInWorld]:
    clock = FakeClock()
    with FakeProvider(clock.timestamp) as fake, world(fake, clock, monotonic=seconds) as installation:
        yield installation


def made_up(installation: SignInWorld, browser: Browser, address: str) -> Answer:
    """End a sign-in of this browser with a made-up code, from an address."""
    callback = installation.fake.answer(query(installation.begin(browser))["state"], code="made-up")
    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    return call(installation.app, "GET", callback, {"cookie": cookie}, client=(address, 50000))


def test_from_one_address_ten_reach_the_provider_and_no_more(installation: SignInWorld, seconds: Seconds) -> None:
    statuses = [made_up(installation, installation.browser(), "198.51.100.1").status for _ in range(25)]
    assert statuses == [400] * 10 + [429] * 15
    assert len(installation.fake.forms) == 10
    assert installation.rows("login_states") == 10  # what goes no further writes nothing
    seconds.now += 6.0
    assert [made_up(installation, installation.browser(), "198.51.100.1").status for _ in range(2)] == [400, 429]


def test_from_one_browser_five(installation: SignInWorld, seconds: Seconds) -> None:
    browser = installation.browser()
    browser.get("/")
    statuses = [made_up(installation, browser, f"198.51.100.{number}").status for number in range(8)]
    assert statuses == [400] * 5 + [429] * 3
    seconds.now += 30.0
    assert [made_up(installation, browser, "198.51.100.99").status for _ in range(2)] == [400, 429]


def test_the_networks_of_ipv6_count_as_addresses(installation: SignInWorld) -> None:
    statuses = [made_up(installation, installation.browser(), f"2001:db8:0:1::{number}").status for number in range(12)]
    assert statuses == [400] * 10 + [429] * 2
    assert made_up(installation, installation.browser(), "2001:db8:0:2::1").status == 400
    mapped = [
        made_up(installation, installation.browser(), f"::ffff:198.51.100.{number}").status for number in range(12)
    ]
    assert mapped == [400] * 12


def test_a_flood_of_one_address_delays_no_other_sign_in(installation: SignInWorld) -> None:
    known = installation.sign_in()  # from the address of the flood
    known.logout()
    signed_in = installation.sign_in()
    for _ in range(30):
        made_up(installation, installation.browser(), "203.0.113.7")
    assert made_up(installation, installation.browser(), "203.0.113.7").status == 429
    installation.sign_in(known)  # this browser signed in here before
    confirmed = signed_in.get(installation.fake.approve(signed_in.get("/auth/login?another=1").location))
    assert confirmed.status == 303
    other = installation.browser()
    callback = installation.fake.approve(installation.begin(other))
    cookie = "; ".join(f"{name}={value}" for name, value in other.cookies.items())
    assert call(installation.app, "GET", callback, {"cookie": cookie}, client=("198.51.100.7", 1)).status == 303


def test_a_flood_of_many_addresses_is_bounded_and_delays_no_known_browser(installation: SignInWorld) -> None:
    known = installation.sign_in()
    known.logout()
    before = len(installation.fake.forms)
    for number in range(120):
        made_up(installation, installation.browser(), f"198.51.100.{number % 100}")
    assert (
        len(installation.fake.forms) - before == 60 + 20
    )  # first attempts of an address; and those after a refused one
    installation.sign_in(known)


def test_a_user_who_omits_openid_from_the_scope_uses_up_that_users_own_budget_only(installation: SignInWorld) -> None:
    """The user can edit the provider's address; a sign-in without ``openid`` in it brings a code but no ID token."""
    eve, statuses = installation.browser(), []
    for number in range(100):
        browser = eve if number < 50 else installation.browser()
        address = installation.begin(browser).replace("scope=openid+", "scope=")
        cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
        callback = installation.fake.approve(address, sub="auth0|eve")
        statuses.append(call(installation.app, "GET", callback, {"cookie": cookie}, client=("198.51.100.1", 1)).status)
    assert statuses == [503] * 5 + [429] * 45 + [503] * 5 + [429] * 45  # of one browser, then of its address
    another = installation.browser()
    callback = installation.fake.approve(installation.begin(another))
    cookie = "; ".join(f"{name}={value}" for name, value in another.cookies.items())
    assert call(installation.app, "GET", callback, {"cookie": cookie}, client=("203.0.113.99", 1)).status == 303


def test_what_was_refused_for_now_is_not_used_up(installation: SignInWorld, seconds: Seconds) -> None:
    for _ in range(10):
        made_up(installation, installation.browser(), "203.0.113.7")
    browser = installation.browser()
    callback = installation.fake.approve(installation.begin(browser))
    answer = browser.get(callback)
    assert (answer.status, answer.all("set-cookie")) == (429, [])
    assert "Try again in a minute" in answer.text
    seconds.now += 6.0
    assert browser.get(callback).status == 303


def test_a_code_is_brought_to_the_provider_once_for_each_sign_in(installation: SignInWorld) -> None:
    browser = installation.browser()
    callback = installation.fake.answer(query(installation.begin(browser))["state"], code="made-up")
    cookies = dict(browser.cookies)
    written: list[str] = []

    @event.listens_for(installation.storage.engine, "before_cursor_execute")
    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        written.extend([statement] if "INSERT INTO login_states" in statement else [])

    statuses = [Browser(installation.app, cookies=dict(cookies)).get(callback).status for _ in range(20)]
    assert statuses == [400] * 5 + [429] * 15
    assert len(installation.fake.forms) == 1
    assert len(written) == 5  # a sign-in that is used up costs a transaction, and so an attempt


def test_what_costs_the_provider_nothing_is_not_counted(installation: SignInWorld) -> None:
    for _ in range(30):
        browser = installation.browser()
        browser.get(installation.fake.answer(query(installation.begin(browser))["state"], error="login_required"))
        browser = installation.browser()
        browser.get(
            installation.fake.answer(query(installation.begin(browser))["state"], code="x", iss="https://evil.example/")
        )
    for _ in range(30):
        installation.sign_in()
    assert len(installation.fake.forms) == 30


# The budget alone


def refuse(budget: ExchangeBudget, error: Exception, *, browser: str = "b", address: str = "a") -> None:
    with pytest.raises(type(error)), budget.attempt(browser=browser, address=address):
        raise error


def test_an_answer_of_another_issuer_uses_nothing_up_and_writes_no_row(installation: SignInWorld) -> None:
    for _ in range(12):
        browser = installation.browser()
        callback = installation.fake.answer(query(installation.begin(browser))["state"], code="made-up")
        cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
        path, _, parameters = callback.partition("?")
        foreign = f"{path}?{urlencode(dict(parse_qsl(parameters)) | {'iss': 'https://wrong.example/'})}"
        answer = call(installation.app, "GET", foreign, {"cookie": cookie}, client=("198.51.100.1", 50000))
        assert answer.status == 400
    assert (installation.rows("login_states"), len(installation.fake.forms)) == (0, 0)


EVE, ANN = Subject("https://idp.example/", "eve"), Subject("https://idp.example/", "ann")


def is_admitted(budget: ExchangeBudget, browser: str, address: str, subject: Subject | None = None) -> bool:
    """Whether an attempt is, which then ends in a session."""
    try:
        with budget.attempt(browser=browser, address=address, subject=subject):
            return True
    except TooManyRequests:
        return False


def refused(budget: ExchangeBudget, browser: str, address: str, subject: Subject | None = None) -> bool:
    """Whether an attempt is admitted, which then comes to nothing."""
    try:
        with budget.attempt(browser=browser, address=address, subject=subject):
            _refuse()
    except TooManyRequests:
        return False
    except ProviderRefused:
        pass
    return True


def _refuse() -> None:
    raise ProviderRefused


@pytest.mark.parametrize(
    "error",
    [
        ProviderRefused(),
        StateMismatch(),
        TokenInvalid(),
        PermissionDenied("", "blocked"),
        RuntimeError(),
        ProviderUnavailable(),
        ProviderUnavailable(reason=ProviderReason.NO_ID_TOKEN),
        ProviderUnavailable(reason=ProviderReason.TOKENS),
        ProviderUnavailable(reason=ProviderReason.TOO_LARGE),
        ProviderUnavailable(reason=ProviderReason.NOT_JSON),
        ProviderUnavailable(reason=ProviderReason.UNEXPECTED),
    ],
    ids=lambda error: getattr(error, "reason_code", type(error).__name__),
)
def test_an_attempt_that_comes_to_nothing_costs_whatever_the_reason(seconds: Seconds, error: Exception) -> None:
    budget = ExchangeBudget(seconds)
    for _ in range(5):
        refuse(budget, error)
    assert not is_admitted(budget, "b", "a")
    seconds.now += 30.0
    refuse(budget, error)
    assert not is_admitted(budget, "b", "a")


def test_attempts_under_way_cost_nothing_however_many_come_from_one_address(seconds: Seconds) -> None:
    budget = ExchangeBudget(seconds)
    with ExitStack() as office:
        for number in range(200):
            office.enter_context(budget.attempt(browser=f"b{number}", address="203.0.113.7"))
    assert is_admitted(budget, "another", "203.0.113.7")


@pytest.mark.parametrize(
    "reason", [ProviderReason.TIMEOUT, ProviderReason.REFUSED, ProviderReason.STATUS, ProviderReason.BUSY]
)
def test_a_provider_that_does_not_answer_costs_the_browser_nothing_and_is_spared_all_the_same(
    seconds: Seconds, reason: ProviderReason
) -> None:
    budget = ExchangeBudget(seconds)
    for _ in range(60 + 20):
        refuse(budget, ProviderUnavailable(reason=reason))
    assert not is_admitted(budget, "b", "a")
    seconds.now += 1.0
    assert is_admitted(budget, "b", "a")


def test_a_database_that_does_not_answer_costs_nothing(seconds: Seconds) -> None:
    budget = ExchangeBudget(seconds)
    for _ in range(200):
        refuse(budget, StorageUnavailable())


def test_a_refused_attempt_takes_nothing(seconds: Seconds) -> None:
    budget = ExchangeBudget(seconds)
    for _ in range(5):
        refuse(budget, ProviderRefused("no"), address="1")
    for _ in range(50):
        assert not is_admitted(budget, "b", "2")
    for number in range(10):
        refuse(budget, ProviderRefused("no"), browser=f"other {number}", address="2")


@pytest.mark.parametrize(
    "addresses",
    [
        [f"198.51.100.{number}" for number in range(20)],
        [f"2001:db8:{site:x}:{network:x}::1" for site in range(5) for network in range(20)],
    ],
    ids=["20 addresses", "100 networks of 5 sites"],
)
def test_a_flood_of_some_addresses_delays_no_sign_in_at_another_one(seconds: Seconds, addresses: list[str]) -> None:
    """Each brings a made-up code as often as it may, from a new browser, for twenty minutes."""
    budget = ExchangeBudget(seconds)
    reached, waited = 0, []
    sites = len({address.rpartition(":")[0].rsplit(":", 2)[0] or address for address in addresses})
    for step in range(200):
        seconds.now += 6.0
        reached += sum(refused(budget, f"{step} {address}", address) for address in addresses)
        if not is_admitted(budget, f"honest {step}", f"203.0.113.{step}"):
            waited.append(step)
    assert waited == []
    # A few of each while it is clean, and then its share and what the lane of suspect addresses lets through.
    assert reached <= len(addresses) * 6 + sites * (2 + 1200 / 60) + 20 + 1200 / 5


@pytest.mark.parametrize("flooding", [2, 29])
def test_an_office_where_two_sign_ins_came_to_nothing_is_not_kept_waiting_by_other_addresses(
    seconds: Seconds, flooding: int
) -> None:
    budget = ExchangeBudget(seconds)
    waited = []
    for step in range(200):
        seconds.now += 6.0
        for number in range(flooding):
            refused(budget, f"{step} {number}", f"198.51.100.{number}")
        if step % 50 == 0:  # every five minutes
            assert [refused(budget, f"office {step} {number}", "203.0.113.7") for number in range(2)] == [True, True]
        if not is_admitted(budget, f"office {step}", "203.0.113.7"):
            waited.append(step)
    assert waited == []


def test_what_all_suspect_addresses_together_may_bring_to_the_provider_is_bounded(seconds: Seconds) -> None:
    budget = ExchangeBudget(seconds)
    addresses = [f"10.0.0.{number}" for number in range(100)]
    for address in addresses * 2:  # all are suspect
        seconds.now += 0.5
        assert refused(budget, address, address)
    seconds.now += 120.0
    assert sum(refused(budget, f"again {address}", address) for address in addresses) == 60 + 20


def test_one_attempt_that_came_to_nothing_makes_no_address_suspect(seconds: Seconds) -> None:
    budget = ExchangeBudget(seconds)
    for number in range(30):  # a flood, which has used up the lane of suspect addresses
        for address in range(10):
            refused(budget, f"{number} {address}", f"198.51.100.{address}")
    assert refused(budget, "office 1", "203.0.113.7")
    assert is_admitted(budget, "office 2", "203.0.113.7")
    assert refused(budget, "office 3", "203.0.113.7")
    assert [refused(budget, "office 4", "203.0.113.7") for _ in range(2)] == [True] * 2  # the share of its own
    assert not is_admitted(budget, "office 4", "203.0.113.7")
    seconds.now += 300.0
    for address in range(200):
        refused(budget, "flood", f"198.51.100.{address}")
    assert is_admitted(budget, "office 4", "203.0.113.7")


def test_one_account_drains_no_lane_of_others_however_many_sessions_and_browsers_it_has(seconds: Seconds) -> None:
    budget = ExchangeBudget(seconds)
    budget.remember("ann's", ANN)
    budget.remember("eve's", EVE)
    with_session = [refused(budget, f"made up {number}", "198.51.100.1", EVE) for number in range(200)]
    assert with_session == [True] * 5 + [True] * 10 + [False] * 185  # then as new ones at one address
    assert not is_admitted(budget, "eve's", "198.51.100.1")
    assert is_admitted(budget, "ann's", "198.51.100.1")
    assert is_admitted(budget, "another", "198.51.100.1", ANN)


def test_another_user_who_uses_up_the_budget_of_an_account_keeps_it_from_nothing(seconds: Seconds) -> None:
    """Another user brings made-up codes at a browser where Ann signed in once; Ann is elsewhere."""
    budget = ExchangeBudget(seconds)
    budget.remember("shared", ANN)
    budget.remember("ann's", ANN)
    for number in range(100):
        seconds.now += 6.0
        refused(budget, "shared", "198.51.100.1")
        assert is_admitted(budget, "ann's", "203.0.113.7"), number
        assert is_admitted(budget, "another", "203.0.113.7", ANN), number


def test_one_account_keeps_no_other_browser_from_being_known(seconds: Seconds) -> None:
    budget = ExchangeBudget(seconds)
    budget.remember("ann's", ANN)
    for number in range(5000):
        budget.remember(f"eve's {number}", EVE)
    for number in range(10):
        refused(budget, f"flood {number}", "198.51.100.1")
    assert is_admitted(budget, "ann's", "198.51.100.1")
    assert [is_admitted(budget, f"eve's {number}", "198.51.100.1") for number in (4991, 4992, 4999)] == [
        False,
        True,
        True,
    ]


def test_a_browser_is_known_once_its_session_was_made(installation: SignInWorld) -> None:
    """A blocked account gets none, and what it brings counts."""
    eve = installation.sign_in(sub="auth0|eve")
    with installation.storage.unit_of_work() as unit:
        unit.set_blocked(installation.sessions.by_ref(installation.ref(eve)).person.subject, blocked=True)
        unit.commit()
    browser = installation.browser()
    statuses = []
    for _ in range(7):
        callback = installation.fake.approve(installation.begin(browser), sub="auth0|eve")
        cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
        statuses.append(call(installation.app, "GET", callback, {"cookie": cookie}, client=("198.51.100.1", 1)).status)
    assert statuses == [403] * 5 + [429] * 2
    for _ in range(5):
        made_up(installation, installation.browser(), "198.51.100.1")
    assert made_up(installation, installation.browser(), "198.51.100.1").status == 429


def test_what_is_remembered_is_bounded(seconds: Seconds, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange_budget, "MAX_KNOWN_BROWSERS", 10)
    budget = ExchangeBudget(seconds)
    for number in range(20_000):
        seconds.now += 0.5
        refused(budget, str(number), f"10.{number // 65536}.{number // 256 % 256}.{number % 256}")
    for number in range(50):
        budget.remember(str(number), Subject("https://idp.example/", str(number)))
    tables = (budget._clients, budget._addresses, budget._clean, budget._shares, budget._known)
    assert all(len(table) <= 10_000 for table in tables)
    assert list(budget._known) == [str(number) for number in range(40, 50)]
