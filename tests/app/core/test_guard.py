"""The guard: it decides at every call, refuses by default, and records each refusal with its place."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.core.assurance import MULTI_FACTOR, SignInRequirement
from app.core.errors import PermissionDenied, SessionEnded, StepUpRequired, Unauthenticated
from app.core.guard import Caller, Guard
from app.core.permissions import REQUIREMENTS, Permission
from app.core.policy import NO_GRANTS, Decision, GrantPath, Grants, Source
from app.core.principal import ANONYMOUS, AuthMethod, Principal, Subject

PRINCIPAL = Principal(method=AuthMethod.SESSION, subject=Subject("https://issuer.example/", "auth0|1"), name="Ada")
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
READS = Grants(permissions={"read:reports": (GrantPath("viewer", Source.ADMIN),)})


class Desk:
    """A principal source whose answer can be changed between calls, and a list of what was refused."""

    def __init__(self) -> None:
        self.caller = Caller(PRINCIPAL, READS)
        self.refused: list[tuple[str, str | None, str, str]] = []
        self.guard = Guard(lambda: self.caller, self.on_refused)

    def on_refused(self, principal: Principal, permission: str | None, decision: Decision, target: str) -> None:
        self.refused.append((principal.name, permission, str(decision.reason), target))


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_require_returns_the_principal_or_raises_and_records(desk: Desk) -> None:
    assert desk.guard.require(Permission.READ_REPORTS) is PRINCIPAL
    assert desk.refused == []
    with pytest.raises(PermissionDenied) as caught:
        desk.guard.require(Permission.EXPORT_REPORTS, target="/reports")
    assert (caught.value.permission, caught.value.reason) == ("export:reports", "not-granted")
    assert desk.refused == [("Ada", "export:reports", "not-granted", "/reports")]


def test_an_anonymous_call_is_refused_and_recorded(desk: Desk) -> None:
    desk.caller = Caller(ANONYMOUS, NO_GRANTS)
    with pytest.raises(Unauthenticated):
        desk.guard.require(None, target="/")
    assert desk.refused == [("", None, "anonymous", "/")]


def test_a_stale_sign_in_is_refused_with_the_required_step_up(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    exports = Grants(permissions={"export:reports": (GrantPath("analyst", Source.ADMIN),)})
    desk.caller = Caller(replace(PRINCIPAL, authenticated_at=NOW), exports)
    guard = Guard(lambda: desk.caller, desk.on_refused, clock=lambda: NOW + timedelta(seconds=3600))
    assert guard.require(Permission.EXPORT_REPORTS).name == "Ada"
    assert guard.missing(Permission.EXPORT_REPORTS) is None
    late = Guard(lambda: desk.caller, desk.on_refused, clock=lambda: NOW + timedelta(seconds=3601))
    with pytest.raises(StepUpRequired) as caught:
        late.require(Permission.EXPORT_REPORTS, target="/reports")
    assert caught.value.fields() == {"permission": "export:reports", "reason": "stale-login", "max_age": 3600}
    assert desk.refused == [("Ada", "export:reports", "stale-login", "/reports")]
    assert not late.allows(Permission.EXPORT_REPORTS)
    monkeypatch.setitem(REQUIREMENTS, "export:reports", SignInRequirement(acr=MULTI_FACTOR))
    with pytest.raises(StepUpRequired) as caught:
        guard.require(Permission.EXPORT_REPORTS)
    assert (caught.value.max_age_seconds, caught.value.acr) == (None, MULTI_FACTOR)
    desk.caller = Caller(replace(PRINCIPAL, method=AuthMethod.MACHINE), exports)
    with pytest.raises(PermissionDenied) as denied:
        guard.require(Permission.EXPORT_REPORTS)
    assert not isinstance(denied.value, StepUpRequired), "a machine cannot sign in"
    assert denied.value.reason == "stale-login"


def test_missing_neither_raises_nor_records(desk: Desk) -> None:
    assert desk.guard.missing(Permission.READ_REPORTS) is None
    missing = desk.guard.missing(Permission.EXPORT_REPORTS)
    assert isinstance(missing, PermissionDenied)
    assert (missing.permission, missing.reason) == ("export:reports", "not-granted")
    desk.caller = Caller(ANONYMOUS, NO_GRANTS)
    assert isinstance(desk.guard.missing(Permission.READ_REPORTS), Unauthenticated)

    def ended() -> Caller:
        raise SessionEnded

    assert isinstance(Guard(ended, desk.on_refused).missing(Permission.READ_REPORTS), SessionEnded)
    assert desk.refused == []


def test_each_call_decides_again(desk: Desk) -> None:
    ran: list[int] = []

    @desk.guard.requires(Permission.READ_REPORTS)
    def work(number: int) -> int:
        ran.append(number)
        return number * 2

    assert work(21) == 42
    desk.caller = Caller(PRINCIPAL, NO_GRANTS)
    with pytest.raises(PermissionDenied):
        work(22)
    desk.caller = Caller(PRINCIPAL, READS)
    assert work(23) == 46
    assert ran == [21, 23]


def test_a_guarded_function_has_its_permission_and_place(desk: Desk) -> None:
    desk.caller = Caller(PRINCIPAL, NO_GRANTS)

    @desk.guard.requires(Permission.READ_REPORTS)
    def work() -> None:
        """Work."""

    assert work.required_permission is Permission.READ_REPORTS  # type: ignore[attr-defined]
    assert (work.__name__, work.__doc__) == ("work", "Work.")
    with pytest.raises(PermissionDenied):
        work()
    assert desk.refused[0][3].endswith(":test_a_guarded_function_has_its_permission_and_place.<locals>.work")


def test_generators_and_coroutines_are_refused_before_anything_is_made(desk: Desk) -> None:
    desk.caller = Caller(PRINCIPAL, NO_GRANTS)

    @desk.guard.requires(Permission.READ_REPORTS)
    def numbers() -> Iterator[int]:
        yield 1

    @desk.guard.requires(Permission.READ_REPORTS)
    async def later() -> int:
        return 1

    with pytest.raises(PermissionDenied):
        numbers()
    with pytest.raises(PermissionDenied):
        _ = later()
    desk.caller = Caller(PRINCIPAL, READS)
    assert list(numbers()) == [1]
    assert asyncio.run(later()) == 1


def test_methods_work_and_wrong_places_are_refused_at_decoration(desk: Desk) -> None:
    requires = desk.guard.requires(Permission.READ_REPORTS)

    class Shop:
        @requires
        def open(self) -> str:
            return "open"

        @staticmethod
        @requires
        def sign() -> str:
            return "sign"

        @classmethod
        @requires
        def name(cls) -> str:
            return cls.__name__

    assert (Shop().open(), Shop.sign(), Shop.name()) == ("open", "sign", "Shop")
    for wrong in (staticmethod(lambda: None), classmethod(lambda _: None), property(lambda _: None), Shop, 5):
        with pytest.raises(TypeError, match="@requires decorates a function"):
            requires(wrong)  # type: ignore[arg-type]


def test_no_argument_may_name_the_principal(desk: Desk) -> None:
    def work(principal: Any) -> None:
        del principal

    message = "a guarded function cannot have a parameter `principal`: the caller is found, never passed"
    with pytest.raises(TypeError, match=f"^{message}$"):
        desk.guard.requires(Permission.READ_REPORTS)(work)


def test_allows_is_for_display_it_neither_raises_nor_records(desk: Desk) -> None:
    assert desk.guard.allows(Permission.READ_REPORTS)
    assert not desk.guard.allows(Permission.EXPORT_REPORTS)

    def ended() -> Caller:
        raise SessionEnded

    assert not Guard(ended, desk.on_refused).allows(Permission.READ_REPORTS)
    assert desk.refused == []


def test_a_permission_may_be_given_by_its_name(desk: Desk) -> None:
    def work() -> None: ...

    guarded = desk.guard.requires("export:reports")(work)
    assert vars(guarded)["required_permission"] is Permission.EXPORT_REPORTS
    with pytest.raises(PermissionDenied):
        guarded()


def test_a_permission_that_is_not_in_the_catalogue_is_refused_at_decoration(desk: Desk) -> None:
    def work() -> None: ...

    with pytest.raises(TypeError, match="Did you mean read:reports"):
        desk.guard.requires("read:report")(work)


def test_a_permission_without_a_similar_name_has_no_suggestion(desk: Desk) -> None:
    def work() -> None: ...

    with pytest.raises(TypeError) as caught:
        desk.guard.requires("zzz")(work)
    assert str(caught.value) == "@requires names 'zzz', which is not in the catalogue of permissions."


def test_what_cannot_be_guarded_is_reported_completely(desk: Desk) -> None:
    with pytest.raises(TypeError) as caught:
        desk.guard.requires(Permission.READ_REPORTS)(functools.partial(print))
    assert str(caught.value) == (
        "@requires decorates a function or method, or a cache of one; below @staticmethod, @classmethod and @property"
    )


def test_the_place_of_a_page_is_the_name_of_its_file(desk: Desk) -> None:
    desk.caller = Caller(PRINCIPAL, NO_GRANTS)
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec(compile("def work(): ...", "/srv/pages/usage_report.py", "exec"), namespace)  # noqa: S102 - as Streamlit does
    with pytest.raises(PermissionDenied):
        desk.guard.requires(Permission.READ_REPORTS)(namespace["work"])()
    assert desk.refused[0][3] == "pages.usage_report:work"


def test_a_function_that_wraps_another_is_a_function(desk: Desk) -> None:
    def inner(number: int) -> int:
        return number

    @functools.wraps(inner)
    def outer(number: int) -> int:
        return inner(number) + 1

    guarded = desk.guard.requires(Permission.READ_REPORTS)(outer)
    assert inspect.isfunction(guarded)
    assert guarded(1) == 2


def test_a_refusal_without_a_target_is_recorded_without_one(desk: Desk) -> None:
    with pytest.raises(PermissionDenied):
        desk.guard.require(Permission.EXPORT_REPORTS)
    assert desk.refused == [("Ada", "export:reports", "not-granted", "")]
