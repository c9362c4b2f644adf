"""A role revoked by an administrator stays revoked at sign-in and refresh, whichever automatic source granted it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from app.core import administration
from app.core.administration import Actor
from app.core.administration_records import PersonCard
from app.core.policy import Source
from app.core.principal import Subject
from app.core.records import NewGrant
from tests.clock import FakeClock
from tests.provider import FakeProvider
from tests.signin import SignInWorld, sign_in_world

OPERATOR = Actor("operator:tester", None)


@pytest.fixture
def fake() -> Iterator[FakeProvider]:
    with FakeProvider(FakeClock().timestamp) as installation:
        yield installation


@pytest.fixture
def installation(fake: FakeProvider) -> Iterator[SignInWorld]:
    clock = FakeClock()
    fake.issuer.clock = clock.timestamp
    with sign_in_world(fake, clock, default_role="viewer") as installation:
        yield installation


def subject(installation: SignInWorld) -> Subject:
    return Subject(installation.fake.url, "auth0|ann")


def names_of_grants(installation: SignInWorld) -> set[str]:
    grants = installation.storage.read.grants(subject(installation), installation.clock())
    return set(grants.roles) | {
        name for name, paths in grants.permissions.items() if any(path.role is None for path in paths)
    }


def card(installation: SignInWorld) -> PersonCard:
    with installation.storage.unit_of_work() as unit:
        person = unit.person_id(subject(installation))
        unit.commit()
    person_card = installation.storage.administration.person_card(person, installation.clock())
    assert person_card is not None
    return person_card


def act(installation: SignInWorld, use_case: Any, **arguments: Any) -> None:
    now = installation.clock()
    with administration.transaction(installation.storage, OPERATOR, now) as unit:
        use_case(
            unit, OPERATOR, person=card(installation).row.id, reason="left the team", version=None, now=now, **arguments
        )


def revoke(installation: SignInWorld, name: str) -> None:
    match = next(grant for grant in card(installation).grants if name in {grant.role, grant.permission})
    act(installation, administration.revoke, grant=match.id, default_role="viewer")


AUTOMATIC = {
    "default role": ({}, "viewer"),
    "token role": ({"roles": ["analyst"]}, "analyst"),
    "token permission": ({"permissions": ["explore:api"]}, "explore:api"),
}


@pytest.mark.parametrize(("claims", "name"), AUTOMATIC.values(), ids=AUTOMATIC)
def test_no_sign_in_restores_a_revoked_grant(installation: SignInWorld, claims: dict[str, Any], name: str) -> None:
    installation.fake.access_claims = claims
    installation.sign_in()
    assert name in names_of_grants(installation)
    revoke(installation, name)
    assert name not in names_of_grants(installation)
    installation.clock.move(seconds=5)
    installation.sign_in()
    assert name not in names_of_grants(installation)
    (withheld,) = card(installation).withheld
    assert (withheld.role or withheld.permission, withheld.author) == (name, "operator:tester")
    assert (withheld.from_token, withheld.from_default) == (name != "viewer", name == "viewer")


@pytest.mark.parametrize(("claims", "name"), AUTOMATIC.values(), ids=AUTOMATIC)
def test_no_refresh_restores_a_revoked_grant(installation: SignInWorld, claims: dict[str, Any], name: str) -> None:
    installation.fake.access_claims = claims
    ref = installation.due(installation.sign_in())
    revoke(installation, name)
    installation.sessions.access_token(ref)
    assert installation.fake.refreshes() == 1
    assert name not in names_of_grants(installation)


@pytest.mark.parametrize(("claims", "name"), AUTOMATIC.values(), ids=AUTOMATIC)
def test_a_release_restores_the_grant_at_once_and_at_the_next_sign_in(
    installation: SignInWorld, claims: dict[str, Any], name: str
) -> None:
    installation.fake.access_claims = claims
    installation.sign_in()
    revoke(installation, name)
    act(installation, administration.release, withheld=card(installation).withheld[0].id, default_role="viewer")
    assert name in names_of_grants(installation)
    assert card(installation).withheld == ()
    installation.clock.move(seconds=5)
    installation.sign_in()
    assert name in names_of_grants(installation)


@pytest.mark.parametrize("default_role", [None, "developer"])
def test_a_release_restores_no_default_role_that_is_no_longer_configured(
    installation: SignInWorld, default_role: str | None
) -> None:
    installation.sign_in()
    revoke(installation, "viewer")
    act(installation, administration.release, withheld=card(installation).withheld[0].id, default_role=default_role)
    assert "viewer" not in names_of_grants(installation)
    assert card(installation).withheld == ()


def test_the_default_role_revoked_before_a_first_sign_in_stays_revoked(installation: SignInWorld) -> None:
    with installation.storage.unit_of_work() as unit:
        unit.add_grant(NewGrant(subject(installation), Source.ADMIN, "ada", "viewer"), installation.clock())
        unit.commit()
    revoke(installation, "viewer")
    installation.sign_in()
    assert "viewer" not in names_of_grants(installation)


def test_a_grant_by_an_administrator_counts_although_the_role_is_withheld(installation: SignInWorld) -> None:
    installation.sign_in()
    revoke(installation, "viewer")
    with installation.storage.unit_of_work() as unit:
        unit.add_grant(NewGrant(subject(installation), Source.ADMIN, "ada", "viewer"), installation.clock())
        unit.commit()
    assert "viewer" in names_of_grants(installation)
    assert len(card(installation).withheld) == 1
    installation.sign_in()
    assert [grant.source for grant in card(installation).grants if grant.role == "viewer"] == [Source.ADMIN]


def test_revoking_an_administrators_grant_keeps_the_automatic_grant(installation: SignInWorld) -> None:
    installation.sign_in()
    with installation.storage.unit_of_work() as unit:
        unit.add_grant(NewGrant(subject(installation), Source.ADMIN, "ada", "viewer"), installation.clock())
        unit.commit()
    grant = next(grant for grant in card(installation).grants if grant.source is Source.ADMIN)
    act(installation, administration.revoke, grant=grant.id, default_role="viewer")
    assert [grant.automatic for grant in card(installation).grants if grant.role == "viewer"] == [True]
    assert card(installation).withheld == ()


def test_withholding_and_release_are_recorded_in_the_audit(installation: SignInWorld) -> None:
    installation.sign_in()
    revoke(installation, "viewer")
    act(installation, administration.release, withheld=card(installation).withheld[0].id, default_role="viewer")
    (revoked,) = installation.audit("policy:grant:revoke")
    assert '"withheld":true' in str(revoked["details"]).replace(" ", "")
    (released,) = installation.audit("policy:grant:release")
    assert (released["actor"], released["target"]) == ("operator:tester", str(subject(installation)))
