"""A sign-in provider over real loopback HTTP whose token endpoint a test controls; built on ``tests.issuer``.

It keeps codes (bound to nonce and PKCE challenge) and rotating refresh tokens, counts what is asked of it, and
misbehaves on demand. For a whole, correct provider use the local tenant.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlencode, urlsplit

from tests.issuer import Issuer

Form = dict[str, str]


@dataclass
class ProviderResponse:
    """The response of an endpoint."""

    body: Any
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Code:
    """An issued code and the values that it is bound to."""

    nonce: str | None
    """None for a request without the scope ``openid``."""
    challenge: str
    claims: dict[str, Any]


class FakeProvider:
    """Use as a context manager. ``issuer`` signs; change the fields at any time."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.issuer = Issuer(clock=clock)
        self.issuer._make_keys()
        self.codes: dict[str, Code] = {}
        self.refresh_tokens: dict[str, dict[str, Any]] = {}
        """Those still good → claims of their person."""
        self.rotate = True
        self.access_seconds = 600
        self.access_claims: dict[str, Any] = {}
        """Claims of every access token, such as permissions."""
        self.token_answer: Callable[[Form], ProviderResponse | None] | None = None
        """Called first; None means the usual response."""
        self.document: Callable[[str], ProviderResponse | None] | None = None
        """The same for discovery and the key set, by their path."""
        self.delay_seconds = 0.0
        self.forms: list[Form] = []
        self.revoked: list[str] = []
        self.revoke_status = 200
        self.issued: list[str] = []
        """Every issued token: none of them may appear anywhere."""
        self.tls: ssl.SSLContext | None = None
        """With it, it serves https."""
        self._lock = threading.Lock()
        self._server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        return self.issuer.url

    def refreshes(self) -> int:
        return sum(form.get("grant_type") == "refresh_token" for form in self.forms)

    def __enter__(self) -> Self:
        self.start()
        self.issuer.url = f"{'http' if self.tls is None else 'https'}://127.0.0.1:{self._port}/"
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def start(self, port: int = 0) -> None:
        self._server = _Server(("127.0.0.1", port), _handler(self))
        self._port = self._server.server_port
        if self.tls is not None:
            self._server.socket = self.tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        """Stop: connections are refused from now on."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def restart(self) -> None:
        """Start again at the same address."""
        self.start(self._port)

    # The browser's part

    def approve(self, authorize_url: str, **claims: Any) -> str:
        """The path and query of the callback after the user signed in; ``claims`` go into the tokens."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(authorize_url).query).items()}
        code = secrets.token_urlsafe(16)
        # OIDC Core §3.1.2.1: without the scope "openid" it is a plain OAuth 2.0 request, and brings no ID token.
        nonce = query["nonce"] if "openid" in query.get("scope", "").split() else None
        self.codes[code] = Code(nonce, query["code_challenge"], claims)
        return self.answer(query["state"], code=code)

    def answer(self, state: str, **parameters: str) -> str:
        """A callback with these parameters and the right ``iss``; an empty value drops one."""
        known = {"state": state, "iss": self.url} | parameters
        return "/auth/callback?" + urlencode({name: value for name, value in known.items() if value})

    # The client's part

    def token(self, form: Form) -> ProviderResponse:
        with self._lock:
            self.forms.append(form)
        if self.delay_seconds:
            time.sleep(self.delay_seconds)
        special = self.token_answer(form) if self.token_answer is not None else None
        if special is not None:
            return special
        if (form.get("client_id"), form.get("client_secret")) != (self.issuer.client_id, "client-secret"):
            return ProviderResponse({"error": "invalid_client"}, 401)
        with self._lock:
            return self._code(form) if form["grant_type"] == "authorization_code" else self._refresh(form)

    def _code(self, form: Form) -> ProviderResponse:
        code = self.codes.pop(form["code"], None)
        verifier = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(verifier).rstrip(b"=").decode()
        if code is None or code.challenge != challenge:
            return ProviderResponse({"error": "invalid_grant", "error_description": "Invalid authorization code"}, 403)
        return self.tokens(code.claims, nonce=code.nonce)

    def _refresh(self, form: Form) -> ProviderResponse:
        refresh_token = form["refresh_token"]
        claims = self.refresh_tokens.get(refresh_token)
        if claims is None:
            return ProviderResponse(
                {"error": "invalid_grant", "error_description": "Unknown or invalid refresh token."}, 403
            )
        if not self.rotate:
            answer = self.tokens(claims)
            del answer.body["refresh_token"]
            return answer
        del self.refresh_tokens[refresh_token]
        return self.tokens(claims)

    def tokens(self, claims: Mapping[str, Any], *, nonce: str | None = None) -> ProviderResponse:
        """A token response; without a nonce (a refresh) it has no ID token."""
        now = int(self.issuer.clock())
        sub = claims.get("sub", "auth0|ann")
        access = self.issuer.access_token(
            **{"sub": sub, "iat": now, "exp": now + self.access_seconds, "jti": secrets.token_hex(8)}
            | self.access_claims
        )
        refresh = f"refresh-{secrets.token_urlsafe(24)}"
        self.refresh_tokens[refresh] = dict(claims)
        body = {
            "access_token": access,
            "refresh_token": refresh,
            "token_type": "Bearer",
            "expires_in": self.access_seconds,
            "scope": "",
        }
        if nonce is not None:
            body["id_token"] = self.issuer.id_token(**{"nonce": nonce, "access_token": access} | dict(claims))
        self.issued += [str(body[name]) for name in ("access_token", "refresh_token", "id_token") if name in body]
        return ProviderResponse(body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print nothing: clients of some tests close the connection early."""


def _handler(provider: FakeProvider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            special = provider.document(self.path) if provider.document is not None else None
            if special is not None:
                self._answer(special)
                return
            jwks = self.path == "/.well-known/jwks.json"
            self._answer(ProviderResponse(provider.issuer.jwks() if jwks else provider.issuer.metadata()))

        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
            form = {name: values[0] for name, values in parse_qs(text, keep_blank_values=True).items()}
            if self.path == "/oauth/revoke":
                provider.revoked.append(form["token"])
                provider.refresh_tokens.pop(form["token"], None)
                self._answer(ProviderResponse({}, status=provider.revoke_status))
            else:
                self._answer(provider.token(form))

        def _answer(self, answer: ProviderResponse) -> None:
            body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
            self.send_response(answer.status)
            for name, value in {"Content-Length": str(len(body)), **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name for it
            """Print nothing."""

    return Handler
