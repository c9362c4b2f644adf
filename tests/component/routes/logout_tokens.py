"""Requests of the provider to the back-channel logout."""

from __future__ import annotations

import secrets
from typing import Any
from urllib.parse import urlencode

from tests.cookie_client import ClientResponse, call
from tests.signin import CookieClient, SignInWorld

PATH = "/auth/backchannel-logout"
FORM = "application/x-www-form-urlencoded"


def post(installation: SignInWorld, body: bytes | str, **headers: str) -> ClientResponse:
    """Post as the provider does; no cookie, no ``Origin``."""
    sent = {"content-type": FORM} | {name.replace("_", "-"): value for name, value in headers.items()}
    return call(installation.app, "POST", PATH, sent, body.encode() if isinstance(body, str) else body)


def post_logout_token(installation: SignInWorld, **claims: Any) -> ClientResponse:
    """Post a logout token with these claims, by default issued one second after the current time."""
    usual = {"jti": secrets.token_hex(8), "iat": int(installation.clock.timestamp()) + 1}
    return post(installation, urlencode({"logout_token": installation.fake.issuer.logout_token(**(usual | claims))}))


def is_live(installation: SignInWorld, client: CookieClient) -> bool:
    return bool(client.get("/auth/session").json()["authenticated"])
