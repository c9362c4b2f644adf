"""How a verifier is made, from settings and by itself, and its check of the keys."""

from __future__ import annotations

import time
from typing import Any

import pytest

from app.core.errors import ProviderUnavailable, TokenExpired
from app.core.settings import Settings
from app.core.tokens.verifier import TokenVerifier, build_verifier
from tests.issuer import Issuer, SigningKey


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
