"""The OpenID provider as a client sees it: authorize, exchange, refresh, revoke, sign out. All quirks live here.

Authlib makes the requests (RFC 6749, RFC 7636, RFC 7009); no error of Authlib or requests crosses this module, and no
answer is believed beyond its shape: tokens are verified by ``app.core.tokens.verifier``. Redirects are never followed.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client.oauth2_session import OAuth2ClientAuth
from authlib.oauth2.client import OAuth2Client

from app.core.assurance import Requirement
from app.core.errors import LoginFailed, ProviderRefused, ProviderUnavailable
from app.core.failure_reasons import CallbackReason, ProviderReason
from app.core.http_client import cause_of
from app.core.settings import Settings
from app.core.tokens.discovery import Discovery
from component.oidc.bounded_http import bounded_session

SCOPE: Final = "openid profile email offline_access"
_MAX_TOKEN_CHARACTERS: Final = 65_536
_MAX_EXPIRES_IN_SECONDS: Final = 366 * 86_400
_TOO_MANY_REQUESTS: Final = 429
_ERRORS_FROM: Final = 400
_LATER: Final = frozenset(
    {"server_error", "slow_down", "temporarily_unavailable", "too_many_attempts", "too_many_requests"}
)
_log = logging.getLogger(__name__)
_DROPPED: Final = re.compile(r"[^a-z0-9_.-]")
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")

ALLOWED_PARAMETERS: Final[Mapping[str, re.Pattern[str]]] = {
    "connection": re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}"),
    "login_hint": re.compile(r"[^\x00-\x1f\x7f]{1,200}"),
    "organization": re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}"),
    "prompt": re.compile(r"login|select_account"),
    "screen_hint": re.compile(r"signup|login"),
    "ui_locales": re.compile(r"[A-Za-z0-9 -]{1,100}"),
}
"""The only parameters of a sign-in link that reach the provider as they are, and what they may say."""
_SILENTLY: Final = ("connection", "organization")
ANY_AGE_SECONDS: Final = 10 * 365 * 86_400
"""As ``max_age``: no sign-in is too old."""


@dataclass(frozen=True, slots=True)
class TokenSet:
    """What the token endpoint answered, unverified. Empty texts where it gave nothing; the repr shows no token."""

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
        silent: bool = False,
        another: bool = False,
        step_up: Requirement | None = None,
    ) -> str:
        """Where the browser goes to sign in (OIDC Core §3.1.2.1), with PKCE S256 whether advertised or not.

        Of ``parameters`` only ``ALLOWED_PARAMETERS`` are sent; ``silent`` sends ``prompt=none`` and, of them, what says
        where to look. ``another``: whoever is signed in at the provider is not simply taken. ``step_up``: what the
        sign-in must be like. Raises ``ProviderUnavailable``.
        """
        metadata = self._discovery.metadata()
        asked = allowed_parameters(parameters or {})
        if silent:
            asked = {name: asked[name] for name in _SILENTLY if name in asked} | {"prompt": "none"}
        else:
            if another:
                asked["prompt"] = "select_account" if metadata.account_selection_supported else "login"
            asked |= _asking_for(step_up)
        url, _ = self._client().create_authorization_url(
            metadata.authorization_endpoint,
            state=state,
            code_verifier=code_verifier,
            nonce=nonce,
            audience=self._audience,
            **asked,
        )
        return str(url)

    def check_issuer(self, given: str | None) -> None:
        """Refuse an answer that another provider made (RFC 9207 §2.4): raises ``LoginFailed``, ``ProviderUnavailable``.

        ``given``: the callback's ``iss``; it may be missing only where discovery does not promise it.
        """
        if given is None and not self._discovery.metadata().iss_parameter_supported:
            return
        if given != self.issuer:
            raise LoginFailed(reason=CallbackReason.ISSUER)

    def exchange(self, code: str, code_verifier: str) -> TokenSet:
        """Trade the code for tokens (RFC 6749 §4.1.3). Raises ``ProviderRefused``, ``ProviderUnavailable``."""
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
        """Trade the refresh token for new tokens (RFC 6749 §6). Raises ``ProviderRefused``, ``ProviderUnavailable``.

        ``refresh_token`` of the answer is the one to use from now on: the old one, if the provider does not rotate. No
        scope is sent: the answer has what was granted at first.
        """
        endpoint = self._discovery.metadata().token_endpoint
        client = self._client()
        client.scope = None
        with _translated():
            answer = client.refresh_token(endpoint, refresh_token=refresh_token, allow_redirects=False)
        return _token_set(answer)

    def revoke(self, refresh_token: str) -> None:
        """Tell the provider that a refresh token is over (RFC 7009); nothing where it has no such endpoint.

        Raises ``ProviderRefused``, ``ProviderUnavailable``.
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
            raise ProviderRefused("The sign-in provider did not take back the tokens of this sign-in.")

    def logout_url(self, hint: str = "") -> str | None:
        """Where the browser goes to end the provider's own session too; None where the provider offers nothing.

        ``hint``: the provider's session id, sent as ``logout_hint`` (OpenID Connect RP-Initiated Logout 1.0 §2). The
        ID token is not sent: no token ever reaches the browser. Raises ``ProviderUnavailable``.
        """
        metadata = self._discovery.metadata()
        if metadata.end_session_endpoint is not None:
            asked = {"client_id": self.client_id, "post_logout_redirect_uri": self._return_uri}
            return _with_query(metadata.end_session_endpoint, asked | ({"logout_hint": hint} if hint else {}))
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


def allowed_parameters(asked: Mapping[str, str]) -> dict[str, str]:
    """Those of ``asked`` that may reach the provider."""
    return {
        name: asked[name] for name, form in ALLOWED_PARAMETERS.items() if name in asked and form.fullmatch(asked[name])
    }


def _asking_for(step_up: Requirement | None) -> dict[str, str]:
    """What a sign-in must be like, in the provider's words (OIDC Core §3.1.2.1); see decision 26.

    ``max_age`` is always sent, because some providers leave ``auth_time`` out of the ID token without it, and never as
    0, which some refuse and others answer by asking for the password without end. A sign-in that must be fresh is asked
    for by ``prompt=login``; that it was is checked by ``auth_time``, whatever was asked.
    """
    requirement = step_up or Requirement()
    parameters = {"max_age": str(requirement.max_age_seconds or ANY_AGE_SECONDS)}
    if requirement.max_age_seconds == 0:
        parameters["prompt"] = "login"
    if requirement.acr:
        parameters["acr_values"] = requirement.acr
    return parameters


def cleaned_error(error: object) -> str:
    """A provider's error code, bounded and harmless; empty when there is none."""
    return _DROPPED.sub("", error.lower())[:64] if isinstance(error, str) else ""


def cleaned_text(text: object) -> str:
    """A provider's sentence on one bounded line, without control characters; still to be escaped where it is shown."""
    return " ".join(_UNPRINTABLE.sub(" ", text[:1000]).split())[:200] if isinstance(text, str) else ""


class _translated:  # noqa: N801 - reads as a statement: `with _translated():`
    """Turns every error of Authlib and requests into one of ours, those nobody listed too (R54)."""

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OAuthError):
            code = cleaned_error(error.error)
            if code in _LATER:
                raise ProviderUnavailable(reason=ProviderReason.BUSY) from None
            raise ProviderRefused(cleaned_text(error.description), error=code) from None
        if isinstance(error, Exception):
            reason = cause_of(error)
            # Never its text, which may hold what was answered.
            _log.warning("a call of the sign-in provider failed: %s (%s)", reason, type(error).__name__)
            raise ProviderUnavailable(reason=reason) from None


def _token_set(answer: Any) -> TokenSet:
    """Believe the shape only. ``scope`` may be missing, ``expires_in`` a text; ``token_type`` must be bearer."""
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
