"""Claims about rights that are not as they should be: what is usable counts, the rest is dropped and reported.

At sign-in, at a refresh and at the verifier; ``tests/remote_api/test_malformed_rights.py`` has the API's callers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from app.core.errors import TokenInvalid
from app.core.failure_reasons import ClaimReason, TokenReason
from app.core.principal import Subject
from app.core.tokens.claims import UnusableClaims
from app.core.tokens.types import AccessToken
from tests.clock import FakeClock
from tests.issuer import ABSENT, CLIENT_ID, ROLES_CLAIM, Issuer
from tests.provider import FakeProvider
from tests.signin import SignInWorld, sign_in_world

LONG = "x" * 256
USABLE: dict[str, tuple[Any, set[str], int, str]] = {
    "a text": ("viewer", {"viewer"}, 0, ""),
    "a text with a space": ("Report viewers", {"Report viewers"}, 0, ""),
    "an empty text": ("", set(), 0, ""),
    "null": (None, set(), 0, ""),
    "absent": (ABSENT, set(), 0, ""),
    "an empty list": ([], set(), 0, ""),
    "a number among them": (["viewer", 7], {"viewer"}, 1, "not a text"),
    "null among them": ([None, "viewer"], {"viewer"}, 1, "not a text"),
    "a list among them": ([["administrator"], "viewer"], {"viewer"}, 1, "not a text"),
    "an object among them": ([{"name": "administrator"}, "viewer"], {"viewer"}, 1, "not a text"),
    "an empty one": (["", "viewer"], {"viewer"}, 1, "empty"),
    "a line break": (["admini\nstrator", "viewer"], {"viewer"}, 1, "with control characters"),
    "turned around": (["\u202erotartsinimda", "viewer"], {"viewer"}, 1, "with control characters"),
    "half a character": (["\ud800", "viewer"], {"viewer"}, 1, "with control characters"),
    "several": ([7, "", "viewer", LONG], {"viewer"}, 3, "not a text"),
    "none of them": ([7], set(), 1, "not a text"),
    "a text that is unusable": ("a\x00b", set(), 1, "with control characters"),
}
CLAIMS = {"roles": (ClaimReason.ROLES, "roles"), "permissions": (ClaimReason.PERMISSIONS, "permissions")}


def verified(issuer: Issuer, **claims: Any) -> AccessToken:
    members: dict[str, Any] = {"permissions": ABSENT, "scope": ABSENT} | claims
    return issuer.verifier().access_token(issuer.access_token(**members))


@pytest.mark.parametrize("claim", CLAIMS)
@pytest.mark.parametrize(("value", "members", "dropped", "first"), USABLE.values(), ids=USABLE)
def test_usable_roles_and_permissions_count(
    claim: str, value: Any, members: set[str], dropped: int, first: str
) -> None:
    access = verified(Issuer(), **{claim: value})
    reason, name = CLAIMS[claim]
    assert getattr(access, name) == members
    assert access.unusable == ((UnusableClaims(reason, dropped, first),) if dropped else ())


@pytest.mark.parametrize(
    ("scope", "words", "dropped", "first"),
    [
        ("read:a read:b", {"read:a", "read:b"}, 0, ""),
        ("  read:a   read:b ", {"read:a", "read:b"}, 0, ""),
        (["read:a", "read:b read:c"], {"read:a", "read:b", "read:c"}, 0, ""),
        (["read:a", 7], {"read:a"}, 1, "not a text"),
        (None, set(), 0, ""),
        ([], set(), 0, ""),
        ("read:a\nread:b read:c", {"read:c"}, 1, "with control characters"),
        (f"read:a {LONG}", {"read:a"}, 1, "longer than 255 characters"),
    ],
)
def test_usable_scopes_count(scope: Any, words: set[str], dropped: int, first: str) -> None:
    access = verified(Issuer(), scope=scope)
    assert access.scope == words
    assert access.unusable == ((UnusableClaims(ClaimReason.SCOPE, dropped, first),) if dropped else ())


def test_a_role_is_as_long_as_the_column() -> None:
    access = verified(Issuer(), roles=["a" * 200, "b" * 201])
    assert access.roles == {"a" * 200}
    assert access.unusable == (UnusableClaims(ClaimReason.ROLES, 1, "longer than 200 characters"),)


@pytest.mark.parametrize(
    ("claim", "reason"),
    [("roles", TokenReason.ROLES), ("permissions", TokenReason.PERMISSIONS), ("scope", TokenReason.SCOPE)],
)
@pytest.mark.parametrize("value", [7, 0, True, False, 1.5, {"viewer": True}, {}])
def test_only_a_claim_of_an_impossible_type_refuses(claim: str, reason: TokenReason, value: Any) -> None:
    with pytest.raises(TokenInvalid) as caught:
        verified(Issuer(), **{claim: value})
    assert caught.value.reason is reason


@pytest.mark.parametrize("value", ["administrator", None, 7, {"a": 1}, [7, "viewer"]])
def test_unusable_roles_of_an_id_token_are_ignored(value: Any) -> None:
    issuer = Issuer()
    issuer.verifier().id_token(issuer.id_token(roles=value), client_id=CLIENT_ID, nonce=None)


# Sign-in and refresh


@pytest.fixture
def here() -> Iterator[SignInWorld]:
    clock = FakeClock()
    with FakeProvider(clock.timestamp) as fake, sign_in_world(fake, clock) as made:
        yield made


def roles_of(here: SignInWorld) -> set[str]:
    return set(here.storage.read.grants(Subject(here.fake.url, "auth0|ann"), here.clock()).roles)


@pytest.mark.parametrize(
    ("roles", "roles_held", "details"),
    [
        ("viewer", {"viewer"}, None),
        (None, set(), None),
        (["viewer", 7, "secret\nvalue"], {"viewer"}, {"unusable-roles": "2 dropped, the first: not a text"}),
    ],
)
def test_a_sign_in_uses_the_valid_roles_and_reports_the_others(
    here: SignInWorld,
    roles: Any,
    roles_held: set[str],
    details: dict[str, str] | None,
) -> None:
    here.fake.access_claims = {ROLES_CLAIM: roles}
    with structlog.testing.capture_logs() as lines:
        here.sign_in()
    assert roles_of(here) == roles_held
    events = here.audit("app:token:claims-drop")
    assert [json.loads(event["details"]) for event in events] == ([details] if details else [])
    assert [event["reason"] for event in events] == (["unusable-roles"] if details else [])
    reasons = [line["reasons"] for line in lines if line["event"] == "part of a token's rights was not usable"]
    assert reasons == ([["unusable-roles"]] if details else [])
    assert "secret" not in f"{lines}{events}"


def test_a_claim_of_an_impossible_type_is_named(here: SignInWorld) -> None:
    here.fake.access_claims = {ROLES_CLAIM: {"viewer": True}}
    client = here.client()
    assert client.get(here.fake.approve(here.begin(client))).status == 400
    assert [event["reason"] for event in here.audit("app:login:refuse")] == ["access-token:roles-malformed"]


def test_a_refresh_records_dropped_claims_only_on_a_change(here: SignInWorld) -> None:
    here.fake.access_claims = {ROLES_CLAIM: ["viewer", "analyst"]}
    ref = here.ref(here.sign_in())
    assert roles_of(here) == {"viewer", "analyst"}
    here.fake.access_claims = {ROLES_CLAIM: ["viewer", ["analyst"]]}
    for _ in range(3):
        here.clock.move(seconds=560)
        here.sessions.access_token(ref)
        assert roles_of(here) == {"viewer"}
    assert here.fake.refreshes() == 3
    assert [event["reason"] for event in here.audit("app:token:claims-drop")] == ["unusable-roles"]
    assert not here.audit("app:token:refresh-fail")


def test_over_five_hundred_roles_are_mapped_before_they_are_cut(here: SignInWorld) -> None:
    """In the order of names the one that counts comes last."""
    roles = [f"group-{number:04}" for number in range(560)] + ["viewer"]
    here.fake.access_claims = {ROLES_CLAIM: roles}
    here.sign_in()
    assert roles_of(here) == {"viewer"}
    assert here.rows("token_roles") == 500
    (event,) = here.audit("app:token:claims-drop")
    assert event["reason"] == "too-many-roles"
    assert json.loads(event["details"]) == {"too-many-roles": "61 dropped, the first: beyond 500"}
