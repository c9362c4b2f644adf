"""A step-up sign-in through the routes."""

from __future__ import annotations

from typing import Any

from app.core.assurance import MULTI_FACTOR
from app.core.records import Session
from tests.cookie_client import ClientResponse
from tests.signin import CookieClient, SignInWorld

FRESH = "/auth/login?step_up=1&max_age=0&return_to=/reports%3Frange%3D7%2Bdays"
FACTOR = f"/auth/login?step_up=1&acr_values={MULTI_FACTOR}&return_to=/reports"
BACK = "http://localhost:8501/reports?range=7+days"


def confirm(installation: SignInWorld, client: CookieClient, link: str = FRESH, **claims: Any) -> ClientResponse:
    """Follow a step-up link to the provider and back; ``claims`` go into the ID token."""
    return client.get(installation.fake.approve(client.get(link).location, **claims))


def session_of(installation: SignInWorld, client: CookieClient) -> Session:
    return installation.sessions.resolve(installation.secret(client))
