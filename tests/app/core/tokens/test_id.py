"""ID tokens: OIDC Core §3.1.3.7 as the relying-party tests have it, and claims that are only shown."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from app.core.errors import NonceMismatch, SignInTooOld, TokenExpired, TokenInvalid
from app.core.failure_reasons import TokenReason, TokenUse
from app.core.principal import Subject
from app.core.tokens.types import IdToken
from app.core.tokens.verifier import TokenVerifier
from tests.issuer import ABSENT, CLIENT_ID, Issuer, SigningKey

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
    token = issuer.id_token(nonce="n-1", acr="urn:mfa", amr=["pwd", "otp"], org_id="org_1", roles=["analyst"])
    assert verifier.id_token(token, client_id=CLIENT_ID, nonce="n-1") == IdToken(
        subject=Subject(issuer.url, "auth0|ann"),
        sid="session-1",
        authenticated_at=at(NOW),
        acr="urn:mfa",
        amr=frozenset({"pwd", "otp"}),
        name="Ann Example",
        email="ann@example.com",
        email_verified=True,
        picture="https://pictures.example.com/ann.png",
        roles=frozenset({"analyst"}),
        issued_at=at(NOW),
        organization="org_1",
    )


def test_absent_claims_are_empty(issuer: Issuer, verifier: TokenVerifier) -> None:
    token = issuer.sign(issuer.claims(aud=[CLIENT_ID]))
    assert verifier.id_token(token, client_id=CLIENT_ID, nonce=None) == IdToken(
        subject=Subject(issuer.url, "auth0|ann"),
        sid="",
        authenticated_at=None,
        acr="",
        amr=frozenset(),
        name="",
        email="",
        email_verified=False,
        picture="",
        roles=frozenset(),
        issued_at=at(NOW),
    )


BAD: dict[str, tuple[dict[str, Any], TokenReason]] = {
    "another issuer": ({"iss": "https://evil.test/"}, TokenReason.ISSUER),
    "issuer without its slash": ({"iss": "https://issuer.test"}, TokenReason.ISSUER),
    "no issuer": ({"iss": ABSENT}, TokenReason.ISSUER),
    "another client": ({"aud": "client-two"}, TokenReason.AUDIENCE),
    "no audience": ({"aud": ABSENT}, TokenReason.AUDIENCE_MALFORMED),
    "several audiences without azp": ({"aud": [CLIENT_ID, "other"]}, TokenReason.AUTHORIZED_PARTY),
    "several audiences, another party": ({"aud": [CLIENT_ID, "other"], "azp": "other"}, TokenReason.AUTHORIZED_PARTY),
    "one audience, another party": ({"azp": "other"}, TokenReason.AUTHORIZED_PARTY),
    "party of the wrong type": ({"azp": [CLIENT_ID]}, TokenReason.IDENTIFIER),
    "no subject": ({"sub": ABSENT}, TokenReason.SUBJECT_MISSING),
    "empty subject": ({"sub": ""}, TokenReason.IDENTIFIER),
    "no expiry": ({"exp": ABSENT}, TokenReason.TIMES_MISSING),
    "no issue time": ({"iat": ABSENT}, TokenReason.TIMES_MISSING),
    "issued in the future": ({"iat": NOW + LEEWAY + 1}, TokenReason.NOT_YET_VALID),
    "not yet": ({"nbf": NOW + LEEWAY + 1}, TokenReason.NOT_YET_VALID),
    "a logout token": ({"events": {"http://schemas.openid.net/event/backchannel-logout": {}}}, TokenReason.NOT_ID),
    "sign-in in the future": ({"auth_time": NOW + LEEWAY + 1}, TokenReason.SIGN_IN_AHEAD),
    "sign-in time as text": ({"auth_time": "now"}, TokenReason.TIME_MALFORMED),
    "sign-in time as a bool": ({"auth_time": True}, TokenReason.TIME_MALFORMED),
    "sid as a number": ({"sid": 7}, TokenReason.IDENTIFIER),
}


@pytest.mark.parametrize(("claims", "reason"), BAD.values(), ids=BAD)
def test_refused(issuer: Issuer, verifier: TokenVerifier, claims: dict[str, Any], reason: TokenReason) -> None:
    with pytest.raises(TokenInvalid) as caught:
        verifier.id_token(issuer.id_token(**claims), client_id=CLIENT_ID, nonce=None)
    assert (caught.value.reason, caught.value.use) == (reason, TokenUse.ID)
    assert issuer.jwks_fetches == 0


def test_expired(issuer: Issuer, verifier: TokenVerifier) -> None:
    with pytest.raises(TokenExpired) as caught:
        verifier.id_token(issuer.id_token(iat=NOW - 100, exp=NOW - LEEWAY), client_id=CLIENT_ID, nonce=None)
    assert (caught.value.reason, caught.value.use) == (TokenReason.EXPIRED, TokenUse.ID)


def test_several_audiences_with_our_azp(issuer: Issuer, verifier: TokenVerifier) -> None:
    token = issuer.id_token(aud=["other", CLIENT_ID], azp=CLIENT_ID)
    assert verifier.id_token(token, client_id=CLIENT_ID, nonce=None).sid == "session-1"


@pytest.mark.parametrize("typ", ["at+jwt", "application/at+jwt", "logout+jwt", "JOSE"])
def test_kinds_refused(issuer: Issuer, verifier: TokenVerifier, typ: str) -> None:
    with pytest.raises(TokenInvalid):
        verifier.id_token(issuer.id_token(header={"typ": typ}), client_id=CLIENT_ID, nonce=None)


def test_access_and_logout_tokens_are_no_id_tokens(issuer: Issuer, verifier: TokenVerifier) -> None:
    for token in (issuer.access_token(), issuer.logout_token()):
        with pytest.raises(TokenInvalid):
            verifier.id_token(token, client_id=CLIENT_ID, nonce=None)


@pytest.mark.parametrize("nonce", [ABSENT, "other", "", "n-1 ", "N-1", None, 7, ["n-1"], "\ud800"])
def test_the_nonce_is_compared(issuer: Issuer, verifier: TokenVerifier, nonce: Any) -> None:
    token = issuer.sign(issuer.claims(aud=CLIENT_ID, nonce=nonce))
    with pytest.raises(NonceMismatch):
        verifier.id_token(token, client_id=CLIENT_ID, nonce="n-1")
    assert verifier.id_token(token, client_id=CLIENT_ID, nonce=None).subject.subject == "auth0|ann"


def test_the_signature_counts_before_the_nonce(issuer: Issuer, verifier: TokenVerifier) -> None:
    forged = issuer.id_token(nonce="n-1", key=SigningKey("key-0", number=5))
    for nonce in ("n-1", "other", None):
        with pytest.raises(TokenInvalid):
            verifier.id_token(forged, client_id=CLIENT_ID, nonce=nonce)


def test_at_hash_ties_the_two_tokens(issuer: Issuer, verifier: TokenVerifier) -> None:
    access, other = issuer.access_token(), issuer.access_token(sub="auth0|eve")
    tied, loose = issuer.id_token(access_token=access), issuer.id_token()
    for token, beside in ((tied, access), (tied, None), (loose, access)):
        verifier.id_token(token, client_id=CLIENT_ID, nonce=None, access_token=beside)
    for token, beside in (
        (tied, other),
        (issuer.id_token(at_hash=None), access),
        (issuer.id_token(at_hash=7), access),
        (issuer.id_token(at_hash=""), access),
    ):
        with pytest.raises(TokenInvalid) as caught:
            verifier.id_token(token, client_id=CLIENT_ID, nonce=None, access_token=beside)
        assert caught.value.reason is TokenReason.ACCESS_TOKEN_HASH


@pytest.mark.parametrize(
    ("auth_time", "expected"), [(ABSENT, None), (0, None), (NOW - 0.5, at(NOW - 0.5)), (int(NOW) - 9, at(NOW - 9))]
)
def test_auth_time_differs_between_providers(
    issuer: Issuer, verifier: TokenVerifier, auth_time: Any, expected: datetime | None
) -> None:
    token = issuer.id_token(auth_time=auth_time)
    assert verifier.id_token(token, client_id=CLIENT_ID, nonce=None).authenticated_at == expected


@pytest.mark.parametrize(
    ("auth_time", "max_age_seconds", "good"),
    [
        (NOW - 60 - LEEWAY, 60, True),
        (NOW - 61 - LEEWAY, 60, False),
        (NOW - LEEWAY, 0, True),
        (NOW - LEEWAY - 1, 0, False),
        (ABSENT, 60, False),
        (0, 60, False),
        (NOW - 9999, None, True),
    ],
)
def test_max_age(
    issuer: Issuer, verifier: TokenVerifier, auth_time: Any, max_age_seconds: int | None, good: bool
) -> None:
    token = issuer.id_token(auth_time=auth_time)

    def verify() -> IdToken:
        return verifier.id_token(token, client_id=CLIENT_ID, nonce=None, max_age_seconds=max_age_seconds)

    if good:
        assert verify().sid == "session-1"
    else:
        with pytest.raises(SignInTooOld) as caught:
            verify()
        missing = auth_time in {ABSENT, 0}
        assert caught.value.reason is (TokenReason.SIGN_IN_TIME_MISSING if missing else TokenReason.SIGN_IN_TOO_OLD)


def shown(issuer: Issuer, verifier: TokenVerifier, **claims: Any) -> IdToken:
    return verifier.id_token(issuer.id_token(**claims), client_id=CLIENT_ID, nonce=None)


@pytest.mark.parametrize(
    ("claim", "name"),
    [
        ("Ann\x00 Exa\nmple\x1b[31m\x7f", "Ann Example[31m"),
        ("\u202eevil\u2066 \ufeffname\u2028", "evil name"),
        ("half \ud83d a smiley", "half  a smiley"),
        ("a" * 5000, "a" * 200),
        ("<script>alert(1)</script> $$x$$ :material/lock:", "<script>alert(1)</script> $$x$$ :material/lock:"),
        (7, ""),
        (None, ""),
        (["Ann"], ""),
        ("  ", ""),
    ],
)
def test_hostile_names_are_cleaned_never_refused(
    issuer: Issuer, verifier: TokenVerifier, claim: Any, name: str
) -> None:
    assert shown(issuer, verifier, name=claim).name == name


@pytest.mark.parametrize(
    ("email", "verified", "expected"),
    [
        ("ann@example.com", True, ("ann@example.com", True)),
        ("ann@example.com", "true", ("ann@example.com", False)),
        ("ann@example.com", 1, ("ann@example.com", False)),
        ("ann@example.com", ABSENT, ("ann@example.com", False)),
        ("ann@example.com\u202e", True, ("ann@example.com", False)),  # cleaned: no longer what was verified
        ("a" * 400, True, ("a" * 320, False)),
        (ABSENT, True, ("", False)),
        ("", True, ("", False)),
        (7, True, ("", False)),
    ],
)
def test_only_the_address_the_provider_verified_is_verified(
    issuer: Issuer, verifier: TokenVerifier, email: Any, verified: Any, expected: tuple[str, bool]
) -> None:
    token = shown(issuer, verifier, email=email, email_verified=verified)
    assert (token.email, token.email_verified) == expected


@pytest.mark.parametrize(
    "picture",
    [
        "http://pictures.example.com/a.png",
        "javascript:alert(1)",
        "data:image/svg+xml,<svg/>",
        "//pictures.example.com/a.png",
        "https:///a.png",
        "https://[bad/a.png",
        "https://user:word@example.com/a.png",
        "https://example.com:99999/a.png",
        'https://example.com/"onerror="x',
        "https://example.com/a b.png",
        "https://example.com\\@evil.test/",
        "https://example.com/" + "a" * 2048,
        7,
        None,
    ],
)
def test_pictures_are_plain_https_or_none(issuer: Issuer, verifier: TokenVerifier, picture: Any) -> None:
    assert shown(issuer, verifier, picture=picture).picture == ""


@pytest.mark.parametrize(
    ("claims", "acr", "amr"),
    [
        ({"acr": 0, "amr": "pwd"}, "", frozenset()),
        ({"acr": None, "amr": None}, "", frozenset()),
        ({"acr": "1\n", "amr": ["mfa", 7, ["pwd"], ""]}, "1", frozenset({"mfa"})),
    ],
)
def test_factors_of_the_wrong_type_count_as_none(
    issuer: Issuer, verifier: TokenVerifier, claims: dict[str, Any], acr: str, amr: frozenset[str]
) -> None:
    token = shown(issuer, verifier, **claims)
    assert (token.acr, token.amr) == (acr, amr)


def test_a_session_id_may_be_null(issuer: Issuer, verifier: TokenVerifier) -> None:
    assert shown(issuer, verifier, sid=None).sid == shown(issuer, verifier, sid="").sid == ""


def test_a_token_without_key_id_needs_a_lone_key(issuer: Issuer, verifier: TokenVerifier) -> None:
    token = issuer.id_token(header={"kid": ABSENT})
    assert verifier.id_token(token, client_id=CLIENT_ID, nonce=None).sid == "session-1"
    issuer.rotate()
    with pytest.raises(TokenInvalid):
        issuer.verifier(clock=lambda: at(NOW)).id_token(token, client_id=CLIENT_ID, nonce=None)
