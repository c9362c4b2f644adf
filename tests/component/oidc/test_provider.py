"""The client of the provider with different and misbehaving providers, and the client address that counts."""

from __future__ import annotations

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests
from authlib.oauth2.client import OAuth2Client

from app.core.errors import LoginFailed, ProviderRefused, ProviderUnavailable
from app.core.failure_reasons import ProviderReason
from app.core.tokens.discovery import Discovery, ProviderMetadata
from component.oidc import bounded_http
from component.oidc.authorization_parameters import allowed_parameters
from component.oidc.provider import Provider, TokenSet, cleaned_error, cleaned_text
from tests.provider import Form, ProviderResponse
from tests.signin import SignInWorld


def test_a_token_set_shows_no_token() -> None:
    shown = repr(TokenSet("access-x", 600, "refresh-x", "id-x"))
    assert "600" in shown
    assert "-x" not in shown


@pytest.mark.parametrize(
    ("expires_in", "seconds"),
    [(600, 600), ("600", 600), (600.9, 600), (None, None), (-1, None), (True, None), (1e300, None)],
)
def test_an_expires_in_of_any_type(installation: SignInWorld, expires_in: object, seconds: int | None) -> None:
    installation.fake.token_answer = lambda form: ProviderResponse({"access_token": "a", "expires_in": expires_in})
    assert installation.provider.exchange("code", "verifier").expires_in_seconds == seconds


@pytest.mark.parametrize("scope", ["", None, "openid", 5])
def test_a_scope_of_any_type(installation: SignInWorld, scope: object) -> None:
    installation.fake.token_answer = lambda form: ProviderResponse(
        {"access_token": "a", "token_type": "bearer", "scope": scope}
    )
    assert installation.provider.exchange("code", "verifier").access_token == "a"


@pytest.mark.parametrize("status", [400, 401, 403, 200])
def test_errors_come_with_any_status(installation: SignInWorld, status: int) -> None:
    installation.fake.token_answer = lambda form: ProviderResponse(
        {"error": "invalid_grant", "error_description": "No."}, status
    )
    with pytest.raises(ProviderRefused) as caught:
        installation.provider.refresh("token")
    assert caught.value.error == "invalid_grant"
    assert caught.value.detail == "No."
    assert caught.value.fields() == {"error": "invalid_grant"}


@pytest.mark.parametrize(
    "answer",
    [
        ProviderResponse({"error": "too_many_requests"}, 429),
        ProviderResponse({"error": "server_error"}, 400),
        ProviderResponse({"error": "invalid_grant"}, 500),
        ProviderResponse(b"Rate limited", 429),
        ProviderResponse(b"", 204),
        ProviderResponse({"error": {"code": 5}}, 400),
    ],
)
def test_an_error_other_than_a_refusal_suggests_to_try_again(
    installation: SignInWorld, answer: ProviderResponse
) -> None:
    installation.fake.token_answer = lambda form: answer
    with pytest.raises((ProviderUnavailable, ProviderRefused)) as caught:
        installation.provider.refresh("token")
    if isinstance(caught.value, ProviderRefused):
        assert caught.value.error == ""  # unreadable, so it is not evaluated
        assert caught.value.fields() == {}


def test_redirects_are_not_followed(installation: SignInWorld) -> None:
    """A token endpoint that redirects would carry the client's secret elsewhere."""
    elsewhere = f"{installation.fake.url}elsewhere"
    installation.fake.token_answer = lambda form: ProviderResponse({"access_token": "a"}, 307, {"Location": elsewhere})
    with pytest.raises(ProviderUnavailable):
        installation.provider.exchange("code", "verifier")
    assert len(installation.fake.forms) == 1
    assert installation.fake.issuer.other_requests == []


def test_cookies_of_the_provider_are_not_kept(installation: SignInWorld) -> None:
    installation.fake.token_answer = lambda form: ProviderResponse(
        {"access_token": "a"}, 200, {"Set-Cookie": "who=ann; Path=/"}
    )
    installation.provider.exchange("code", "verifier")
    assert not list(installation.provider._http.cookies)


class _Dripping(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "100000")
        self.end_headers()
        try:
            for _ in range(200):
                self.wfile.write(b" ")
                time.sleep(0.02)
        except OSError:
            return

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name for it
        """Log nothing."""


def test_a_drip_of_bytes_does_not_keep_a_thread(installation: SignInWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_http, "TIMEOUT_SECONDS", 0.3)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Dripping)
    server.daemon_threads = True
    server.block_on_close = False
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        installation.fake.issuer.metadata_extra = {"token_endpoint": f"http://127.0.0.1:{server.server_port}/"}
        before = time.monotonic()
        with pytest.raises(ProviderUnavailable):
            installation.provider.exchange("code", "verifier")
        assert time.monotonic() - before < 3
    finally:
        server.shutdown()
        server.server_close()


def test_a_slow_provider_is_not_waited_for(installation: SignInWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_http, "TIMEOUT_SECONDS", 0.2)
    over = threading.Event()

    def never(_: Form) -> None:
        over.wait(60)

    installation.fake.token_answer = never
    with pytest.raises(ProviderUnavailable):
        installation.provider.exchange("code", "verifier")
    over.set()


class _KnownMetadata(Discovery):
    """Discovery that returns fixed metadata."""

    def __init__(self, issuer: str, end_session_endpoint: str | None) -> None:
        self._metadata = ProviderMetadata(
            issuer=issuer,
            authorization_endpoint=f"{issuer}authorize?tenant=x",
            token_endpoint=f"{issuer}token",
            jwks_uri=f"{issuer}jwks",
            end_session_endpoint=end_session_endpoint,
            revocation_endpoint=None,
            userinfo_endpoint=None,
            iss_parameter_supported=False,
        )

    def metadata(self) -> ProviderMetadata:
        return self._metadata


def _provider(installation: SignInWorld, issuer: str, end_session_endpoint: str | None = None) -> Provider:
    settings = installation.settings.model_copy(update={"oidc_issuer": issuer})
    return Provider(settings, _KnownMetadata(issuer, end_session_endpoint), http=requests.Session())


def test_where_signing_out_leads(installation: SignInWorld) -> None:
    standard = _provider(installation, "https://id.example/", "https://id.example/logout?realm=a").logout_url("sid-1")
    assert standard == (
        "https://id.example/logout?realm=a&client_id=client-one"
        "&post_logout_redirect_uri=http%3A%2F%2Flocalhost%3A8501&logout_hint=sid-1"
    )
    switched_off = _provider(installation, "https://acme.eu.auth0.com/").logout_url("sid-1")
    assert switched_off == (
        "https://acme.eu.auth0.com/v2/logout?client_id=client-one&returnTo=http%3A%2F%2Flocalhost%3A8501"
    )
    for other in ("https://id.example/", "https://auth0.com.evil.example/", "https://notauth0.com/"):
        assert _provider(installation, other).logout_url("sid-1") is None


def test_a_provider_without_revocation_is_left_alone(installation: SignInWorld) -> None:
    _provider(installation, "https://id.example/").revoke("token")


def test_pkce_is_used_whether_it_is_advertised_or_not(installation: SignInWorld) -> None:
    url = _provider(installation, "https://id.example/").authorize_url(state="s", nonce="n", code_verifier="v" * 43)
    assert url.startswith("https://id.example/authorize?tenant=x&")
    assert "code_challenge_method=S256" in url
    assert "v" * 43 not in url


def test_the_issuer_of_an_answer_is_compared_exactly(installation: SignInWorld) -> None:
    provider = _provider(installation, "https://id.example/")
    provider.check_issuer(None)
    provider.check_issuer("https://id.example/")
    for wrong in ("https://id.example", "https://ID.example/", "", "https://id.example/x"):
        with pytest.raises(LoginFailed):
            provider.check_issuer(wrong)


def test_only_listed_parameters_with_sane_values() -> None:
    parameters = {"prompt": "none", "login_hint": "a\nb", "ui_locales": "de fr", "screen_hint": "x", "scope": "admin"}
    assert allowed_parameters(parameters) == {"ui_locales": "de fr"}
    assert allowed_parameters({"login_hint": "x" * 201, "prompt": "login"}) == {"prompt": "login"}


def test_texts_of_the_provider_are_cleaned() -> None:
    assert cleaned_error("Access_Denied<script>\n") == "access_deniedscript"
    assert len(cleaned_error("x" * 1000)) == 64
    assert cleaned_error(None) == cleaned_error({"a": 1}) == ""
    assert cleaned_text("one\r\n\ttwo\x00\u202ethree\u2028four") == "one two three four"
    assert len(cleaned_text("x" * 10_000)) == 200
    assert cleaned_text(5) == ""


@pytest.mark.parametrize("status", [400, 401, 404])
def test_a_revocation_that_is_refused_is_reported(installation: SignInWorld, status: int) -> None:
    installation.fake.revoke_status = status
    with pytest.raises(ProviderRefused, match="did not revoke the tokens"):
        installation.provider.revoke("token")
    assert installation.fake.revoked == ["token"]


@pytest.mark.parametrize("body", [["access_token"], "access_token", []])
def test_tokens_that_are_no_object_are_refused_whatever_authlib_checks(
    installation: SignInWorld, monkeypatch: pytest.MonkeyPatch, body: object
) -> None:
    """The oldest version that is allowed (1.6.6) returns the JSON of the response, whatever it is."""

    def parse(_: OAuth2Client, response: requests.Response) -> object:
        return response.json()

    monkeypatch.setattr(OAuth2Client, "parse_response_token", parse)
    installation.fake.token_answer = lambda form: ProviderResponse(body)
    with pytest.raises(ProviderUnavailable) as caught:
        installation.provider.exchange("code", "verifier")
    assert caught.value.reason_code == f"provider:{ProviderReason.TOKENS}"
