"""The decision, rule by rule, asserted literally."""

from __future__ import annotations

import dataclasses

import pytest

from app.core.permissions import ADMINISTRATOR, ROLES, Permission
from app.core.policy import NO_GRANTS, Decision, Grants, Held, Reason, Source, decide
from app.core.principal import ANONYMOUS, AuthMethod, Principal, Subject

SUBJECT = Subject("https://issuer.example/", "auth0|1")
ADMIN_WAY = (Held(ADMINISTRATOR, Source.ADMIN),)
VIEWER_WAY = (Held("viewer", Source.ADMIN),)


def someone(method: AuthMethod = AuthMethod.SESSION, **more: object) -> Principal:
    return dataclasses.replace(Principal(method=method, subject=SUBJECT), **more)  # type: ignore[arg-type]


def own(*scope: str) -> Principal:
    return someone(AuthMethod.OWN_TOKEN, scope=frozenset(scope))


def other(*scope: str) -> Principal:
    return someone(AuthMethod.OTHER_TOKEN, scope=frozenset(scope))


def machine(*scope: str) -> Principal:
    return someone(AuthMethod.MACHINE, scope=frozenset(scope))


READS = Grants(permissions={"read:reports": VIEWER_WAY}, roles={"viewer": VIEWER_WAY})
MESSAGES = Grants(permissions={"read:messages": VIEWER_WAY})
ASSERTED = Grants(asserted=frozenset({"read:reports"}))
EVERYTHING = Grants(everything=ADMIN_WAY, roles={ADMINISTRATOR: ADMIN_WAY})


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
    decision = decide(principal, permission, grants)
    assert (decision.allowed, decision.reason) == (allowed, reason)


def test_an_allowed_decision_names_the_grant() -> None:
    assert decide(someone(), "read:reports", READS) == Decision(True, Reason.GRANTED, VIEWER_WAY[0])
    assert decide(someone(), "read:reports", EVERYTHING).held == ADMIN_WAY[0]
    assert decide(someone(), "export:reports", READS).held is None


def test_the_administrator_holds_permissions_nobody_listed() -> None:
    for permission in Permission:
        assert decide(someone(), permission, EVERYTHING).allowed, permission


def test_ways_lists_all_of_them_the_administrators_first() -> None:
    both = Grants(everything=ADMIN_WAY, permissions={"read:reports": VIEWER_WAY})
    assert both.ways("read:reports") == ADMIN_WAY + VIEWER_WAY
    assert both.ways("export:reports") == ADMIN_WAY
    assert READS.ways("export:reports") == ()


def test_the_catalogue_and_the_built_in_roles_literally() -> None:
    assert {permission.value: permission.by_scope for permission in Permission} == {
        "read:reports": False,
        "export:reports": False,
        "explore:files": False,
        "explore:api": False,
        "read:messages": True,
    }
    assert {role: sorted(permissions) for role, (_, permissions) in ROLES.items()} == {
        "administrator": ["explore:api", "explore:files", "export:reports", "read:messages", "read:reports"],
        "analyst": ["explore:files", "export:reports", "read:reports"],
        "viewer": ["read:reports"],
        "developer": ["explore:api", "read:messages"],
    }


def test_every_permission_has_a_sentence_for_people() -> None:
    for permission in Permission:
        assert permission.sentence.endswith("."), permission
        assert permission.sentence[0].isupper(), permission
