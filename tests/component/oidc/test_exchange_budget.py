"""The budget of failed code exchanges: which attempts it admits, and what each costs."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

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


class Seconds:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


def refuse(budget: ExchangeBudget, error: Exception, *, browser: str = "b", address: str = "a") -> None:
    with pytest.raises(type(error)), budget.attempt(browser=browser, address=address):
        raise error


EVE, ANN = Subject("https://idp.example/", "eve"), Subject("https://idp.example/", "ann")


def is_admitted(budget: ExchangeBudget, browser: str, address: str, subject: Subject | None = None) -> bool:
    """Whether an attempt is admitted; it then succeeds."""
    try:
        with budget.attempt(browser=browser, address=address, subject=subject):
            return True
    except TooManyRequests:
        return False


def refused(budget: ExchangeBudget, browser: str, address: str, subject: Subject | None = None) -> bool:
    """Whether an attempt is admitted; it then fails."""
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
def test_a_failed_attempt_is_charged_whatever_the_reason(seconds: Seconds, error: Exception) -> None:
    budget = ExchangeBudget(seconds)
    for _ in range(5):
        refuse(budget, error)
    assert not is_admitted(budget, "b", "a")
    seconds.now += 30.0
    refuse(budget, error)
    assert not is_admitted(budget, "b", "a")


def test_attempts_under_way_cost_nothing_however_many_an_address_makes(seconds: Seconds) -> None:
    budget = ExchangeBudget(seconds)
    with ExitStack() as office:
        for number in range(200):
            office.enter_context(budget.attempt(browser=f"b{number}", address="203.0.113.7"))
    assert is_admitted(budget, "another", "203.0.113.7")


@pytest.mark.parametrize(
    "reason", [ProviderReason.TIMEOUT, ProviderReason.REFUSED, ProviderReason.STATUS, ProviderReason.BUSY]
)
def test_a_provider_that_does_not_answer_costs_the_browser_nothing_and_its_attempts_stay_limited(
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


def test_a_refused_attempt_uses_up_no_budget(seconds: Seconds) -> None:
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
    """Each address sends made-up codes at its limit, from new browsers, for twenty minutes."""
    budget = ExchangeBudget(seconds)
    reached, waited = 0, []
    sites = len({address.rpartition(":")[0].rsplit(":", 2)[0] or address for address in addresses})
    for step in range(200):
        seconds.now += 6.0
        reached += sum(refused(budget, f"{step} {address}", address) for address in addresses)
        if not is_admitted(budget, f"honest {step}", f"203.0.113.{step}"):
            waited.append(step)
    assert waited == []
    # A few of each while it is clean, and then its share and what the budget of suspect addresses admits.
    assert reached <= len(addresses) * 6 + sites * (2 + 1200 / 60) + 20 + 1200 / 5


@pytest.mark.parametrize("flooding", [2, 29])
def test_an_office_with_two_failed_sign_ins_is_not_delayed_by_other_addresses(seconds: Seconds, flooding: int) -> None:
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


def test_the_attempts_of_all_suspect_addresses_together_are_bounded(seconds: Seconds) -> None:
    budget = ExchangeBudget(seconds)
    addresses = [f"10.0.0.{number}" for number in range(100)]
    for address in addresses * 2:  # all are suspect
        seconds.now += 0.5
        assert refused(budget, address, address)
    seconds.now += 120.0
    assert sum(refused(budget, f"again {address}", address) for address in addresses) == 60 + 20


def test_one_failed_attempt_makes_no_address_suspect(seconds: Seconds) -> None:
    budget = ExchangeBudget(seconds)
    for number in range(30):  # a flood that has used up the budget of suspect addresses
        for address in range(10):
            refused(budget, f"{number} {address}", f"198.51.100.{address}")
    assert refused(budget, "office 1", "203.0.113.7")
    assert is_admitted(budget, "office 2", "203.0.113.7")
    assert refused(budget, "office 3", "203.0.113.7")
    assert [refused(budget, "office 4", "203.0.113.7") for _ in range(2)] == [True] * 2  # its own share
    assert not is_admitted(budget, "office 4", "203.0.113.7")
    seconds.now += 300.0
    for address in range(200):
        refused(budget, "flood", f"198.51.100.{address}")
    assert is_admitted(budget, "office 4", "203.0.113.7")


def test_one_account_uses_up_no_budget_of_others_however_many_sessions_and_browsers_it_has(seconds: Seconds) -> None:
    budget = ExchangeBudget(seconds)
    budget.remember("ann's", ANN)
    budget.remember("eve's", EVE)
    with_session = [refused(budget, f"made up {number}", "198.51.100.1", EVE) for number in range(200)]
    assert with_session == [True] * 5 + [True] * 10 + [False] * 185  # then as new ones at one address
    assert not is_admitted(budget, "eve's", "198.51.100.1")
    assert is_admitted(budget, "ann's", "198.51.100.1")
    assert is_admitted(budget, "another", "198.51.100.1", ANN)


def test_another_user_who_uses_up_the_budget_of_an_account_blocks_no_sign_in_of_it(seconds: Seconds) -> None:
    """Another user sends made-up codes from a browser in which Ann signed in once; Ann uses another one."""
    budget = ExchangeBudget(seconds)
    budget.remember("shared", ANN)
    budget.remember("ann's", ANN)
    for number in range(100):
        seconds.now += 6.0
        refused(budget, "shared", "198.51.100.1")
        assert is_admitted(budget, "ann's", "203.0.113.7"), number
        assert is_admitted(budget, "another", "203.0.113.7", ANN), number


def test_one_account_does_not_displace_other_known_browsers(seconds: Seconds) -> None:
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


def test_the_memory_of_attempts_is_bounded(seconds: Seconds, monkeypatch: pytest.MonkeyPatch) -> None:
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
