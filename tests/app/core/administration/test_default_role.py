"""Revoking a default role: it is withheld where the next sign-in would grant it again, and only there."""

from __future__ import annotations

import pytest

from app.core import administration
from app.core.audit import SYSTEM
from app.core.policy import Source
from app.core.records import NewGrant
from tests.app.core.administration.support import ADA, CARLA, Installation, acting, last_event, sync_token_roles


def withheld(here: Installation) -> list[str | None]:
    """The roles that are withheld from Carla."""
    card = here.database.administration.person_card(here.id(CARLA), here.now)
    assert card is not None
    return [row.role for row in card.withheld]


@pytest.mark.parametrize(("default_role", "is_withheld"), [("viewer", True), ("analyst", False), (None, False)])
def test_a_grant_of_the_default_role_by_hand_is_withheld(
    here: Installation, default_role: str | None, is_withheld: bool
) -> None:
    here.store_grants(CARLA, "viewer")
    here.revoke(acting(ADA), CARLA, "viewer", default_role=default_role)
    assert (here.roles_of(CARLA), withheld(here)) == (set(), ["viewer"] if is_withheld else [])
    assert last_event(here)["details"] == {
        "role": "viewer", "source": "admin", "until": None, "withheld": is_withheld,
    }  # fmt: skip


@pytest.mark.parametrize("automatic", ["token", "default"])
def test_beside_an_automatic_grant_only_the_one_by_hand_is_revoked(here: Installation, automatic: str) -> None:
    """The automatic one can be revoked, and withheld, by itself."""
    here.store_grants(CARLA, "viewer")
    if automatic == "token":
        sync_token_roles(here, CARLA, "viewer", own=True)
    else:
        grant = NewGrant(CARLA, Source.INSTALLATION, SYSTEM, "viewer")
        here.unit(lambda unit: unit.add_grant(grant, here.now))
    card = here.database.administration.person_card(here.id(CARLA), here.now)
    assert card is not None
    by_hand = next(grant for grant in card.grants if grant.source is Source.ADMIN)
    here.act(
        administration.revoke, acting(ADA), person=card.row.id, grant=by_hand.id, reason="over", version=None,
        default_role="viewer",
    )  # fmt: skip
    assert (here.roles_of(CARLA), withheld(here)) == ({"viewer"}, [])
    assert last_event(here)["details"]["withheld"] is False


def test_beside_a_grant_of_an_operator_the_default_role_is_withheld(here: Installation) -> None:
    here.store_grants(CARLA, "viewer", source=Source.INSTALLATION)
    here.revoke(acting(ADA), CARLA, "viewer", default_role="viewer")
    assert withheld(here) == ["viewer"]
