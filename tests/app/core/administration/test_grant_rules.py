"""Who may grant and revoke: administrators, the operator of the command line, and other clients."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.core import administration
from app.core.audit import SYSTEM, subject_name
from app.core.errors import (
    Conflict,
    ExceedsOwnPermissions,
    InvalidInput,
    NotFound,
    PermissionDenied,
    SelfGrant,
    StepUpRequired,
)
from app.core.permissions import ADMINISTRATOR, CATALOGUE, ROLES
from app.core.policy import Source
from app.core.principal import AuthMethod
from app.core.records import NewGrant, TokenRights
from tests.app.core.administration.support import (
    ADA,
    BOB,
    CARLA,
    DAN,
    HOUR,
    OPERATOR,
    Installation,
    acting,
    refused,
)


def test_a_grant_is_one_row_one_event_and_a_new_version(here: Installation) -> None:
    version = here.database.read.policy_version()
    assert here.grant(acting(ADA), CARLA, "analyst", version=here.version(CARLA), reason="  joins the team ") is True
    assert here.roles_of(CARLA) == {"analyst"}
    assert here.database.read.policy_version() == version + 1
    assert here.events() == [("policy:grant:add", subject_name(ADA), subject_name(CARLA), "joins the team")]
    assert here.grant(acting(ADA), CARLA, "analyst") is False
    assert here.database.read.policy_version() == version + 1
    assert len(here.events()) == 1
    refused(here, Conflict, here.grant, acting(ADA), CARLA, "analyst", expires_at=here.now + HOUR)


def test_the_operator_grants_as_policy(here: Installation) -> None:
    here.grant(OPERATOR, CARLA, None, permission="erase:people", expires_at=here.now + HOUR)
    (path,) = here.database.read.grants(CARLA, here.now).permissions["erase:people"]
    assert (path.source, path.author, path.expires_at) == (Source.INSTALLATION, "operator:tester", here.now + HOUR)


def test_granting_needs_the_granted_permissions(here: Installation) -> None:
    assert here.grant(acting(BOB), CARLA, "viewer")
    error = refused(here, ExceedsOwnPermissions, here.grant, acting(BOB), CARLA, "analyst")
    assert error.fields() == {"permissions": sorted(ROLES["analyst"][1] - ROLES["viewer"][1])}
    refused(here, ExceedsOwnPermissions, here.grant, acting(BOB), CARLA, None, permission="read:people")
    refused(here, ExceedsOwnPermissions, here.grant, acting(BOB), CARLA, ADMINISTRATOR)
    here.store_grants(BOB, "analyst", expires_at=here.now - HOUR)
    refused(here, ExceedsOwnPermissions, here.grant, acting(BOB), CARLA, "analyst")


def test_having_every_permission_is_not_being_an_administrator(here: Installation) -> None:
    here.store_grants(BOB, permissions=tuple(permission.value for permission in CATALOGUE.values()))
    assert here.grant(acting(BOB), CARLA, "analyst")
    refused(here, ExceedsOwnPermissions, here.grant, acting(BOB), CARLA, ADMINISTRATOR)
    assert here.grant(acting(ADA), CARLA, ADMINISTRATOR)


def test_only_permissions_that_the_client_may_use_count(here: Installation) -> None:
    narrowed = acting(ADA, AuthMethod.OTHER_TOKEN, scope=ROLES["viewer"][1] | {"manage:grants"})
    assert here.grant(narrowed, CARLA, "viewer")
    refused(here, ExceedsOwnPermissions, here.grant, narrowed, CARLA, "analyst")
    refused(here, ExceedsOwnPermissions, here.grant, narrowed, CARLA, ADMINISTRATOR)
    asserting = acting(DAN, AuthMethod.MACHINE, token_permissions=ROLES["developer"][1] | {"manage:grants"})
    assert here.grant(asserting, CARLA, "developer")
    refused(here, ExceedsOwnPermissions, here.grant, asserting, CARLA, "viewer")
    here.store_grants(DAN, "analyst")  # exporting asks for a fresh sign-in, which a machine cannot give
    refused(here, ExceedsOwnPermissions, here.grant, asserting, CARLA, "analyst")


def test_a_permission_that_needs_a_fresh_sign_in_counts_for_granting(here: Installation) -> None:
    actor = acting(ADA)
    assert actor.principal is not None
    stale = replace(actor, principal=replace(actor.principal, authenticated_at=None, amr=frozenset()))
    assert here.grant(stale, CARLA, "analyst")
    assert here.grant(stale, CARLA, ADMINISTRATOR)
    refused(here, StepUpRequired, here.erase, stale, DAN)


@pytest.mark.parametrize("role", ["viewer", "analyst", ADMINISTRATOR])
def test_self_grants_are_refused(here: Installation, role: str) -> None:
    refused(here, SelfGrant, here.grant, acting(ADA), ADA, role)
    refused(here, SelfGrant, here.grant, acting(BOB), BOB, None, permission="read:reports")


def test_a_grant_needs_exactly_one_known_role_or_permission_and_a_future_end(here: Installation) -> None:
    for arguments in (
        {"role": None},
        {"role": "viewer", "permission": "read:reports"},
        {"role": "no such role"},
        {"role": "Viewer"},
        {"role": "\ud800"},
        {"role": None, "permission": "no:such"},
        {"role": "viewer", "expires_at": here.now},
    ):
        refused(here, InvalidInput, here.grant, acting(ADA), CARLA, **arguments)
    here.id(CARLA)
    with pytest.raises(NotFound):
        here.act(
            administration.grant, acting(ADA), person=10**9, role="viewer", permission=None, expires_at=None,
            reason="x", version=None,
        )  # fmt: skip


def test_a_grant_is_revoked_once(here: Installation) -> None:
    here.store_grants(CARLA, "viewer")
    card = here.database.administration.person_card(here.id(CARLA), here.now)
    assert card is not None
    gone = here.revoke(acting(ADA), CARLA, "viewer", version=card.version)
    assert gone == card.grants[0]
    assert here.roles_of(CARLA) == set()
    arguments = {"person": card.row.id, "grant": gone.id, "reason": "x", "version": None, "default_role": None}
    refused(here, NotFound, here.act, administration.revoke, acting(ADA), **arguments)


def test_a_withheld_permission_counts_for_no_change_whatever_a_token_claims(here: Installation) -> None:
    claims = frozenset({"manage:grants", "read:reports"})
    rights = TokenRights(here.now, permissions=claims)
    here.unit(lambda unit: unit.sync_token_rights(DAN, rights, implicit_role_mapping=False, now=here.now))
    token = acting(DAN, AuthMethod.OTHER_TOKEN, token_permissions=claims)
    here.grant(token, CARLA, role=None, permission="read:reports")
    card = here.database.administration.person_card(here.id(DAN), here.now)
    assert card is not None
    number = next(grant.id for grant in card.grants if grant.permission == "manage:grants")
    here.act(
        administration.revoke, acting(ADA), person=card.row.id, grant=number, reason="x", version=None,
        default_role=None,
    )  # fmt: skip
    refused(here, PermissionDenied, here.grant, token, BOB, role=None, permission="read:reports")


def test_what_is_not_withheld_cannot_be_released(here: Installation) -> None:
    arguments = {"withheld": 99, "reason": "over", "version": None, "default_role": None}
    error = refused(here, NotFound, here.act, administration.release, acting(ADA), person=here.id(CARLA), **arguments)
    assert error.detail == "This is not withheld any more."


def test_revoking_several_grants_counts_those_that_the_first_removes(here: Installation) -> None:
    """An automatic grant that is revoked withholds the others of its role, so they no longer exist then."""
    here.store_grants(CARLA, "analyst", source=Source.TOKEN)
    default = NewGrant(CARLA, Source.INSTALLATION, SYSTEM, "analyst")
    here.unit(lambda unit: unit.add_grant(default, here.now))
    here.store_grants(CARLA, "analyst")
    card = here.database.administration.person_card(here.id(CARLA), here.now)
    assert card is not None
    arguments = {"grants": card.grants, "person": card.row.id, "reason": "over", "default_role": None}
    assert here.act(administration.revoke_all, acting(ADA), **arguments) == 3
    assert here.roles_of(CARLA) == set()
    assert [event[0] for event in here.events()] == ["policy:grant:revoke"] * 2
