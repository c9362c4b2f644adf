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
    with FakeProvider(FakeClock().timestamp) as made:
        yield made


@pytest.fixture
def here(fake: FakeProvider) -> Iterator[SignInWorld]:
    clock = FakeClock()
    fake.issuer.clock = clock.timestamp
    with world(fake, clock, default_role="viewer") as made:
        yield made


def subject(here: SignInWorld) -> Subject:
    return Subject(here.fake.url, "auth0|ann")


def held(here: SignInWorld) -> set[str]:
    found = here.storage.read.grants(subject(here), here.clock())
    return set(found.roles) | {
        name for name, ways in found.permissions.items() if any(way.role is None for way in ways)
    }


def card(here: SignInWorld) -> PersonCard:
    with here.storage.unit_of_work() as unit:
        person = unit.person_id(subject(here))
        unit.commit()
    found = here.storage.directory.person_card(person, here.clock())
    assert found is not None
    return found


def act(here: SignInWorld, use_case: Any, **given: Any) -> None:
    now = here.clock()
    with administration.transaction(here.storage, OPERATOR, now) as unit:
        use_case(unit, OPERATOR, person=card(here).row.id, reason="left the team", version=None, now=now, **given)


def revoke(here: SignInWorld, what: str) -> None:
    grant = next(one for one in card(here).grants if what in {one.role, one.permission})
    act(here, administration.revoke, grant=grant.id, default_role="viewer")


AUTOMATIC = {
    "default role": ({}, "viewer"),
    "token role": ({"roles": ["analyst"]}, "analyst"),
    "token permission": ({"permissions": ["explore:api"]}, "explore:api"),
}


@pytest.mark.parametrize(("claims", "what"), AUTOMATIC.values(), ids=AUTOMATIC)
def test_no_sign_in_gives_back_what_was_revoked(here: SignInWorld, claims: dict[str, Any], what: str) -> None:
    here.fake.access_claims = claims
    here.sign_in()
    assert what in held(here)
    revoke(here, what)
    assert what not in held(here)
    here.clock.move(seconds=5)
    here.sign_in()
    assert what not in held(here)
    (withheld,) = card(here).withheld
    assert (withheld.role or withheld.permission, withheld.by) == (what, "operator:tester")
    assert (withheld.from_token, withheld.from_default) == (what != "viewer", what == "viewer")


@pytest.mark.parametrize(("claims", "what"), AUTOMATIC.values(), ids=AUTOMATIC)
def test_no_refresh_gives_back_what_was_revoked(here: SignInWorld, claims: dict[str, Any], what: str) -> None:
    here.fake.access_claims = claims
    ref = here.due(here.sign_in())
    revoke(here, what)
    here.sessions.access_token(ref)
    assert here.fake.refreshes() == 1
    assert what not in held(here)


@pytest.mark.parametrize(("claims", "what"), AUTOMATIC.values(), ids=AUTOMATIC)
def test_a_release_gives_it_back_at_once_and_at_the_next_sign_in(
    here: SignInWorld, claims: dict[str, Any], what: str
) -> None:
    here.fake.access_claims = claims
    here.sign_in()
    revoke(here, what)
    act(here, administration.release, withheld=card(here).withheld[0].id, default_role="viewer")
    assert what in held(here)
    assert card(here).withheld == ()
    here.clock.move(seconds=5)
    here.sign_in()
    assert what in held(here)


@pytest.mark.parametrize("default_role", [None, "developer"])
def test_a_release_gives_no_default_role_that_is_set_no_longer(here: SignInWorld, default_role: str | None) -> None:
    here.sign_in()
    revoke(here, "viewer")
    act(here, administration.release, withheld=card(here).withheld[0].id, default_role=default_role)
    assert "viewer" not in held(here)
    assert card(here).withheld == ()


def test_the_default_role_revoked_before_a_first_sign_in_stays_revoked(here: SignInWorld) -> None:
    with here.storage.unit_of_work() as unit:
        unit.add_grant(NewGrant(subject(here), Source.ADMIN, "ada", "viewer"), here.clock())
        unit.commit()
    revoke(here, "viewer")
    here.sign_in()
    assert "viewer" not in held(here)


def test_what_is_given_by_a_person_counts_although_it_is_withheld(here: SignInWorld) -> None:
    here.sign_in()
    revoke(here, "viewer")
    with here.storage.unit_of_work() as unit:
        unit.add_grant(NewGrant(subject(here), Source.ADMIN, "ada", "viewer"), here.clock())
        unit.commit()
    assert "viewer" in held(here)
    assert len(card(here).withheld) == 1
    here.sign_in()
    assert [grant.source for grant in card(here).grants if grant.role == "viewer"] == [Source.ADMIN]


def test_revoking_what_a_person_gave_leaves_the_automatic_grant_alone(here: SignInWorld) -> None:
    here.sign_in()
    with here.storage.unit_of_work() as unit:
        unit.add_grant(NewGrant(subject(here), Source.ADMIN, "ada", "viewer"), here.clock())
        unit.commit()
    given = next(one for one in card(here).grants if one.source is Source.ADMIN)
    act(here, administration.revoke, grant=given.id, default_role="viewer")
    assert [grant.automatic for grant in card(here).grants if grant.role == "viewer"] == [True]
    assert card(here).withheld == ()


def test_it_stands_in_the_audit(here: SignInWorld) -> None:
    here.sign_in()
    revoke(here, "viewer")
    act(here, administration.release, withheld=card(here).withheld[0].id, default_role="viewer")
    (revoked,) = here.audit("policy:grant:revoke")
    assert '"withheld":true' in str(revoked["details"]).replace(" ", "")
    (released,) = here.audit("policy:grant:release")
    assert (released["actor"], released["target"]) == ("operator:tester", str(subject(here)))
