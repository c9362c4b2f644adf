"""Logout tokens: every check of OpenID Connect Back-Channel Logout 1.0 §2.6 that a token alone can be held against."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from app.core.errors import TokenExpired, TokenInvalid
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


BAD: dict[str, dict[str, Any]] = {
    "another issuer": {"iss": "https://evil.test/"},
    "issuer without its slash": {"iss": "https://issuer.test"},
    "no issuer": {"iss": ABSENT},
    "another client": {"aud": "client-two"},
    "the API": {"aud": AUDIENCE},
    "no audience": {"aud": ABSENT},
    "no issue time": {"iat": ABSENT},
    "issued in the future": {"iat": NOW + LEEWAY + 1},
    "no expiry": {"exp": ABSENT},
    "not yet": {"nbf": NOW + LEEWAY + 1},
    "no events": {"events": ABSENT},
    "no event": {"events": {}},
    "another event": {"events": {"https://other.example/event": {}}},
    "nearly the event": {"events": {LOGOUT_EVENT + "/": {}}},
    "the event in another case": {"events": {LOGOUT_EVENT.upper(): {}}},
    "events as a list": {"events": [LOGOUT_EVENT]},
    "events as a text": {"events": LOGOUT_EVENT},
    "the event's value is none": {"events": {LOGOUT_EVENT: None}},
    "the event's value is a text": {"events": {LOGOUT_EVENT: "{}"}},
    "a nonce": {"nonce": "n"},
    "a nonce of null": {"nonce": None},
    "neither sid nor sub": {"sid": ABSENT, "sub": ABSENT},
    "empty sid, no sub": {"sid": "", "sub": ABSENT},
    "sub as a number": {"sub": 7},
    "empty sub": {"sub": ""},
    "sid as a number": {"sid": 7},
    "sid with a control character": {"sid": "a\x00b"},
    "no id": {"jti": ABSENT},
    "empty id": {"jti": ""},
    "id as a number": {"jti": 7},
    "an oversize id": {"jti": "j" * 256},
    "an access token's kind": {"typ": "at+jwt"},
    "a kind as a number": {"typ": 7},
}


@pytest.mark.parametrize("claims", BAD.values(), ids=BAD)
def test_refused_without_a_fetch(issuer: Issuer, verifier: TokenVerifier, claims: dict[str, Any]) -> None:
    with pytest.raises(TokenInvalid):
        verifier.logout_token(logout_token(issuer, **claims), client_id=CLIENT_ID)
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
