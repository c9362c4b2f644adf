"""The client of the OpenID provider: authorize, exchange, refresh, revoke, log out, with the quirks of providers.

Authlib makes the requests (RFC 6749, RFC 7636, RFC 7009); no error of Authlib or requests leaves this module. Only the
shape of responses is checked here: ``app.core.tokens.verifier`` verifies tokens. Redirects are never followed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import requests
import structlog
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client.oauth2_session import OAuth2ClientAuth
from authlib.oauth2.client import OAuth2Client

from app.core.assurance import SignInRequirement
from app.core.errors import LoginFailed, ProviderRefused, ProviderUnavailable
from app.core.failure_reasons import CallbackReason, ProviderReason
from app.core.http_client import cause_of
from app.core.settings import Settings
from app.core.tokens.discovery import Discovery
from component.oidc.authorization_parameters import WITH_PROMPT_NONE, allowed_parameters, step_up_parameters
from component.oidc.bounded_http import bounded_session

SCOPE: Final = "openid profile email offline_access"
_MAX_TOKEN_CHARACTERS: Final = 65_536
_MAX_EXPIRES_IN_SECONDS: Final = 366 * 86_400
_TOO_MANY_REQUESTS: Final = 429
_ERRORS_FROM: Final = 400
_TEMPORARY: Final = frozenset(
    {"server_error", "slow_down", "temporarily_unavailable", "too_many_attempts", "too_many_requests"}
)
_log = structlog.get_logger(__name__)
_DROPPED: Final = re.compile(r"[^a-z0-9_.-]")
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")


@dataclass(frozen=True, slots=True)
class TokenSet:
    """The response of the token endpoint, unverified. Empty texts where it has no value; the repr shows no token."""

    access_token: str = field(repr=False)
    expires_in_seconds: int | None
    refresh_token: str = field(repr=False)
    id_token: str = field(repr=False)


class _Client(OAuth2Client):
    """Authlib's client over a session it does not own; one for each call, because it remembers tokens."""

    client_auth_class = OAuth2ClientAuth
    oauth_error_class: Any = OAuthError
    SESSION_REQUEST_PARAMS: Any = ("allow_redirects",)


class Provider:
    """The one provider of this installation. Safe from any thread; every call may block for some seconds."""

    def __init__(self, settings: Settings, discovery: Discovery, *, http: requests.Session | None = None) -> None:
        """``http``: a session with its own limits, for tests; by default one that bounds time and size."""
        self.client_id = settings.auth0_client_id or ""
        self.issuer = settings.issuer
        self._client_secret = settings.client_secret
        self._audience = settings.audience
        self._redirect_uri = settings.redirect_uri
        self._return_uri = settings.app_base_url
        self._discovery = discovery
        self._http = http if http is not None else bounded_session(settings)

    def authorize_url(
        self,
        *,
        state: str,
        nonce: str,
        code_verifier: str,
        parameters: Mapping[str, str] | None = None,
        silent_sign_in: bool = False,
        another_account: bool = False,
        step_up: SignInRequirement | None = None,
    ) -> str:
        """The address of the authorization request (OIDC Core §3.1.2.1), always with PKCE S256.

        Args:
            state: The state.
            nonce: The nonce.
            code_verifier: The PKCE verifier.
            parameters: Of these only ``ALLOWED_PARAMETERS`` are sent.
            silent_sign_in: Whether to send ``prompt=none``, and of the parameters only connection and organization.
            another_account: Whether the provider offers another account than the one that is signed in there.
            step_up: The requirement of a step-up; None for any other sign-in.

        Raises:
            ProviderUnavailable: The provider's metadata cannot be fetched.
        """
        metadata = self._discovery.metadata()
        allowed = allowed_parameters(parameters or {})
        if silent_sign_in:
            allowed = {name: allowed[name] for name in WITH_PROMPT_NONE if name in allowed} | {"prompt": "none"}
        else:
            if another_account:
                allowed["prompt"] = "select_account" if metadata.account_selection_supported else "login"
            allowed |= step_up_parameters(step_up)
        url, _ = self._client().create_authorization_url(
            metadata.authorization_endpoint,
            state=state,
            code_verifier=code_verifier,
            nonce=nonce,
            audience=self._audience,
            **allowed,
        )
        return str(url)

    def check_issuer(self, issuer: str | None) -> None:
        """Check that the response is of this provider (RFC 9207 §2.4).

        Args:
            issuer: The callback's ``iss``; it may be missing only where the metadata does not announce it.

        Raises:
            LoginFailed: The response is another provider's.
            ProviderUnavailable: The provider's metadata cannot be fetched.
        """
        if issuer is None and not self._discovery.metadata().iss_parameter_supported:
            return
        if issuer != self.issuer:
            raise LoginFailed(reason=CallbackReason.ISSUER)

    def exchange(self, code: str, code_verifier: str) -> TokenSet:
        """Exchange the code for tokens (RFC 6749 §4.1.3).

        Raises:
            ProviderRefused: The provider answered with an error.
            ProviderUnavailable: The provider does not answer, or with an invalid response.
        """
        endpoint = self._discovery.metadata().token_endpoint
        with _translated():
            answer = self._client().fetch_token(
                endpoint,
                grant_type="authorization_code",
                code=code,
                code_verifier=code_verifier,
                allow_redirects=False,
            )
        return _token_set(answer)

    def refresh(self, refresh_token: str) -> TokenSet:
        """Refresh the tokens (RFC 6749 §6).

        ``refresh_token`` of the result is the one to use from now on; without rotation it is the old one. No scope is
        sent: the new tokens have the scope that was granted first.

        Raises:
            ProviderRefused: The provider answered with an error.
            ProviderUnavailable: The provider does not answer, or with an invalid response.
        """
        endpoint = self._discovery.metadata().token_endpoint
        client = self._client()
        client.scope = None
        with _translated():
            answer = client.refresh_token(endpoint, refresh_token=refresh_token, allow_redirects=False)
        return _token_set(answer)

    def revoke(self, refresh_token: str) -> None:
        """Revoke a refresh token (RFC 7009), if the provider has an endpoint for it.

        Raises:
            ProviderRefused: The provider answered with an error.
            ProviderUnavailable: The provider does not answer, or is busy.
        """
        endpoint = self._discovery.metadata().revocation_endpoint
        if endpoint is None or not refresh_token:
            return
        with _translated():
            answer = self._client().revoke_token(
                endpoint,
                token=refresh_token,
                token_type_hint="refresh_token",  # noqa: S106 - a kind of token, not one
                allow_redirects=False,
            )
        if answer.status_code == _TOO_MANY_REQUESTS or answer.status_code >= 500:  # noqa: PLR2004 - server errors
            raise ProviderUnavailable(reason=ProviderReason.BUSY)
        if answer.status_code >= _ERRORS_FROM:
            raise ProviderRefused("The sign-in provider did not revoke the tokens of this sign-in.")

    def logout_url(self, logout_hint: str = "") -> str | None:
        """The address that ends the provider's own session too; None where the provider has none.

        Args:
            logout_hint: The provider's session id (``sid``) (OpenID Connect RP-Initiated Logout 1.0 §2). The ID
                token is not sent: no token ever reaches the browser.

        Raises:
            ProviderUnavailable: The provider's metadata cannot be fetched.
        """
        metadata = self._discovery.metadata()
        if metadata.end_session_endpoint is not None:
            parameters = {"client_id": self.client_id, "post_logout_redirect_uri": self._return_uri}
            return _with_query(
                metadata.end_session_endpoint, parameters | ({"logout_hint": logout_hint} if logout_hint else {})
            )
        host = urlsplit(self.issuer).hostname or ""
        if host == "auth0.com" or host.endswith(".auth0.com"):
            # Auth0 lists end_session_endpoint only if the tenant has it switched on; this one is always there.
            return _with_query(f"{self.issuer}v2/logout", {"client_id": self.client_id, "returnTo": self._return_uri})
        return None

    def _client(self) -> Any:
        # Credentials in the body: Auth0's default, and RFC 6749 §2.3.1's question of encoding does not arise.
        return _Client(  # type: ignore[no-untyped-call] # Authlib ships no types
            self._http,
            client_id=self.client_id,
            client_secret=self._client_secret,
            token_endpoint_auth_method="client_secret_post",  # noqa: S106 - a method's name
            revocation_endpoint_auth_method="client_secret_post",
            scope=SCOPE,
            redirect_uri=self._redirect_uri,
            code_challenge_method="S256",
        )


def cleaned_error(error: object) -> str:
    """A provider's error code, bounded and harmless; empty when there is none."""
    return _DROPPED.sub("", error.lower())[:64] if isinstance(error, str) else ""


def cleaned_text(text: object) -> str:
    """A provider's text on one bounded line, without control characters; still to be escaped where it is shown."""
    return " ".join(_UNPRINTABLE.sub(" ", text[:1000]).split())[:200] if isinstance(text, str) else ""


class _translated:  # noqa: N801 - reads as a statement: `with _translated():`
    """Turns every error of Authlib and requests into one of ours, unexpected ones too."""

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OAuthError):
            code = cleaned_error(error.error)
            if code in _TEMPORARY:
                raise ProviderUnavailable(reason=ProviderReason.BUSY) from None
            raise ProviderRefused(cleaned_text(error.description), error=code) from None
        if isinstance(error, Exception):
            reason = cause_of(error)
            # Never its text, which may contain the response.
            _log.warning("a call of the sign-in provider failed", reason=reason.value, error=type(error).__name__)
            raise ProviderUnavailable(reason=reason) from None


def _token_set(answer: Any) -> TokenSet:
    """Check the shape only. ``scope`` may be missing, ``expires_in`` a text; ``token_type`` must be bearer."""
    if not isinstance(answer, Mapping):
        raise ProviderUnavailable(reason=ProviderReason.TOKENS)
    access_token = _token(answer, "access_token")
    token_type = answer.get("token_type", "Bearer")
    if not access_token or not isinstance(token_type, str) or token_type.lower() != "bearer":
        raise ProviderUnavailable(reason=ProviderReason.TOKENS)
    return TokenSet(
        access_token=access_token,
        expires_in_seconds=_seconds(answer.get("expires_in")),
        refresh_token=_token(answer, "refresh_token"),
        id_token=_token(answer, "id_token"),
    )


def _token(answer: Mapping[str, Any], name: str) -> str:
    value = answer.get(name)
    return value if isinstance(value, str) and len(value) <= _MAX_TOKEN_CHARACTERS else ""


def _seconds(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        seconds = int(value)
    except (ValueError, OverflowError):
        return None
    return seconds if 0 <= seconds <= _MAX_EXPIRES_IN_SECONDS else None


def _with_query(address: str, parameters: Mapping[str, str]) -> str:
    return f"{address}{'&' if '?' in address else '?'}{urlencode(parameters)}"
