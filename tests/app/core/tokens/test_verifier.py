"""How a verifier is made, from settings and by itself, and its check of the keys."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest

from app.core.errors import ProviderUnavailable, TokenExpired, TokenInvalid
from app.core.failure_reasons import ProviderReason, TokenReason, TokenUse
from app.core.settings import Settings
from app.core.tokens.discovery import Discovery
from app.core.tokens.jwks import PublicKey
from app.core.tokens.key_set import KeySet
from app.core.tokens.verifier import TokenVerifier, build_verifier
from tests.issuer import CLIENT_ID, Issuer, SigningKey


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


def test_the_settings_verifier_works_over_http() -> None:
    with Issuer() as issuer:
        settings = Settings(
            _env_file=None,
            oidc_issuer=issuer.url,
            auth0_audience=issuer.audience,
            token_algorithms=("ES256",),
            token_leeway_seconds=7,
            auth0_roles_claim="https://acme.example/roles",
        )
        issuer.keys = [SigningKey("es", "ES256")]
        now = time.time()
        for verifier in (build_verifier(settings), build_verifier(settings, issuer.discovery())):
            claims: dict[str, Any] = {"https://acme.example/roles": ["analyst"], "exp": now - 4, "iat": now - 50}
            token = issuer.access_token(**claims)
            assert verifier.access_token(token).roles == {"analyst"}
            with pytest.raises(TokenExpired):
                verifier.access_token(issuer.access_token(exp=now - 8, iat=now - 50))
        assert issuer.discovery_fetches == issuer.jwks_fetches == 2


@pytest.mark.parametrize("missing", ["issuer", "audience"])
def test_a_verifier_without_issuer_or_audience_is_not_made(issuer: Issuer, missing: str) -> None:
    url, audience = issuer.url, issuer.audience
    with pytest.raises(ValueError, match=r"^issuer and audience must not be empty$"):
        TokenVerifier(
            issuer="" if missing == "issuer" else url,
            audience="" if missing == "audience" else audience,
            keys=issuer.key_set(),
        )


def test_keys_that_the_provider_does_not_have_make_it_unavailable(issuer: Issuer) -> None:
    verifier = issuer.verifier(issuer.key_set(algorithms=("ES256",)))
    with pytest.raises(ProviderUnavailable):
        verifier.check_keys()
    issuer.verifier().check_keys()


class RecordingKeys(KeySet):
    """The keys of an issuer, and whether each token for which one was asked came from the provider."""

    def __init__(self, issuer: Issuer) -> None:
        super().__init__(issuer.jwks)
        self.from_provider: list[bool] = []

    def versioned_key(self, kid: str | None, alg: str, *, from_provider: bool = False) -> tuple[PublicKey, int]:
        self.from_provider.append(from_provider)
        return super().versioned_key(kid, alg, from_provider=from_provider)


def test_only_tokens_of_the_providers_answers_fetch_keys_as_such(issuer: Issuer) -> None:
    """A logout token comes from the provider too, but anyone can send one."""
    keys = RecordingKeys(issuer)
    verifier = issuer.verifier(keys)
    verifier.access_token(issuer.access_token(jti="1"))
    verifier.access_token(issuer.access_token(jti="2"), from_provider=False)
    verifier.access_token(issuer.access_token(jti="3"), from_provider=True)
    verifier.id_token(issuer.id_token(), client_id=CLIENT_ID, nonce=None)
    verifier.logout_token(issuer.logout_token(), client_id=CLIENT_ID)
    assert keys.from_provider == [False, False, True, True, False]


@pytest.mark.parametrize("leeway_seconds", [0, 60])
def test_the_limits_of_the_leeway_are_accepted(issuer: Issuer, leeway_seconds: int) -> None:
    verifier = issuer.verifier(leeway_seconds=leeway_seconds)
    assert verifier.access_token(issuer.access_token()).client_id == CLIENT_ID


def test_a_leeway_beyond_the_limit_names_it(issuer: Issuer) -> None:
    with pytest.raises(ValueError, match=r"^leeway_seconds must be between 0 and 60$"):
        issuer.verifier(leeway_seconds=61)


def test_an_unknown_algorithm_names_those_that_are_known(issuer: Issuer) -> None:
    with pytest.raises(ValueError, match=r"^algorithms must be some of RS256, PS256, ES256$"):
        issuer.verifier(algorithms=("none",))
    with pytest.raises(ValueError, match=r"^algorithms must be some of RS256, PS256, ES256$"):
        issuer.key_set(algorithms=("none",))


def test_the_defaults_of_a_verifier(issuer: Issuer) -> None:
    """RS256 alone, half a minute of leeway, the time of this machine, and the roles claim of the settings."""
    verifier = TokenVerifier(issuer=issuer.url, audience=issuer.audience, keys=issuer.key_set())
    now = int(time.time())
    assert verifier.access_token(issuer.access_token(roles=["analyst"])).roles == {"analyst"}
    verifier.access_token(issuer.access_token(exp=now - 25, iat=now - 50))
    with pytest.raises(TokenExpired):
        verifier.access_token(issuer.access_token(exp=now - 31, iat=now - 50))
    with pytest.raises(TokenInvalid) as caught:
        verifier.access_token(issuer.access_token(key=SigningKey("ps", "PS256")))
    assert caught.value.reason is TokenReason.ALGORITHM
    fixed = TokenVerifier(
        issuer=issuer.url,
        audience=issuer.audience,
        keys=issuer.key_set(),
        clock=lambda: datetime.fromtimestamp(now, UTC),
    )
    with pytest.raises(TokenExpired):
        fixed.access_token(issuer.access_token(exp=now - 30, iat=now - 50))


def test_the_verifier_of_settings_has_their_cooldown_and_shares_a_discovery() -> None:
    settings = Settings(_env_file=None, oidc_issuer="https://provider.example/", jwks_cooldown_seconds=17)
    discovery = Discovery.of(settings)
    verifier = build_verifier(settings, discovery)
    assert (verifier._keys._cooldown_seconds, verifier._keys._fetch) == (17, discovery.fetch_jwks)


def test_the_check_of_keys_fetches_only_once(issuer: Issuer) -> None:
    verifier = issuer.verifier()
    verifier.check_keys()
    verifier.check_keys()
    assert issuer.jwks_fetches == 1


def test_the_check_of_keys_reports_why_they_cannot_be_fetched() -> None:
    def fetch() -> dict[str, Any]:
        raise ProviderUnavailable(reason=ProviderReason.DNS)

    with pytest.raises(ProviderUnavailable) as caught:
        Issuer().verifier(KeySet(fetch)).check_keys()
    assert caught.value.reason is ProviderReason.DNS


def test_times_at_the_edge_of_the_leeway(issuer: Issuer) -> None:
    now = 1_800_000_000.0
    verifier = issuer.verifier(clock=lambda: datetime.fromtimestamp(now, UTC), leeway_seconds=30)

    def accepted(**claims: Any) -> bool:
        with suppress(TokenInvalid):
            verifier.access_token(issuer.access_token(**({"iat": now, "exp": now + 600} | claims)))
            return True
        return False

    assert accepted(iat=now + 30)
    assert not accepted(iat=now + 30.5)
    assert accepted(iat=now, exp=now)  # issued at the very moment at which it expires
    assert not accepted(iat=now + 1, exp=now)
    assert accepted(iat=now - 60, exp=now - 29.5)
    assert not accepted(iat=now - 60, exp=now - 30)
    assert accepted(auth_time=now + 30)
    assert not accepted(auth_time=now + 30.5)


def test_the_contexts_of_a_sign_in_are_as_long_as_an_identifier(issuer: Issuer) -> None:
    verifier = issuer.verifier()
    access = verifier.access_token(issuer.access_token(acr="a" * 300))
    identity = verifier.id_token(issuer.id_token(acr="a" * 300), client_id=CLIENT_ID, nonce=None)
    assert access.acr == identity.acr == "a" * 255


@pytest.mark.parametrize("nonce", [None, "n"])
def test_a_library_that_returns_anything_but_true_has_not_verified(issuer: Issuer, nonce: str | None) -> None:
    verifier = issuer.verifier()
    verifier._algorithms["RS256"] = _Truthy()  # type: ignore[assignment]
    with pytest.raises(TokenInvalid) as caught:
        verifier.id_token(issuer.id_token(nonce=nonce), client_id=CLIENT_ID, nonce=nonce)
    assert (caught.value.reason, caught.value.use) == (TokenReason.SIGNATURE, TokenUse.ID)


class _Truthy:
    def verify(self, *_: object) -> object:
        return 1
