"""Each rule of the decision, with literal inputs and results."""

from __future__ import annotations

import dataclasses
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.core.assurance import MULTI_FACTOR, SignInRequirement
from app.core.permissions import ADMINISTRATOR, CATALOGUE, REQUIREMENTS, ROLES, Permission
from app.core.policy import NO_GRANTS, Decision, GrantPath, Grants, Reason, Source, decide
from app.core.principal import ANONYMOUS, AuthMethod, Principal, Subject

SUBJECT = Subject("https://issuer.example/", "auth0|1")
ADMINISTRATOR_PATH = (GrantPath(ADMINISTRATOR, Source.ADMIN),)
VIEWER_PATH = (GrantPath("viewer", Source.ADMIN),)
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def principal_of(method: AuthMethod = AuthMethod.SESSION, **more: Any) -> Principal:
    fresh = Principal(method=method, subject=SUBJECT, authenticated_at=NOW)
    return dataclasses.replace(fresh, **more)


def clock() -> datetime:
    return NOW


def own(*scope: str) -> Principal:
    return principal_of(AuthMethod.OWN_TOKEN, scope=frozenset(scope))


def other(*scope: str) -> Principal:
    return principal_of(AuthMethod.OTHER_TOKEN, scope=frozenset(scope))


def machine(*scope: str) -> Principal:
    return principal_of(AuthMethod.MACHINE, scope=frozenset(scope))


READS = Grants(permissions={"read:reports": VIEWER_PATH}, roles={"viewer": VIEWER_PATH})
MESSAGES = Grants(permissions={"read:messages": VIEWER_PATH})
ASSERTED = Grants(token_permissions=frozenset({"read:reports"}))
ADMINISTRATOR_GRANTS = Grants(administrator_paths=ADMINISTRATOR_PATH, roles={ADMINISTRATOR: ADMINISTRATOR_PATH})


@pytest.mark.parametrize(
    ("principal", "permission", "grants", "allowed", "reason"),
    [
        # anonymous and blocked: refused with any grants
        (ANONYMOUS, "read:reports", ADMINISTRATOR_GRANTS, False, Reason.ANONYMOUS),
        (ANONYMOUS, None, ADMINISTRATOR_GRANTS, False, Reason.ANONYMOUS),
        (principal_of(blocked=True), "read:reports", ADMINISTRATOR_GRANTS, False, Reason.BLOCKED),
        (principal_of(blocked=True), None, ADMINISTRATOR_GRANTS, False, Reason.BLOCKED),
        # a session: all local grants
        (principal_of(), None, NO_GRANTS, True, Reason.GRANTED),
        (principal_of(), "read:reports", NO_GRANTS, False, Reason.NOT_GRANTED),
        (principal_of(), "read:reports", READS, True, Reason.GRANTED),
        (principal_of(), "export:reports", READS, False, Reason.NOT_GRANTED),
        (principal_of(), "read:report", READS, False, Reason.NOT_GRANTED),
        (principal_of(), "export:reports", ADMINISTRATOR_GRANTS, True, Reason.GRANTED),
        # a token of the app's own client: the same, and by_scope permissions by its scope
        (own(), "read:reports", READS, True, Reason.GRANTED),
        (own("read:reports"), "read:reports", NO_GRANTS, False, Reason.NOT_GRANTED),
        (own("read:messages"), "read:messages", NO_GRANTS, True, Reason.GRANTED),
        # another client's token: what its permissions claim asserts, and of local grants only what its scope names
        (other(), "read:reports", READS, False, Reason.SCOPE),
        (other(), "read:reports", ADMINISTRATOR_GRANTS, False, Reason.SCOPE),
        (other("read:reports"), "read:reports", READS, True, Reason.GRANTED),
        (other("read:reports"), "read:reports", NO_GRANTS, False, Reason.NOT_GRANTED),
        (other("read:messages"), "read:messages", NO_GRANTS, True, Reason.GRANTED),
        (other(), "read:messages", MESSAGES, False, Reason.SCOPE),
        (other(), "read:reports", ASSERTED, True, Reason.GRANTED),
        (other(), "export:reports", ASSERTED, False, Reason.NOT_GRANTED),
        # a machine: all local grants, any permission of its scope, its permissions claim
        (machine(), "read:reports", NO_GRANTS, False, Reason.NOT_GRANTED),
        (machine(), "read:reports", READS, True, Reason.GRANTED),
        (machine("read:reports"), "read:reports", NO_GRANTS, True, Reason.GRANTED),
        (machine(), "read:reports", ASSERTED, True, Reason.GRANTED),
        # what a token asserts does not count for a session
        (principal_of(), "read:reports", ASSERTED, False, Reason.NOT_GRANTED),
    ],
)  # fmt: skip
def test_each_rule(principal: Principal, permission: str | None, grants: Grants, allowed: bool, reason: Reason) -> None:
    decision = decide(principal, permission, grants, clock=clock)
    assert (decision.allowed, decision.reason) == (allowed, reason)
    assert decision.allowed_after_step_up is allowed


def signed_in(**ago: float) -> dict[str, Any]:
    return {"authenticated_at": NOW - timedelta(**ago)}


OTHER_EXPORT = Grants(token_permissions=frozenset({"export:reports"}))
HOUR, FACTOR = SignInRequirement(max_age_seconds=3600), SignInRequirement(acr=MULTI_FACTOR)
BOTH = SignInRequirement(max_age_seconds=60, acr=MULTI_FACTOR)
MFA = frozenset({"mfa", "pwd"})


@pytest.mark.parametrize(
    ("requirement", "principal", "allowed"),
    [
        # an age: up to and with the last second; an unknown time counts as too old
        (HOUR, principal_of(**signed_in()), True),
        (HOUR, principal_of(**signed_in(seconds=3600)), True),
        (HOUR, principal_of(**signed_in(seconds=3601)), False),
        (HOUR, principal_of(**signed_in(days=3)), False),
        (HOUR, principal_of(authenticated_at=None), False),
        (HOUR, principal_of(**signed_in(seconds=-5)), True),
        (SignInRequirement(max_age_seconds=0), principal_of(**signed_in(seconds=1)), False),
        # a class: by its name, or by the equivalent method
        (FACTOR, principal_of(), False),
        (FACTOR, principal_of(acr=MULTI_FACTOR), True),
        (FACTOR, principal_of(amr=MFA), True),
        (FACTOR, principal_of(amr=frozenset({"pwd", "otp"})), False),
        (FACTOR, principal_of(acr=MULTI_FACTOR.upper()), False),
        (FACTOR, principal_of(acr=MULTI_FACTOR, authenticated_at=None), True),
        (SignInRequirement(acr="urn:gold"), principal_of(acr="urn:silver", amr=MFA), False),
        (SignInRequirement(acr="urn:gold"), principal_of(acr="urn:gold"), True),
        # both
        (BOTH, principal_of(amr=MFA, **signed_in(seconds=60)), True),
        (BOTH, principal_of(amr=MFA, **signed_in(seconds=61)), False),
        (BOTH, principal_of(**signed_in(seconds=1)), False),
        # tokens: an own token has its session's time and factors, another client's token has them as claims
        (HOUR, principal_of(AuthMethod.OWN_TOKEN, **signed_in(hours=2)), False),
        (HOUR, principal_of(AuthMethod.OTHER_TOKEN, scope=frozenset({"export:reports"}), authenticated_at=None), False),
        (HOUR, principal_of(AuthMethod.OTHER_TOKEN, scope=frozenset({"export:reports"})), True),
        # no requirement
        (SignInRequirement(), principal_of(authenticated_at=None), True),
    ],
)
def test_a_permission_can_require_a_recent_or_stronger_sign_in(
    monkeypatch: pytest.MonkeyPatch, requirement: SignInRequirement, principal: Principal, allowed: bool
) -> None:
    monkeypatch.setitem(REQUIREMENTS, "export:reports", requirement)
    decision = decide(principal, "export:reports", ADMINISTRATOR_GRANTS, clock=clock)
    if allowed:
        assert decision == Decision(True, Reason.GRANTED, ADMINISTRATOR_PATH[0])
    else:
        assert decision == Decision(False, Reason.STEP_UP_REQUIRED, ADMINISTRATOR_PATH[0], requirement)
        assert decision.allowed_after_step_up


def test_a_token_of_another_client_needs_the_same_sign_in() -> None:
    assert decide(other(), "export:reports", OTHER_EXPORT, clock=clock).allowed
    stale = principal_of(AuthMethod.OTHER_TOKEN, **signed_in(hours=2))
    assert decide(stale, "export:reports", OTHER_EXPORT, clock=clock).reason is Reason.STEP_UP_REQUIRED


@pytest.mark.parametrize("grants", [ADMINISTRATOR_GRANTS, OTHER_EXPORT])
def test_a_machine_never_steps_up(grants: Grants) -> None:
    fresh = principal_of(AuthMethod.MACHINE, acr=MULTI_FACTOR, amr=MFA, scope=frozenset({"export:reports"}))
    decision = decide(fresh, "export:reports", grants, clock=clock)
    assert decision == Decision(False, Reason.STEP_UP_REQUIRED)
    assert not decision.allowed_after_step_up


@pytest.mark.parametrize(
    ("principal", "grants", "reason"),
    [
        (ANONYMOUS, ADMINISTRATOR_GRANTS, Reason.ANONYMOUS),
        (principal_of(blocked=True, authenticated_at=None), ADMINISTRATOR_GRANTS, Reason.BLOCKED),
        (principal_of(authenticated_at=None), READS, Reason.NOT_GRANTED),
        (principal_of(AuthMethod.OTHER_TOKEN, authenticated_at=None), ADMINISTRATOR_GRANTS, Reason.SCOPE),
    ],
)
def test_step_up_is_requested_only_where_it_would_be_allowed_afterwards(
    principal: Principal, grants: Grants, reason: Reason
) -> None:
    decision = decide(principal, "export:reports", grants, clock=clock)
    assert decision == Decision(False, reason)
    assert not decision.allowed_after_step_up


def test_the_clock_is_read_only_for_a_requirement_of_age() -> None:
    def never() -> datetime:
        raise AssertionError

    for permission in (None, "read:reports", "explore:api"):
        assert decide(principal_of(), permission, ADMINISTRATOR_GRANTS, clock=never).allowed
    assert not decide(principal_of(), "export:reports", READS, clock=never).allowed
    with pytest.raises(AssertionError):
        decide(principal_of(), "export:reports", ADMINISTRATOR_GRANTS, clock=never)


def test_the_age_of_the_sign_in_is_never_cached() -> None:
    """``Grants`` caches whether a permission is granted, never whether the sign-in was fresh."""
    later = principal_of(**signed_in(hours=2))
    for _ in range(2):
        assert decide(principal_of(), "export:reports", ADMINISTRATOR_GRANTS, clock=clock).allowed
        assert not decide(later, Permission.EXPORT_REPORTS, ADMINISTRATOR_GRANTS, clock=clock).allowed
        assert decide(principal_of(), Permission.EXPORT_REPORTS, ADMINISTRATOR_GRANTS, clock=clock).allowed


def test_an_allowed_decision_names_the_grant() -> None:
    assert decide(principal_of(), "read:reports", READS) == Decision(True, Reason.GRANTED, VIEWER_PATH[0])
    assert decide(principal_of(), "read:reports", ADMINISTRATOR_GRANTS).granted_by == ADMINISTRATOR_PATH[0]
    assert decide(principal_of(), "export:reports", READS).granted_by is None


def test_an_administrator_has_permissions_of_no_role() -> None:
    with_factor = replace(principal_of(), amr=frozenset({"mfa"}))
    for permission in CATALOGUE.values():
        assert decide(with_factor, permission, ADMINISTRATOR_GRANTS, clock=clock).allowed, permission


def test_grant_paths_begin_with_those_of_the_administrator() -> None:
    both = Grants(administrator_paths=ADMINISTRATOR_PATH, permissions={"read:reports": VIEWER_PATH})
    assert both.grant_paths("read:reports") == ADMINISTRATOR_PATH + VIEWER_PATH
    assert both.grant_paths("export:reports") == ADMINISTRATOR_PATH
    assert READS.grant_paths("export:reports") == ()


def test_the_catalogue_and_the_built_in_roles_literally() -> None:
    catalogue = {
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
    assert {permission.value: permission.by_scope for permission in CATALOGUE.values()} == catalogue
    assert (
        {permission.value: permission.step_up for permission in CATALOGUE.values() if permission.step_up is not None}
        == REQUIREMENTS
        == {
            "export:reports": SignInRequirement(max_age_seconds=3600),
            "erase:people": SignInRequirement(max_age_seconds=900, acr=MULTI_FACTOR),
            "export:audit": SignInRequirement(max_age_seconds=3600),
        }
    )
    assert {role: sorted(permissions) for role, (_, permissions) in ROLES.items()} == {
        "administrator": sorted(catalogue),
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


@pytest.mark.parametrize("grants", [ADMINISTRATOR_GRANTS, READS, NO_GRANTS], ids=["administrator", "viewer", "none"])
@pytest.mark.parametrize("method", AuthMethod)
def test_precomputed_decisions_equal_computed_ones(grants: Grants, method: AuthMethod) -> None:
    principal = principal_of(method=method, scope=frozenset({"read:reports"}))
    cached = grants.with_decisions()
    for permission in [*CATALOGUE.values(), "fly:away", None]:
        assert decide(principal, permission, cached) == decide(principal, permission, grants)
    assert cached == grants
    if principal.method is AuthMethod.SESSION and grants is READS:
        assert decide(principal, "read:reports", cached) is cached.decisions["read:reports"], "made once"
    assert not replace(cached, permissions={}, administrator_paths=()).decisions
