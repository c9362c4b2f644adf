"""A step-up sign-in through the routes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from app.core.assurance import MULTI_FACTOR
from app.core.records import Session
from tests.browser import Answer
from tests.clock import FakeClock
from tests.provider import FakeProvider
from tests.signin import Browser, SignInWorld, world

FRESH = "/auth/login?step_up=1&max_age=0&return_to=/reports%3Frange%3D7%2Bdays"


FACTOR = f"/auth/login?step_up=1&acr_values={MULTI_FACTOR}&return_to=/reports"


BACK = "http://localhost:8501/reports?range=7+days"


@pytest.fixture
def installation() -> Iterator[SignInWorld]:
    clock = FakeClock()
    with FakeProvider(clock.timestamp) as fake, world(fake, clock) as installation:
        yield installation


def confirm(installation: SignInWorld, browser: Browser, link: str = FRESH, **claims: Any) -> Answer:
    """Follow a step-up link to the provider and back; ``claims`` go into the ID token."""
    return browser.get(installation.fake.approve(browser.get(link).location, **claims))


def session_of(installation: SignInWorld, browser: Browser) -> Session:
    return installation.sessions.resolve(installation.secret(browser))
