"""Authlib's framework-neutral server core, bound to Starlette and to this tenant's one app and one machine.

Authlib's errors become answers here and in ``routes``; none leaves them. Sources: RFC 6749, RFC 9207.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

from starlette.responses import JSONResponse, Response

from component.dev_tenant.oauth import (
    AuthorizationServer,
    ClientMixin,
    OAuth2Payload,
    OAuth2Request,
    Refusal,
    add_params_to_uri,
)
from component.dev_tenant.store import TenantSession

if TYPE_CHECKING:
    from component.dev_tenant.tenant import Tenant

NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}


@dataclass(frozen=True, slots=True)
class Client(ClientMixin):  # type: ignore[misc] # Authlib ships no types
    """A registered client; the methods are what Authlib asks of one."""

    client_id: str
    client_secret: str
    grant_types: tuple[str, ...]
    redirect_uris: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """No secret ever reaches Authlib's log."""
        return f"Client({self.client_id!r})"

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        """Exact members only: no prefix, no pattern, no case folding."""
        return redirect_uri in self.redirect_uris

    def check_response_type(self, response_type: str) -> bool:
        """The code flow is the only one."""
        return response_type == "code" and "authorization_code" in self.grant_types

    def check_grant_type(self, grant_type: str) -> bool:
        """Whether this client may use a grant type."""
        return grant_type in self.grant_types

    def get_allowed_scope(self, scope: str | None) -> str:
        """Everything may be asked for; what is granted is decided when a token is issued."""
        return scope or ""


class TenantPayload(OAuth2Payload):  # type: ignore[misc] # Authlib ships no types
    """The parameters of one request."""

    def __init__(self, params: Mapping[str, Sequence[str]]) -> None:
        self._params = params

    @property
    def data(self) -> dict[str, str]:
        """The first value of each parameter."""
        return {name: values[0] for name, values in self._params.items() if values}

    @property
    def datalist(self) -> dict[str, list[str]]:
        """Every value of each parameter."""
        return {name: list(values) for name, values in self._params.items()}


class TenantRequest(OAuth2Request):  # type: ignore[misc] # Authlib ships no types
    """A request as Authlib sees it. ``session`` is the tenant session an authorization answer speaks for."""

    def __init__(
        self, method: str, params: Mapping[str, Sequence[str]], *, headers: Mapping[str, str] | None = None
    ) -> None:
        # Older Authlib takes plain http only from `http://localhost:`; that this tenant is on loopback was checked at
        # its start, and the address serves no other purpose here.
        super().__init__(method, "https://tenant.invalid/", headers=headers or {})
        self.payload = TenantPayload(params)
        self.session: TenantSession | None = None

    @property
    def args(self) -> dict[str, str]:
        """The parameters."""
        return dict(self.payload.data)

    @property
    def form(self) -> dict[str, str]:
        """The parameters."""
        return dict(self.payload.data)


class TenantServer(AuthorizationServer):  # type: ignore[misc] # Authlib ships no types
    """Authlib's server with this tenant behind it."""

    def __init__(self, tenant: Tenant) -> None:
        super().__init__()
        self.tenant = tenant
        known = tenant.credentials
        people = ("authorization_code", "refresh_token")
        self._clients = {
            client.client_id: client
            for client in (
                Client(known.client_id, known.client_secret, people, tenant.config.redirect_uris),
                Client(known.machine_client_id, known.machine_client_secret, ("client_credentials",)),
            )
        }

    def query_client(self, client_id: str) -> Client | None:
        """The client with this id."""
        return self._clients.get(client_id)

    def authenticate_client(self, request: TenantRequest, methods: Sequence[str], endpoint: str = "token") -> Client:
        """The client that proves its secret by HTTP Basic or in the form, one of them; compared in constant time.

        Raises:
            Refusal: The client is unknown or the secret is wrong; the same for both.
        """
        del methods, endpoint
        client_id, secret, challenge = client_proof(request)
        client = self._clients.get(client_id)
        expected = client.client_secret if client else "-" * 64
        same = hmac.compare_digest(expected.encode(), secret.encode("utf-8", "surrogatepass"))
        if client is None or not same:
            raise Refusal("access_denied", "Unauthorized", status=401, challenge=challenge)
        request.client = client
        return client

    def create_oauth2_request(self, request: TenantRequest) -> TenantRequest:
        """Already made by ``routes``."""
        return request

    def handle_response(self, status: int, body: Any, headers: Sequence[tuple[str, str]]) -> Response:
        """A Starlette answer; a redirect gets the ``iss`` parameter (RFC 9207)."""
        response_headers = {**dict(headers), **NO_STORE}
        if "Location" in response_headers:
            response_headers["Location"] = add_params_to_uri(
                response_headers["Location"], [("iss", self.tenant.config.issuer)]
            )
            return Response(status_code=302, headers=response_headers)
        response_headers.pop("Content-Type", None)
        return JSONResponse(body, status_code=status, headers=response_headers)

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """No signal has receivers here."""

    def save_token(self, token: dict[str, Any], request: TenantRequest) -> None:
        """Tokens are written down where they are issued (``grants``)."""


def client_proof(request: TenantRequest) -> tuple[str, str, bool]:
    """The client id and secret of a request, and whether they came by HTTP Basic. Empty when there are none.

    Never fails on garbage.

    Raises:
        Refusal: Both ways are used at once (RFC 6749 §2.3).
    """
    form = request.form
    header = request.headers.get("authorization", "")
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return form.get("client_id", ""), form.get("client_secret", ""), False
    if "client_secret" in form:
        raise Refusal("invalid_request", "Only one way of client authentication may be used", status=400)
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        return "", "", True
    client_id, _, secret = decoded.partition(":")
    return unquote_plus(client_id), unquote_plus(secret), True
