"""Logout tokens: every check of OpenID Connect Back-Channel Logout 1.0 §2.6 that a token alone can be held against."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from app.core.errors import TokenExpired, TokenInvalid
from app.core.failure_reasons import TokenReason, TokenUse
from app.core.principal import Subject
from app.core.tokens.types import LogoutToken
from app.core.tokens.verifier import LOGOUT_EVENT, TokenVerifier
from tests.issuer import ABSENT, AUDIENCE, CLIENT_ID, Issuer, SigningKey

NOW = 1_800_000_000.0
LEEWAY = 30
EVENT: dict[str, Any] = {LOGOUT_EVENT: {}}


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


@pytest.fixture
def issuer() -> Issuer:
    return Issuer(clock=lambda: NOW)


@pytest.fixture
def verifier(issuer: Issuer) -> TokenVerifier:
    return issuer.verifier(clock=lambda: at(NOW), leeway_seconds=LEEWAY)


def logout_token(issuer: Issuer, *, typ: Any = "logout+jwt", **claims: Any) -> str:
    usual = {"aud": CLIENT_ID, "sid": "session-1", "jti": "token-1", "events": EVENT}
    return issuer.sign(issuer.claims(**(usual | claims)), header={"typ": typ})


def test_a_valid_token_has_all_its_claims(issuer: Issuer, verifier: TokenVerifier) -> None:
    assert verifier.logout_token(logout_token(issuer), client_id=CLIENT_ID) == LogoutToken(
        issuer=issuer.url,
        jti="token-1",
        sid="session-1",
        subject=Subject(issuer.url, "auth0|ann"),
        issued_at=at(NOW),
        expires_at=at(NOW + 600 + LEEWAY),
    )


GOOD: dict[str, dict[str, Any]] = {
    "by sid only": {"sub": ABSENT},
    "by sub only": {"sid": ABSENT},
    "no session id, said by null": {"sid": None},
    "audience as a list": {"aud": [CLIENT_ID]},
    "among other audiences": {"aud": ["another", CLIENT_ID]},
    "an event with members": {"events": {LOGOUT_EVENT: {"reason": "signed out"}}},
    "with another event": {"events": EVENT | {"https://other.example/event": {}}},
    "no kind": {"typ": ABSENT},
    "the old kind": {"typ": "JWT"},
    "the full kind": {"typ": "application/logout+jwt"},
    "another case": {"typ": "Logout+JWT"},
    "expired within the leeway": {"exp": NOW - LEEWAY + 1, "iat": NOW - 120},
    "more claims": {"trace_id": "x", "toe": NOW},
}


@pytest.mark.parametrize("claims", GOOD.values(), ids=GOOD)
def test_accepted(issuer: Issuer, verifier: TokenVerifier, claims: dict[str, Any]) -> None:
    token = verifier.logout_token(logout_token(issuer, **claims), client_id=CLIENT_ID)
    assert (token.sid == "") is (claims.get("sid", "x") in {ABSENT, None})
    assert (token.subject is None) is (claims.get("sub") is ABSENT)


BAD: dict[str, tuple[dict[str, Any], TokenReason]] = {
    "another issuer": ({"iss": "https://evil.test/"}, TokenReason.ISSUER),
    "issuer without its slash": ({"iss": "https://issuer.test"}, TokenReason.ISSUER),
    "no issuer": ({"iss": ABSENT}, TokenReason.ISSUER),
    "another client": ({"aud": "client-two"}, TokenReason.AUDIENCE),
    "the API": ({"aud": AUDIENCE}, TokenReason.AUDIENCE),
    "no audience": ({"aud": ABSENT}, TokenReason.AUDIENCE_MALFORMED),
    "no issue time": ({"iat": ABSENT}, TokenReason.TIMES_MISSING),
    "issued in the future": ({"iat": NOW + LEEWAY + 1}, TokenReason.NOT_YET_VALID),
    "no expiry": ({"exp": ABSENT}, TokenReason.TIMES_MISSING),
    "not yet": ({"nbf": NOW + LEEWAY + 1}, TokenReason.NOT_YET_VALID),
    "no events": ({"events": ABSENT}, TokenReason.NOT_LOGOUT),
    "no event": ({"events": {}}, TokenReason.NOT_LOGOUT),
    "another event": ({"events": {"https://other.example/event": {}}}, TokenReason.NOT_LOGOUT),
    "nearly the event": ({"events": {LOGOUT_EVENT + "/": {}}}, TokenReason.NOT_LOGOUT),
    "the event in another case": ({"events": {LOGOUT_EVENT.upper(): {}}}, TokenReason.NOT_LOGOUT),
    "events as a list": ({"events": [LOGOUT_EVENT]}, TokenReason.NOT_LOGOUT),
    "events as a text": ({"events": LOGOUT_EVENT}, TokenReason.NOT_LOGOUT),
    "the event's value is none": ({"events": {LOGOUT_EVENT: None}}, TokenReason.NOT_LOGOUT),
    "the event's value is a text": ({"events": {LOGOUT_EVENT: "{}"}}, TokenReason.NOT_LOGOUT),
    "a nonce": ({"nonce": "n"}, TokenReason.NOT_LOGOUT),
    "a nonce of null": ({"nonce": None}, TokenReason.NOT_LOGOUT),
    "neither sid nor sub": ({"sid": ABSENT, "sub": ABSENT}, TokenReason.LOGOUT_INCOMPLETE),
    "empty sid, no sub": ({"sid": "", "sub": ABSENT}, TokenReason.LOGOUT_INCOMPLETE),
    "sub as a number": ({"sub": 7}, TokenReason.IDENTIFIER),
    "empty sub": ({"sub": ""}, TokenReason.IDENTIFIER),
    "sid as a number": ({"sid": 7}, TokenReason.IDENTIFIER),
    "sid with a control character": ({"sid": "a\x00b"}, TokenReason.IDENTIFIER),
    "no id": ({"jti": ABSENT}, TokenReason.LOGOUT_INCOMPLETE),
    "empty id": ({"jti": ""}, TokenReason.IDENTIFIER),
    "id as a number": ({"jti": 7}, TokenReason.IDENTIFIER),
    "an oversize id": ({"jti": "j" * 256}, TokenReason.IDENTIFIER),
    "an access token's kind": ({"typ": "at+jwt"}, TokenReason.TYPE),
    "a kind as a number": ({"typ": 7}, TokenReason.HEADER),
}


@pytest.mark.parametrize(("claims", "reason"), BAD.values(), ids=BAD)
def test_refused_without_a_fetch(
    issuer: Issuer, verifier: TokenVerifier, claims: dict[str, Any], reason: TokenReason
) -> None:
    with pytest.raises(TokenInvalid) as caught:
        verifier.logout_token(logout_token(issuer, **claims), client_id=CLIENT_ID)
    assert (caught.value.reason, caught.value.use) == (reason, TokenUse.LOGOUT)
    assert issuer.jwks_fetches == 0


def test_expired(issuer: Issuer, verifier: TokenVerifier) -> None:
    with pytest.raises(TokenExpired):
        verifier.logout_token(logout_token(issuer, exp=NOW - LEEWAY, iat=NOW - 120), client_id=CLIENT_ID)


def test_the_signature_counts(issuer: Issuer, verifier: TokenVerifier) -> None:
    good = logout_token(issuer)
    head, body, signature = good.split(".")
    other = issuer.sign(
        issuer.claims(aud=CLIENT_ID, sid="s", jti="j", events=EVENT),
        header={"typ": "logout+jwt"},
        key=SigningKey("key-0", number=7),
    )
    for bad in (other, f"{head}.{body}.", f"{head}.{body}.{signature[:-4]}AAAA", good + "A"):
        with pytest.raises(TokenInvalid):
            verifier.logout_token(bad, client_id=CLIENT_ID)


def test_no_unsigned_or_foreign_algorithm(issuer: Issuer, verifier: TokenVerifier) -> None:
    claims = issuer.claims(aud=CLIENT_ID, sid="s", jti="j", events=EVENT)
    for alg in ("none", "HS256", "ES256", "RS512"):
        with pytest.raises(TokenInvalid):
            verifier.logout_token(issuer.sign(claims, header={"alg": alg, "typ": "logout+jwt"}), client_id=CLIENT_ID)


def test_no_other_kind_of_token_is_one(issuer: Issuer, verifier: TokenVerifier) -> None:
    for token in (issuer.id_token(jti="j"), issuer.access_token(aud=CLIENT_ID, sid="s", jti="j")):
        with pytest.raises(TokenInvalid):
            verifier.logout_token(token, client_id=CLIENT_ID)
