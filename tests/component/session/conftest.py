"""The browser that step-ups start from."""

from __future__ import annotations

import pytest

from tests.component.session.step_up_flow import session_of
from tests.signin import CookieClient, SignInWorld


@pytest.fixture
def old(installation: SignInWorld) -> CookieClient:
    """A browser whose user signed in two hours ago, and is still active."""
    client = installation.sign_in(acr="", amr=["pwd"])
    installation.clock.move(minutes=50)
    installation.sessions.touch(session_of(installation, client))
    installation.clock.move(minutes=50)
    installation.sessions.touch(session_of(installation, client))
    installation.clock.move(minutes=20)
    return client
