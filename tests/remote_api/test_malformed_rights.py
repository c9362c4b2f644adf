"""Bearer tokens of other clients whose claims about rights are not as they should be: what is usable counts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.issuer import ABSENT
from tests.remote_api.world import ApiWorld


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ({"permissions": "read:messages", "scope": ABSENT}, 200),
        ({"permissions": ["read:messages", 7], "scope": None}, 200),
        ({"permissions": None, "scope": ["read:messages"]}, 200),
        ({"permissions": ABSENT, "scope": "openid read:messages bad\nword"}, 200),
        ({"permissions": None, "scope": None}, 403),
        ({"permissions": ["read:messages\n"], "scope": ABSENT}, 403),
        ({"permissions": {"read:messages": True}}, 401),
        ({"scope": 7}, 401),
    ],
)
def test_usable_claims_count(world: ApiWorld, claims: dict[str, Any], status: int) -> None:
    token = world.issuer.access_token(azp="other", **claims)
    assert world.call("/api/pong-scoped", token).status_code == status


def test_dropped_claims_are_recorded_once_an_hour(world: ApiWorld) -> None:
    for number in range(5):
        token = world.issuer.access_token(azp="other", scope=["openid", 7], jti=str(number))
        world.call("/api/v1/me", token)
    world.background_writer.flush()
    (event,) = world.events("api:token:claims-drop")
    assert (event["actor"], event["reason"]) == (str(world.subject()), "unusable-scope")
    assert event["details"] == {"count": 1}
    world.clock.ahead = timedelta(minutes=61)
    world.call("/api/v1/me", world.issuer.access_token(azp="other", scope=["openid", 7], jti="later"))
    world.background_writer.flush()
    assert len(world.events("api:token:claims-drop")) == 2
