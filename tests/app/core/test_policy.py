"""The decision, rule by rule, asserted literally."""

from __future__ import annotations

import dataclasses
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.core.assurance import MULTI_FACTOR, Requirement
from app.core.permissions import ADMINISTRATOR, CATALOGUE, REQUIREMENTS, ROLES, Permission
from app.core.policy import NO_GRANTS, Decision, GrantPath, Grants, Reason, Source, decide
from app.core.principal import ANONYMOUS, AuthMethod, Principal, Subject

SUBJECT = Subject("https://issuer.example/", "auth0|1")
ADMINISTRATOR_PATH = (GrantPath(ADMINISTRATOR, Source.ADMIN),)
VIEWER_PATH = (GrantPath("viewer", Source.ADMIN),)
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def someone(method: AuthMethod = AuthMethod.SESSION, **more: Any) -> Principal:
    fresh = Principal(method=method, subject=SUBJECT, authenticated_at=NOW)
    return dataclasses.replace(fresh, **more)


def clock() -> datetime:
    return NOW


def own(*scope: str) -> Principal:
    return someone(AuthMethod.OWN_TOKEN, scope=frozenset(scope))


def other(*scope: str) -> Principal:
    return someone(AuthMethod.OTHER_TOKEN, scope=frozenset(scope))


def machine(*scope: str) -> Principal:
    return someone(AuthMethod.MACHINE, scope=frozenset(scope))


READS = Grants(permissions={"read:reports": VIEWER_PATH}, roles={"viewer": VIEWER_PATH})
MESSAGES = Grants(permissions={"read:messages": VIEWER_PATH})
ASSERTED = Grants(asserted=frozenset({"read:reports"}))
EVERYTHING = Grants(administrator_paths=ADMINISTRATOR_PATH, roles={ADMINISTRATOR: ADMINISTRATOR_PATH})


@pytest.mark.parametrize(
    ("principal", "permission", "grants", "allowed", "reason"),
    [
        # nobody, and blocked: whatever is held
        (ANONYMOUS, "read:reports", EVERYTHING, False, Reason.ANONYMOUS),
        (ANONYMOUS, None, EVERYTHING, False, Reason.ANONYMOUS),
        (someone(blocked=True), "read:reports", EVERYTHING, False, Reason.BLOCKED),
        (someone(blocked=True), None, EVERYTHING, False, Reason.BLOCKED),
        # a session: local grants, fully
        (someone(), None, NO_GRANTS, True, Reason.GRANTED),
        (someone(), "read:reports", NO_GRANTS, False, Reason.NOT_GRANTED),
        (someone(), "read:reports", READS, True, Reason.GRANTED),
        (someone(), "export:reports", READS, False, Reason.NOT_GRANTED),
        (someone(), "read:report", READS, False, Reason.NOT_GRANTED),
        (someone(), "export:reports", EVERYTHING, True, Reason.GRANTED),
        # our own client's token: the same, and by_scope permissions by scope
        (own(), "read:reports", READS, True, Reason.GRANTED),
        (own("read:reports"), "read:reports", NO_GRANTS, False, Reason.NOT_GRANTED),
        (own("read:messages"), "read:messages", NO_GRANTS, True, Reason.GRANTED),
        # another client's token: what its permissions claim asserts, and of local grants only what its scope names
        (other(), "read:reports", READS, False, Reason.SCOPE),
        (other(), "read:reports", EVERYTHING, False, Reason.SCOPE),
        (other("read:reports"), "read:reports", READS, True, Reason.GRANTED),
        (other("read:reports"), "read:reports", NO_GRANTS, False, Reason.NOT_GRANTED),
        (other("read:messages"), "read:messages", NO_GRANTS, True, Reason.GRANTED),
        (other(), "read:messages", MESSAGES, False, Reason.SCOPE),
        (other(), "read:reports", ASSERTED, True, Reason.GRANTED),
        (other(), "export:reports", ASSERTED, False, Reason.NOT_GRANTED),
        # a machine: local grants fully, its scope for anything, its permissions claim
        (machine(), "read:reports", NO_GRANTS, False, Reason.NOT_GRANTED),
        (machine(), "read:reports", READS, True, Reason.GRANTED),
        (machine("read:reports"), "read:reports", NO_GRANTS, True, Reason.GRANTED),
        (machine(), "read:reports", ASSERTED, True, Reason.GRANTED),
        # a session never gains by what a token asserts
        (someone(), "read:reports", ASSERTED, False, Reason.NOT_GRANTED),
    ],
)  # fmt: skip
def test_each_rule(principal: Principal, permission: str | None, grants: Grants, allowed: bool, reason: Reason) -> None:
    decision = decide(principal, permission, grants, clock=clock)
    assert (decision.allowed, decision.reason) == (allowed, reason)
    assert decision.allowed_after_step_up is allowed


def signed_in(**ago: float) -> dict[str, Any]:
    return {"authenticated_at": NOW - timedelta(**ago)}


OTHER_EXPORT = Grants(asserted=frozenset({"export:reports"}))
HOUR, FACTOR = Requirement(max_age_seconds=3600), Requirement(acr=MULTI_FACTOR)
BOTH = Requirement(max_age_seconds=60, acr=MULTI_FACTOR)
MFA = frozenset({"mfa", "pwd"})


@pytest.mark.parametrize(
    ("asked", "principal", "allowed"),
    [
        # an age: up to and with the last second; what is not known counts as long ago
        (HOUR, someone(**signed_in()), True),
        (HOUR, someone(**signed_in(seconds=3600)), True),
        (HOUR, someone(**signed_in(seconds=3601)), False),
        (HOUR, someone(**signed_in(days=3)), False),
        (HOUR, someone(authenticated_at=None), False),
        (HOUR, someone(**signed_in(seconds=-5)), True),
        (Requirement(max_age_seconds=0), someone(**signed_in(seconds=1)), False),
        # a class: by its name, or by the method that says the same
        (FACTOR, someone(), False),
        (FACTOR, someone(acr=MULTI_FACTOR), True),
        (FACTOR, someone(amr=MFA), True),
        (FACTOR, someone(amr=frozenset({"pwd", "otp"})), False),
        (FACTOR, someone(acr=MULTI_FACTOR.upper()), False),
        (FACTOR, someone(acr=MULTI_FACTOR, authenticated_at=None), True),
        (Requirement(acr="urn:gold"), someone(acr="urn:silver", amr=MFA), False),
        (Requirement(acr="urn:gold"), someone(acr="urn:gold"), True),
        # both
        (BOTH, someone(amr=MFA, **signed_in(seconds=60)), True),
        (BOTH, someone(amr=MFA, **signed_in(seconds=61)), False),
        (BOTH, someone(**signed_in(seconds=1)), False),
        # tokens: our own has its session's time and factors, another client's says them itself
        (HOUR, someone(AuthMethod.OWN_TOKEN, **signed_in(hours=2)), False),
        (HOUR, someone(AuthMethod.OTHER_TOKEN, scope=frozenset({"export:reports"}), authenticated_at=None), False),
        (HOUR, someone(AuthMethod.OTHER_TOKEN, scope=frozenset({"export:reports"})), True),
        # nothing asked
        (Requirement(), someone(authenticated_at=None), True),
    ],
)
def test_what_a_permission_asks_of_the_sign_in(
    monkeypatch: pytest.MonkeyPatch, asked: Requirement, principal: Principal, allowed: bool
) -> None:
    monkeypatch.setitem(REQUIREMENTS, "export:reports", asked)
    decision = decide(principal, "export:reports", EVERYTHING, clock=clock)
    if allowed:
        assert decision == Decision(True, Reason.GRANTED, ADMINISTRATOR_PATH[0])
    else:
        assert decision == Decision(False, Reason.STALE_LOGIN, ADMINISTRATOR_PATH[0], asked)
        assert decision.allowed_after_step_up


def test_another_clients_token_that_asserts_a_permission_is_asked_the_same() -> None:
    assert decide(other(), "export:reports", OTHER_EXPORT, clock=clock).allowed
    stale = someone(AuthMethod.OTHER_TOKEN, **signed_in(hours=2))
    assert decide(stale, "export:reports", OTHER_EXPORT, clock=clock).reason is Reason.STALE_LOGIN


@pytest.mark.parametrize("grants", [EVERYTHING, OTHER_EXPORT])
def test_a_machine_never_steps_up(grants: Grants) -> None:
    fresh = someone(AuthMethod.MACHINE, acr=MULTI_FACTOR, amr=MFA, scope=frozenset({"export:reports"}))
    decision = decide(fresh, "export:reports", grants, clock=clock)
    assert decision == Decision(False, Reason.STALE_LOGIN)
    assert not decision.allowed_after_step_up


@pytest.mark.parametrize(
    ("principal", "grants", "reason"),
    [
        (ANONYMOUS, EVERYTHING, Reason.ANONYMOUS),
        (someone(blocked=True, authenticated_at=None), EVERYTHING, Reason.BLOCKED),
        (someone(authenticated_at=None), READS, Reason.NOT_GRANTED),
        (someone(AuthMethod.OTHER_TOKEN, authenticated_at=None), EVERYTHING, Reason.SCOPE),
    ],
)
def test_nobody_is_asked_for_a_sign_in_to_be_refused_after_it(
    principal: Principal, grants: Grants, reason: Reason
) -> None:
    decision = decide(principal, "export:reports", grants, clock=clock)
    assert decision == Decision(False, reason)
    assert not decision.allowed_after_step_up


def test_the_clock_is_read_only_where_a_permission_asks_for_an_age() -> None:
    def never() -> datetime:
        raise AssertionError

    for permission in (None, "read:reports", "explore:api"):
        assert decide(someone(), permission, EVERYTHING, clock=never).allowed
    assert not decide(someone(), "export:reports", READS, clock=never).allowed
    with pytest.raises(AssertionError):
        decide(someone(), "export:reports", EVERYTHING, clock=never)


def test_a_decision_is_not_remembered_beyond_its_moment() -> None:
    """What ``Grants`` remembers of a permission is who holds it, never that the sign-in was fresh, or was not."""
    later = someone(**signed_in(hours=2))
    for _ in range(2):
        assert decide(someone(), "export:reports", EVERYTHING, clock=clock).allowed
        assert not decide(later, Permission.EXPORT_REPORTS, EVERYTHING, clock=clock).allowed
        assert decide(someone(), Permission.EXPORT_REPORTS, EVERYTHING, clock=clock).allowed


def test_an_allowed_decision_names_the_grant() -> None:
    assert decide(someone(), "read:reports", READS) == Decision(True, Reason.GRANTED, VIEWER_PATH[0])
    assert decide(someone(), "read:reports", EVERYTHING).granted_by == ADMINISTRATOR_PATH[0]
    assert decide(someone(), "export:reports", READS).granted_by is None


def test_the_administrator_holds_permissions_nobody_listed() -> None:
    strongly = replace(someone(), amr=frozenset({"mfa"}))
    for permission in CATALOGUE.values():
        assert decide(strongly, permission, EVERYTHING, clock=clock).allowed, permission


def test_ways_lists_all_of_them_the_administrators_first() -> None:
    both = Grants(administrator_paths=ADMINISTRATOR_PATH, permissions={"read:reports": VIEWER_PATH})
    assert both.grant_paths("read:reports") == ADMINISTRATOR_PATH + VIEWER_PATH
    assert both.grant_paths("export:reports") == ADMINISTRATOR_PATH
    assert READS.grant_paths("export:reports") == ()


def test_the_catalogue_and_the_built_in_roles_literally() -> None:
    assert {permission.value: permission.by_scope for permission in CATALOGUE.values()} == {
        "read:reports": False,
        "export:reports": False,
        "explore:files": False,
        "explore:api": False,
        "read:messages": True,
        "read:people": False,
        "block:people": False,
        "erase:people": False,
        "manage:grants": False,
        "read:roles": False,
        "manage:roles": False,
        "read:mappings": False,
        "manage:mappings": False,
        "read:sessions": False,
        "end:sessions": False,
        "read:audit": False,
        "export:audit": False,
        "read:statistics": False,
        "read:guards": False,
    }
    assert (
        {permission.value: permission.step_up for permission in CATALOGUE.values() if permission.step_up is not None}
        == REQUIREMENTS
        == {
            "export:reports": Requirement(max_age_seconds=3600),
            "erase:people": Requirement(max_age_seconds=900, acr=MULTI_FACTOR),
            "export:audit": Requirement(max_age_seconds=3600),
        }
    )
    assert {role: sorted(permissions) for role, (_, permissions) in ROLES.items()} == {
        "administrator": [
            *("block:people", "end:sessions", "erase:people", "explore:api", "explore:files", "export:audit"),
            *("export:reports", "manage:grants", "manage:mappings", "manage:roles", "read:audit", "read:guards"),
            *("read:mappings", "read:messages", "read:people", "read:reports", "read:roles", "read:sessions"),
            "read:statistics",
        ],
        "analyst": ["explore:files", "export:reports", "read:reports"],
        "viewer": ["read:reports"],
        "auditor": [
            *("export:audit", "read:audit", "read:guards", "read:mappings", "read:people", "read:reports"),
            *("read:roles", "read:sessions", "read:statistics"),
        ],
        "developer": ["explore:api", "read:messages"],
    }


def test_every_permission_has_a_sentence_for_people() -> None:
    for permission in CATALOGUE.values():
        assert permission.sentence.endswith("."), permission
        assert permission.sentence[0].isupper(), permission


@pytest.mark.parametrize("grants", [EVERYTHING, READS, NO_GRANTS], ids=["administrator", "viewer", "none"])
@pytest.mark.parametrize("method", AuthMethod)
def test_decisions_made_in_advance_change_no_decision(grants: Grants, method: AuthMethod) -> None:
    principal = someone(method=method, scope=frozenset({"read:reports"}))
    cached = grants.with_decisions()
    for permission in [*CATALOGUE.values(), "fly:away", None]:
        assert decide(principal, permission, cached) == decide(principal, permission, grants)
    assert cached == grants
    assert not replace(cached, permissions={}, administrator_paths=()).decisions
