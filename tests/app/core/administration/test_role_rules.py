"""Changes of roles and of mappings of token roles."""

from __future__ import annotations

import pytest

from app.core import administration
from app.core.audit import subject_name
from app.core.errors import (
    BuiltInRole,
    ExceedsOwnPermissions,
    InvalidInput,
    NameTaken,
    NotFound,
    RoleInUse,
    SelfGrant,
)
from app.core.permissions import ADMINISTRATOR, ROLES
from app.core.policy import Source
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
    sync_token_roles,
)


def test_a_new_role_has_only_permissions_of_its_creator(here: Installation) -> None:
    made = here.create(acting(BOB), "  Team Red ", "read:reports", description=" Reads. ")
    card = here.database.administration.role_card(made, here.now)
    assert card is not None
    assert (card.row.name, card.row.description, card.permissions) == (
        "Team Red",
        "Reads.",
        frozenset({"read:reports"}),
    )
    refused(here, ExceedsOwnPermissions, here.create, acting(BOB), "Team Blue", "read:reports", "read:people")
    assert here.events()[0] == ("policy:role:create", subject_name(BOB), "Team Red", "new team")


@pytest.mark.parametrize(
    "name", ["team red", "TEAM  RED", "Te\u0430m Red", "Team-Red", "Tearn Red", "Viewer", "v1ewer", "Administrat0r"]
)
def test_role_names_that_look_the_same_are_refused(here: Installation, name: str) -> None:
    here.create(acting(ADA), "Team Red")
    refused(here, NameTaken, here.create, acting(ADA), name)
    here.create(acting(ADA), "Other")
    refused(here, NameTaken, here.update, acting(ADA), "Other", new_name=name)


@pytest.mark.parametrize("name", ["", "  ", "---", "a\nb", "a\x00b", "a\u202eb", "\ud800a", "x" * 101])
def test_invalid_role_names_are_refused(here: Installation, name: str) -> None:
    refused(here, InvalidInput, here.create, acting(ADA), name)


def test_unknown_permissions_and_long_descriptions_are_refused(here: Installation) -> None:
    refused(here, InvalidInput, here.create, acting(ADA), "x", "no:such")
    refused(here, InvalidInput, here.create, acting(ADA), "x", "no:such", "nor:this")
    refused(here, InvalidInput, here.create, acting(ADA), "x", description="x" * 501)


def test_editing_a_role_needs_the_added_permissions(here: Installation) -> None:
    here.create(acting(ADA), "team", "read:people")
    here.store_grants(CARLA, "team")
    refused(here, ExceedsOwnPermissions, here.update, acting(BOB), "team", "read:people", "read:roles")
    here.update(acting(BOB), "team", "read:people", "read:reports")  # what was in it before need not be held
    assert set(here.database.read.grants(CARLA, here.now).permissions) == {"read:people", "read:reports"}
    here.update(acting(BOB), "team")
    assert here.database.read.grants(CARLA, here.now).permissions == {}


def test_editing_an_own_role_to_get_more_is_a_self_grant(here: Installation) -> None:
    here.create(acting(ADA), "team")
    here.store_grants(BOB, "team")
    here.store_grants(BOB, permissions=("read:people",), expires_at=here.now + HOUR)
    refused(here, SelfGrant, here.update, acting(BOB), "team", "read:people")  # it would last longer
    here.store_grants(BOB, permissions=("read:roles",), source=Source.TOKEN)
    refused(here, SelfGrant, here.update, acting(BOB), "team", "read:roles")  # it would outlive the token's
    here.update(acting(BOB), "team", "read:reports")  # held without an end already
    here.store_grants(ADA, "team")
    here.update(acting(ADA), "team", "read:reports", "read:audit")  # an administrator has it all anyway


def test_an_update_without_a_difference_writes_nothing(here: Installation) -> None:
    here.create(acting(ADA), "team", "read:reports")
    version, events = here.database.read.policy_version(), len(here.events())
    here.update(acting(ADA), "team", "read:reports")
    assert (here.database.read.policy_version(), len(here.events())) == (version, events)


def test_a_new_description_leaves_the_policy_version(here: Installation) -> None:
    here.create(acting(ADA), "team", "read:reports")
    version = here.database.read.policy_version()
    here.update(acting(ADA), "team", "read:reports", description="New words.")
    assert here.database.read.policy_version() == version
    assert here.events()[-1][0] == "policy:role:update"


def test_built_in_roles_are_only_extended(here: Installation) -> None:
    ada = acting(ADA)
    here.update(ada, "viewer", *ROLES["viewer"][1], "explore:files")
    here.update(ada, "viewer", *ROLES["viewer"][1], description="Reads, and nothing else.")
    refused(here, BuiltInRole, here.update, ada, "viewer")
    refused(here, BuiltInRole, here.update, ada, "viewer", *ROLES["viewer"][1], new_name="Viewers")
    refused(here, BuiltInRole, here.delete, ada, "viewer", "analyst")
    refused(here, BuiltInRole, here.update, OPERATOR, ADMINISTRATOR, "read:reports")


def test_deleting_a_role_in_use_needs_a_role_to_move_to(here: Installation) -> None:
    ada = acting(ADA)
    here.create(ada, "team", "read:reports")
    here.store_grants(CARLA, "team", expires_at=here.now + HOUR)
    here.store_grants(DAN, "team")
    refused(here, RoleInUse, here.delete, ada, "team")
    refused(here, InvalidInput, here.delete, ada, "team", "team")
    refused(here, ExceedsOwnPermissions, here.delete, acting(BOB), "team", "analyst")
    refused(here, ExceedsOwnPermissions, here.delete, acting(BOB), "team", ADMINISTRATOR)
    assert here.delete(ada, "team", "viewer") == 2
    assert (here.roles_of(CARLA), here.roles_of(DAN)) == ({"viewer"}, {"viewer"})
    assert here.database.read.grants(CARLA, here.now).next_expiry_at == here.now + HOUR
    here.create(ada, "mapped")
    here.map(ada, "Owners", "mapped")
    refused(here, RoleInUse, here.delete, ada, "mapped")
    here.map(ada, "Owners")
    here.store_grants(CARLA, "mapped", expires_at=here.now - HOUR)
    assert here.delete(ada, "mapped") == 0
    with pytest.raises(NotFound):
        here.act(administration.delete_role, ada, role=10**9, move_to=None, reason="x", version=None)


def test_moving_an_own_role_to_get_more_is_a_self_grant(here: Installation) -> None:
    here.create(acting(ADA), "team")
    here.store_grants(BOB, "team")
    here.store_grants(BOB, "analyst", expires_at=here.now + HOUR)
    refused(here, SelfGrant, here.delete, acting(BOB), "team", "analyst")
    here.delete(acting(BOB), "team", "viewer")


def test_mapping_a_token_role_needs_the_mapped_permissions(here: Installation) -> None:
    sync_token_roles(here, CARLA, "Owners")
    refused(here, ExceedsOwnPermissions, here.map, acting(BOB), "Owners", "analyst")
    refused(here, ExceedsOwnPermissions, here.map, acting(BOB), "Owners", ADMINISTRATOR)
    assert here.map(acting(ADA), "Owners", "analyst") == 1
    assert here.roles_of(CARLA) == {"analyst"}
    assert here.map(acting(BOB), "Owners", "analyst") == 0  # nothing is added: nothing must be held
    assert here.map(acting(BOB), "Owners", "viewer") == 1
    assert here.roles_of(CARLA) == {"viewer"}
    assert [event[0] for event in here.events()].count("policy:mapping:update") == 2


def test_mapping_an_own_token_role_to_get_more_is_a_self_grant(here: Installation) -> None:
    sync_token_roles(here, BOB, "Owners")
    here.store_grants(BOB, "analyst", expires_at=here.now + HOUR)
    refused(here, SelfGrant, here.map, acting(BOB), "Owners", "analyst")
    here.map(acting(BOB), "Owners", "viewer")


def test_invalid_mappings_are_refused(here: Installation) -> None:
    for token_role in ("", "x" * 201, "a\nb"):
        refused(here, InvalidInput, here.map, acting(ADA), token_role, "viewer")
    arguments = {"token_role": "x", "reason": "x", "version": None, "implicit_role_mapping": False}
    for roles in (frozenset({10**9}), frozenset(range(51))):
        refused(here, InvalidInput, here.act, administration.set_mapping, acting(ADA), roles=roles, **arguments)
