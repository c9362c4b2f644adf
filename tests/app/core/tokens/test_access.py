"""Access tokens: every claim of the wrong value or type is refused, and costs the provider no fetch."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.core.errors import TokenExpired, TokenInvalid
from app.core.failure_reasons import TokenReason, TokenUse
from app.core.principal import Subject
from app.core.tokens.hashes import token_hash
from app.core.tokens.verifier import TokenVerifier
from tests.issuer import ABSENT, Issuer, SigningKey

NOW = 1_800_000_000.0
LEEWAY = 30


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


@pytest.fixture
def issuer() -> Issuer:
    return Issuer(clock=lambda: NOW)


@pytest.fixture
def verifier(issuer: Issuer) -> TokenVerifier:
    return issuer.verifier(clock=lambda: at(NOW), leeway_seconds=LEEWAY)


def test_a_valid_token_has_all_its_claims(issuer: Issuer, verifier: TokenVerifier) -> None:
    token = issuer.access_token(roles=["analyst"], org_id="org_1", permissions=["read:a", "read:b"])
    access = verifier.access_token(token)
    assert access.subject == Subject(issuer.url, "auth0|ann")
    assert access.client_id == issuer.client_id
    assert access.scope == {"openid", "profile", "read:messages"}
    assert access.permissions == {"read:a", "read:b"}
    assert access.roles == {"analyst"}
    assert (access.issued_at, access.expires_at) == (at(NOW), at(NOW + 600))
    assert not access.machine
    assert access.organization == "org_1"


def test_absent_claims_are_empty(issuer: Issuer, verifier: TokenVerifier) -> None:
    access = verifier.access_token(issuer.access_token(azp=ABSENT, scope=ABSENT, permissions=ABSENT))
    assert (access.client_id, access.organization) == ("", "")
    assert access.scope == access.permissions == access.roles == frozenset()
    assert (access.authenticated_at, access.acr, access.amr) == (None, "", frozenset())


def test_claims_about_the_sign_in_are_read(issuer: Issuer, verifier: TokenVerifier) -> None:
    """RFC 9068 §2.2.1."""
    access = verifier.access_token(issuer.access_token(auth_time=NOW - 60, acr="urn:gold", amr=["pwd", "mfa"]))
    assert (access.authenticated_at, access.acr, access.amr) == (at(NOW - 60), "urn:gold", frozenset({"pwd", "mfa"}))
    weak = verifier.access_token(issuer.access_token(auth_time=0, acr=7, amr="mfa"))
    assert (weak.authenticated_at, weak.acr, weak.amr) == (None, "", frozenset())
    for wrong in ("now", True, NOW + LEEWAY + 1):
        with pytest.raises(TokenInvalid):
            verifier.access_token(issuer.access_token(auth_time=wrong))


GOOD: dict[str, dict[str, Any]] = {
    "audience as a string": {"aud": "https://api.gatehouse.test/"},
    "client_id as in RFC 9068": {"azp": ABSENT, "client_id": "client-one"},
    "both names of one client": {"client_id": "client-one"},
    "float times": {"exp": NOW + 0.5, "iat": NOW - 0.5},
    "expired within the leeway": {"exp": NOW - LEEWAY + 1, "iat": NOW - 100},
    "issued within the leeway": {"iat": NOW + LEEWAY},
    "not before within the leeway": {"nbf": NOW + LEEWAY},
    "no organization said by null": {"org_id": None},
    "odd but printable subject": {"sub": "samlp|acme|zoë@example.com"},
    "empty scope": {"scope": ""},
}


@pytest.mark.parametrize("claims", GOOD.values(), ids=GOOD)
def test_accepted(issuer: Issuer, verifier: TokenVerifier, claims: dict[str, Any]) -> None:
    assert verifier.access_token(issuer.access_token(**claims)).subject.issuer == issuer.url


BAD: dict[str, tuple[dict[str, Any], TokenReason]] = {
    "no issuer": ({"iss": ABSENT}, TokenReason.ISSUER),
    "another issuer": ({"iss": "https://evil.test/"}, TokenReason.ISSUER),
    "issuer without its slash": ({"iss": "https://issuer.test"}, TokenReason.ISSUER),
    "issuer in capitals": ({"iss": "https://ISSUER.test/"}, TokenReason.ISSUER),
    "issuer as a list": ({"iss": ["https://issuer.test/"]}, TokenReason.ISSUER),
    "no audience": ({"aud": ABSENT}, TokenReason.AUDIENCE_MALFORMED),
    "empty audience": ({"aud": []}, TokenReason.AUDIENCE),
    "another audience": ({"aud": "https://issuer.test/userinfo"}, TokenReason.AUDIENCE),
    "audience without its slash": ({"aud": "https://api.gatehouse.test"}, TokenReason.AUDIENCE),
    "audience as prefix": ({"aud": ["https://api.gatehouse.test/evil"]}, TokenReason.AUDIENCE),
    "audience as words": ({"aud": "https://api.gatehouse.test/ https://evil.test/"}, TokenReason.AUDIENCE),
    "audience as an object": ({"aud": {"https://api.gatehouse.test/": 1}}, TokenReason.AUDIENCE_MALFORMED),
    "audience with a number": ({"aud": ["https://api.gatehouse.test/", 7]}, TokenReason.AUDIENCE_MALFORMED),
    "audience null": ({"aud": None}, TokenReason.AUDIENCE_MALFORMED),
    "no expiry": ({"exp": ABSENT}, TokenReason.TIMES_MISSING),
    "expiry as text": ({"exp": str(NOW + 600)}, TokenReason.TIME_MALFORMED),
    "expiry as a bool": ({"exp": True}, TokenReason.TIME_MALFORMED),
    "expiry null": ({"exp": None}, TokenReason.TIME_MALFORMED),
    "expiry as a list": ({"exp": [NOW + 600]}, TokenReason.TIME_MALFORMED),
    "expiry huge": ({"exp": 10**19}, TokenReason.TIME_MALFORMED),
    "expiry of absurd digits": ({"exp": 10**400}, TokenReason.JSON),
    "expiry not a number": ({"exp": float("nan")}, TokenReason.JSON),
    "expiry infinite": ({"exp": float("inf")}, TokenReason.JSON),
    "expiry negative": ({"exp": -1}, TokenReason.TIME_MALFORMED),
    "no issue time": ({"iat": ABSENT}, TokenReason.TIMES_MISSING),
    "issued in the future": ({"iat": NOW + LEEWAY + 1}, TokenReason.NOT_YET_VALID),
    "issued after its expiry": ({"iat": NOW + 20, "exp": NOW + 10}, TokenReason.NOT_YET_VALID),
    "issued before 1970": ({"iat": -1}, TokenReason.TIME_MALFORMED),
    "issue time as text": ({"iat": "0"}, TokenReason.TIME_MALFORMED),
    "issue time as a bool": ({"iat": False}, TokenReason.TIME_MALFORMED),
    "not yet": ({"nbf": NOW + LEEWAY + 1}, TokenReason.NOT_YET_VALID),
    "not before as text": ({"nbf": "0"}, TokenReason.TIME_MALFORMED),
    "not before null": ({"nbf": None}, TokenReason.TIME_MALFORMED),
    "no subject": ({"sub": ABSENT}, TokenReason.SUBJECT_MISSING),
    "empty subject": ({"sub": ""}, TokenReason.IDENTIFIER),
    "subject null": ({"sub": None}, TokenReason.IDENTIFIER),
    "subject as a number": ({"sub": 7}, TokenReason.IDENTIFIER),
    "subject as a list": ({"sub": ["auth0|ann"]}, TokenReason.IDENTIFIER),
    "subject too long": ({"sub": "a" * 256}, TokenReason.IDENTIFIER),
    "subject with a control character": ({"sub": "auth0|ann\x00"}, TokenReason.IDENTIFIER),
    "subject with a lone surrogate": ({"sub": "auth0|\ud800"}, TokenReason.IDENTIFIER),
    "client as a number": ({"azp": 7}, TokenReason.IDENTIFIER),
    "client null": ({"client_id": None}, TokenReason.IDENTIFIER),
    "two clients": ({"client_id": "another"}, TokenReason.TWO_CLIENTS),
    "nonce, so an ID token": ({"nonce": "n"}, TokenReason.NOT_ACCESS),
    "at_hash, so an ID token": ({"at_hash": "x"}, TokenReason.NOT_ACCESS),
    "c_hash, so an ID token": ({"c_hash": "x"}, TokenReason.NOT_ACCESS),
    "events, so a logout token": (
        {"events": {"http://schemas.openid.net/event/backchannel-logout": {}}},
        TokenReason.NOT_ACCESS,
    ),
    "bound to a key": ({"cnf": {"jkt": "x"}}, TokenReason.SENDER_CONSTRAINED),
    "bound, by null": ({"cnf": None}, TokenReason.SENDER_CONSTRAINED),
    "a DPoP proof": ({"htm": "GET"}, TokenReason.NOT_ACCESS),
    "scope as an object": ({"scope": {"read:messages": True}}, TokenReason.SCOPE),
    "scope as a number": ({"scope": 7}, TokenReason.SCOPE),
    "permissions as an object": ({"permissions": {"read:messages": True}}, TokenReason.PERMISSIONS),
    "permissions as a bool": ({"permissions": True}, TokenReason.PERMISSIONS),
    "roles as an object": ({"roles": {"administrator": True}}, TokenReason.ROLES),
    "roles as a number": ({"roles": 7}, TokenReason.ROLES),
    "organization as a number": ({"org_id": 7}, TokenReason.IDENTIFIER),
}


@pytest.mark.parametrize(("claims", "reason"), BAD.values(), ids=BAD)
def test_refused_without_a_fetch(
    issuer: Issuer, verifier: TokenVerifier, claims: dict[str, Any], reason: TokenReason
) -> None:
    with pytest.raises(TokenInvalid) as caught:
        verifier.access_token(issuer.access_token(**claims))
    assert not isinstance(caught.value, TokenExpired)
    assert (caught.value.reason, caught.value.use) == (reason, TokenUse.ACCESS)
    assert issuer.jwks_fetches == 0


def test_expired(issuer: Issuer, verifier: TokenVerifier) -> None:
    with pytest.raises(TokenExpired) as caught:
        verifier.access_token(issuer.access_token(iat=NOW - 100, exp=NOW - LEEWAY))
    assert (caught.value.reason, caught.value.use) == (TokenReason.EXPIRED, TokenUse.ACCESS)
    assert issuer.jwks_fetches == 0


def test_id_and_logout_tokens_are_no_access_tokens(issuer: Issuer, verifier: TokenVerifier) -> None:
    for token in (issuer.id_token(), issuer.id_token(nonce="n", aud=issuer.audience), issuer.logout_token()):
        with pytest.raises(TokenInvalid):
            verifier.access_token(token)
    assert issuer.jwks_fetches == 0


@pytest.mark.parametrize("typ", [ABSENT, "JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt"])
def test_kinds_accepted(issuer: Issuer, verifier: TokenVerifier, typ: Any) -> None:
    assert verifier.access_token(issuer.access_token(header={"typ": typ})).client_id == issuer.client_id


@pytest.mark.parametrize("typ", ["logout+jwt", "dpop+jwt", "secevent+jwt", "JOSE", "at+jwt ", None, 7, ["JWT"]])
def test_kinds_refused(issuer: Issuer, verifier: TokenVerifier, typ: Any) -> None:
    with pytest.raises(TokenInvalid) as caught:
        verifier.access_token(issuer.access_token(header={"typ": typ}))
    assert caught.value.reason is (TokenReason.TYPE if isinstance(typ, str) else TokenReason.HEADER)
    assert issuer.jwks_fetches == 0


def test_scope_and_permissions_are_exact_words(issuer: Issuer, verifier: TokenVerifier) -> None:
    access = verifier.access_token(issuer.access_token(scope="read:messages\u00a0admin  x", permissions=["a b"]))
    assert access.scope == {"read:messages\u00a0admin", "x"}
    assert access.permissions == {"a b"}


@pytest.mark.parametrize(
    ("claims", "machine"),
    [
        ({"sub": "robot@clients", "azp": "robot", "gty": "client-credentials"}, True),
        ({"sub": "anything", "gty": "client-credentials"}, True),
        ({"sub": "robot@clients", "azp": "robot"}, True),
        ({"sub": "robot", "azp": ABSENT, "client_id": "robot"}, True),
        ({"sub": "auth0|ann"}, False),
        ({"sub": "auth0|ann", "gty": "password"}, False),
        ({"sub": "auth0|ann@clients"}, False),  # an account name a person may have chosen
        ({"sub": "auth0|ann", "gty": ["client-credentials"]}, False),
    ],
)
def test_machines(issuer: Issuer, verifier: TokenVerifier, claims: dict[str, Any], machine: bool) -> None:
    assert verifier.access_token(issuer.access_token(**claims)).machine is machine


def test_only_the_algorithms_asked_for(issuer: Issuer) -> None:
    issuer.keys = [SigningKey("rs"), SigningKey("ps", "PS256", 1), SigningKey("es", "ES256")]
    algorithms = ("RS256", "PS256", "ES256")
    for key in issuer.keys:
        token = issuer.access_token(key=key)
        clock = {"clock": lambda: at(NOW)}
        every = issuer.verifier(issuer.key_set(algorithms=algorithms), algorithms=algorithms, **clock)
        assert every.access_token(token).client_id == issuer.client_id
        others = tuple(name for name in algorithms if name != key.alg)
        fetches = issuer.jwks_fetches
        with pytest.raises(TokenInvalid):
            issuer.verifier(issuer.key_set(algorithms=algorithms), algorithms=others, **clock).access_token(token)
        assert issuer.jwks_fetches == fetches


@pytest.mark.parametrize("algorithms", [(), ("none",), ("HS256",), ("RS256", "RS512")])
def test_no_other_algorithm_can_be_asked_for(issuer: Issuer, algorithms: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="algorithms"):
        issuer.verifier(algorithms=algorithms)


@pytest.mark.parametrize("leeway_seconds", [-1, 61, 3600])
def test_leeway_is_bounded(issuer: Issuer, leeway_seconds: int) -> None:
    with pytest.raises(ValueError, match="leeway"):
        issuer.verifier(leeway_seconds=leeway_seconds)


def test_no_refusal_repeats_anything_of_the_token(issuer: Issuer, verifier: TokenVerifier) -> None:
    for claims, _ in BAD.values():
        marked: dict[str, Any] = {
            name: f"MARK{value}" if isinstance(value, str) and value else value for name, value in claims.items()
        }
        for token in (issuer.access_token(**marked), issuer.access_token(header={"typ": "MARK", "MARK": 1})):
            with pytest.raises(TokenInvalid) as caught:
                verifier.access_token(token)
            assert "MARK" not in str(caught.value)
            assert token[:20] not in str(caught.value)


def test_times_are_those_of_the_clock(issuer: Issuer) -> None:
    moment = [at(NOW)]
    verifier = issuer.verifier(clock=lambda: moment[0], leeway_seconds=0)
    token = issuer.access_token()
    verifier.access_token(token)
    moment[0] += timedelta(seconds=600)
    with pytest.raises(TokenExpired):
        verifier.access_token(token)


def test_token_hash_is_sha256_of_anything() -> None:
    assert token_hash("abc").hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert len(token_hash("\ud800")) == 32
