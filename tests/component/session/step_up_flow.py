"""A step-up sign-in through the routes."""

from __future__ import annotations

from typing import Any

from app.core.assurance import MULTI_FACTOR
from app.core.records import Session
from tests.browser import Answer
from tests.signin import Browser, SignInWorld

FRESH = "/auth/login?step_up=1&max_age=0&return_to=/reports%3Frange%3D7%2Bdays"
FACTOR = f"/auth/login?step_up=1&acr_values={MULTI_FACTOR}&return_to=/reports"
BACK = "http://localhost:8501/reports?range=7+days"


def confirm(installation: SignInWorld, browser: Browser, link: str = FRESH, **claims: Any) -> Answer:
    """Follow a step-up link to the provider and back; ``claims`` go into the ID token."""
    return browser.get(installation.fake.approve(browser.get(link).location, **claims))


def session_of(installation: SignInWorld, browser: Browser) -> Session:
    return installation.sessions.resolve(installation.secret(browser))
