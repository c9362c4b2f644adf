"""A role revoked by an administrator stays revoked: at the next sign-in, at a refresh, whatever gave it by itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from app.core import administration
from app.core.administration import Administrator
from app.core.directory import PersonCard
from app.core.policy import Source
from app.core.principal import Subject
from app.core.records import NewGrant
from tests.clock import FakeClock
from tests.provider import FakeProvider
from tests.signin import SignInWorld, world

OPERATOR = Administrator("operator:tester", None)


@pytest.fixture
def fake() -> Iterator[FakeProvider]:
    with FakeProvider(FakeClock().timestamp) as installation:
        yield installation


@pytest.fixture
def installation(fake: FakeProvider) -> Iterator[SignInWorld]:
    clock = FakeClock()
    fake.issuer.clock = clock.timestamp
    with world(fake, clock, default_role="viewer") as installation:
        yield installation


def subject(installation: SignInWorld) -> Subject:
    return Subject(installation.fake.url, "auth0|ann")


def held(installation: SignInWorld) -> set[str]:
    found = installation.storage.read.grants(subject(installation), installation.clock())
    return set(found.roles) | {
        name for name, ways in found.permissions.items() if any(way.role is None for way in ways)
    }


def card(installation: SignInWorld) -> PersonCard:
    with installation.storage.unit_of_work() as unit:
        person = unit.person_id(subject(installation))
        unit.commit()
    found = installation.storage.directory.person_card(person, installation.clock())
    assert found is not None
    return found


def act(installation: SignInWorld, use_case: Any, **given: Any) -> None:
    now = installation.clock()
    with administration.transaction(installation.storage, OPERATOR, now) as unit:
        use_case(
            unit, OPERATOR, person=card(installation).row.id, reason="left the team", version=None, now=now, **given
        )


def revoke(installation: SignInWorld, what: str) -> None:
    grant = next(one for one in card(installation).grants if what in {one.role, one.permission})
    act(installation, administration.revoke, grant=grant.id, default_role="viewer")


AUTOMATIC = {
    "default role": ({}, "viewer"),
    "token role": ({"roles": ["analyst"]}, "analyst"),
    "token permission": ({"permissions": ["explore:api"]}, "explore:api"),
}


@pytest.mark.parametrize(("claims", "what"), AUTOMATIC.values(), ids=AUTOMATIC)
def test_no_sign_in_gives_back_what_was_revoked(installation: SignInWorld, claims: dict[str, Any], what: str) -> None:
    installation.fake.access_claims = claims
    installation.sign_in()
    assert what in held(installation)
    revoke(installation, what)
    assert what not in held(installation)
    installation.clock.move(seconds=5)
    installation.sign_in()
    assert what not in held(installation)
    (withheld,) = card(installation).withheld
    assert (withheld.role or withheld.permission, withheld.by) == (what, "operator:tester")
    assert (withheld.from_token, withheld.from_default) == (what != "viewer", what == "viewer")


@pytest.mark.parametrize(("claims", "what"), AUTOMATIC.values(), ids=AUTOMATIC)
def test_no_refresh_gives_back_what_was_revoked(installation: SignInWorld, claims: dict[str, Any], what: str) -> None:
    installation.fake.access_claims = claims
    ref = installation.due(installation.sign_in())
    revoke(installation, what)
    installation.sessions.access_token(ref)
    assert installation.fake.refreshes() == 1
    assert what not in held(installation)


@pytest.mark.parametrize(("claims", "what"), AUTOMATIC.values(), ids=AUTOMATIC)
def test_a_release_gives_it_back_at_once_and_at_the_next_sign_in(
    installation: SignInWorld, claims: dict[str, Any], what: str
) -> None:
    installation.fake.access_claims = claims
    installation.sign_in()
    revoke(installation, what)
    act(installation, administration.release, withheld=card(installation).withheld[0].id, default_role="viewer")
    assert what in held(installation)
    assert card(installation).withheld == ()
    installation.clock.move(seconds=5)
    installation.sign_in()
    assert what in held(installation)


@pytest.mark.parametrize("default_role", [None, "developer"])
def test_a_release_gives_no_default_role_that_is_set_no_longer(
    installation: SignInWorld, default_role: str | None
) -> None:
    installation.sign_in()
    revoke(installation, "viewer")
    act(installation, administration.release, withheld=card(installation).withheld[0].id, default_role=default_role)
    assert "viewer" not in held(installation)
    assert card(installation).withheld == ()


def test_the_default_role_revoked_before_a_first_sign_in_stays_revoked(installation: SignInWorld) -> None:
    with installation.storage.unit_of_work() as unit:
        unit.add_grant(NewGrant(subject(installation), Source.ADMIN, "ada", "viewer"), installation.clock())
        unit.commit()
    revoke(installation, "viewer")
    installation.sign_in()
    assert "viewer" not in held(installation)


def test_what_is_given_by_a_person_counts_although_it_is_withheld(installation: SignInWorld) -> None:
    installation.sign_in()
    revoke(installation, "viewer")
    with installation.storage.unit_of_work() as unit:
        unit.add_grant(NewGrant(subject(installation), Source.ADMIN, "ada", "viewer"), installation.clock())
        unit.commit()
    assert "viewer" in held(installation)
    assert len(card(installation).withheld) == 1
    installation.sign_in()
    assert [grant.source for grant in card(installation).grants if grant.role == "viewer"] == [Source.ADMIN]


def test_revoking_what_a_person_gave_leaves_the_automatic_grant_alone(installation: SignInWorld) -> None:
    installation.sign_in()
    with installation.storage.unit_of_work() as unit:
        unit.add_grant(NewGrant(subject(installation), Source.ADMIN, "ada", "viewer"), installation.clock())
        unit.commit()
    given = next(one for one in card(installation).grants if one.source is Source.ADMIN)
    act(installation, administration.revoke, grant=given.id, default_role="viewer")
    assert [grant.automatic for grant in card(installation).grants if grant.role == "viewer"] == [True]
    assert card(installation).withheld == ()


def test_it_stands_in_the_audit(installation: SignInWorld) -> None:
    installation.sign_in()
    revoke(installation, "viewer")
    act(installation, administration.release, withheld=card(installation).withheld[0].id, default_role="viewer")
    (revoked,) = installation.audit("policy:grant:revoke")
    assert '"withheld":true' in str(revoked["details"]).replace(" ", "")
    (released,) = installation.audit("policy:grant:release")
    assert (released["actor"], released["target"]) == ("operator:tester", str(subject(installation)))
