"""A guarded cache decides at each call, and is a cache in everything else."""

from __future__ import annotations

import functools
from typing import Any

import pytest

from app.core.errors import PermissionDenied
from app.core.guard import Caller, Guard, GuardedCache
from app.core.permissions import Permission
from app.core.policy import NO_GRANTS, Decision, GrantPath, Grants, Source
from app.core.principal import AuthMethod, Principal, Subject

PRINCIPAL = Principal(method=AuthMethod.SESSION, subject=Subject("https://issuer.example/", "auth0|1"), name="Ada")
READS = Grants(permissions={"read:reports": (GrantPath("viewer", Source.ADMIN),)})


class CacheDesk:
    """A guard whose caller can be changed, and the targets of what it refused."""

    def __init__(self) -> None:
        self.caller = Caller(PRINCIPAL, READS)
        self.refused: list[str] = []
        self.guard = Guard(lambda: self.caller, self.on_refused)

    def on_refused(self, principal: Principal, permission: str | None, decision: Decision, target: str) -> None:
        self.refused.append(target)


@pytest.fixture
def desk() -> CacheDesk:
    return CacheDesk()


def test_a_cache_decides_at_each_call_and_then_reads(desk: CacheDesk) -> None:
    computed: list[tuple[int, int]] = []

    @functools.lru_cache
    def work(number: int, *, factor: int = 1) -> int:
        """Work."""
        computed.append((number, factor))
        return number * factor

    guarded = desk.guard.requires(Permission.READ_REPORTS)(work)
    assert isinstance(guarded, GuardedCache)
    assert (guarded.required_permission, guarded.__name__, guarded.__doc__) == ("read:reports", "work", "Work.")
    assert [guarded(2, factor=3), guarded(2, factor=3)] == [6, 6]
    assert computed == [(2, 3)]
    assert guarded.cache_info().hits == 1
    desk.caller = Caller(PRINCIPAL, NO_GRANTS)
    with pytest.raises(PermissionDenied):
        guarded(2, factor=3)
    assert desk.refused == [f"{__name__}:test_a_cache_decides_at_each_call_and_then_reads.<locals>.work"]
    guarded.cache_clear()
    assert guarded.cache_info().currsize == 0


def test_a_cache_on_a_method_is_bound_to_its_instance(desk: CacheDesk) -> None:
    class Shop:
        @desk.guard.requires(Permission.READ_REPORTS)
        @functools.lru_cache  # noqa: B019 - the cache of a method is what is tested
        def price(self, number: int) -> tuple[object, int]:
            return self, number

    shop = Shop()
    assert shop.price(7) == (shop, 7)
    assert isinstance(shop.price, GuardedCache)
    assert shop.price.required_permission is Permission.READ_REPORTS
    assert Shop.price is vars(Shop)["price"]
    desk.caller = Caller(PRINCIPAL, NO_GRANTS)
    with pytest.raises(PermissionDenied):
        shop.price(7)


def test_a_cache_that_binds_nothing_is_itself_on_an_instance(desk: CacheDesk) -> None:
    class Cache:
        def __init__(self, function: Any) -> None:
            functools.update_wrapper(self, function)
            self.hits = 0

        def __call__(self) -> str:
            self.hits += 1
            return "cached"

    def work() -> str:
        return "computed"

    guarded: Any = desk.guard.requires(Permission.READ_REPORTS)(Cache(work))
    holder = type("Holder", (), {"work": guarded})
    assert holder().work is guarded
    assert guarded() == "cached"
    assert guarded.hits == 1, "its attributes are those of the cache, as they are now"


def test_a_cache_is_bound_with_the_class_of_its_instance(desk: CacheDesk) -> None:
    class Bindable:
        def __init__(self, function: Any) -> None:
            functools.update_wrapper(self, function)

        def __call__(self) -> object:
            return None

        def __get__(self, instance: object, owner: type | None = None) -> Any:
            return lambda: (instance, owner)

    def work() -> None: ...

    holder = type("Holder", (), {"work": desk.guard.requires(Permission.READ_REPORTS)(Bindable(work))})
    instance: Any = holder()
    assert instance.work() == (instance, holder)
