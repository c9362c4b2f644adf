"""Authlib's server core, the one place that imports it; handed on as ``Any`` because Authlib ships no types.

Sources: RFC 6749, RFC 7009, RFC 7636.
"""

from __future__ import annotations

from typing import Any

import authlib.common.urls
import authlib.oauth2.rfc6749
import authlib.oauth2.rfc6749.grants
import authlib.oauth2.rfc7009
import authlib.oauth2.rfc7636
from authlib.oauth2 import OAuth2Error

AuthorizationServer: Any = authlib.oauth2.rfc6749.AuthorizationServer
ClientMixin: Any = authlib.oauth2.rfc6749.ClientMixin
OAuth2Payload: Any = authlib.oauth2.rfc6749.OAuth2Payload
OAuth2Request: Any = authlib.oauth2.rfc6749.OAuth2Request
AuthorizationCodeGrant: Any = authlib.oauth2.rfc6749.grants.AuthorizationCodeGrant
ClientCredentialsGrant: Any = authlib.oauth2.rfc6749.grants.ClientCredentialsGrant
RefreshTokenGrant: Any = authlib.oauth2.rfc6749.grants.RefreshTokenGrant
RevocationEndpoint: Any = authlib.oauth2.rfc7009.RevocationEndpoint
CodeChallenge: Any = authlib.oauth2.rfc7636.CodeChallenge
add_params_to_uri: Any = authlib.common.urls.add_params_to_uri


class Refusal(OAuth2Error):
    """An error in Auth0's shape, with its status; ``challenge`` adds ``WWW-Authenticate: Basic``."""

    def __init__(
        self,
        error: str,
        description: str,
        *,
        status: int = 403,
        challenge: bool = False,
        redirect_uri: str | None = None,
        state: str | None = None,
    ) -> None:
        start: Any = super().__init__
        start(description, status_code=status, error=error, redirect_uri=redirect_uri, state=state)
        self._challenge = challenge

    def get_headers(self) -> list[tuple[str, str]]:
        """Authlib's own, and the challenge."""
        start: Any = super().get_headers
        more = [("WWW-Authenticate", 'Basic realm="tenant"')] if self._challenge else []
        return [*start(), *more]
