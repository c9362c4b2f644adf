"""Coroutine tests run on asyncio (AnyIO's pytest plugin); an installation with sign-in for most of the others."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.clock import FakeClock
from tests.provider import FakeProvider
from tests.signin import SignInWorld, sign_in_world


@pytest.fixture
def anyio_backend() -> str:
    """The event loop of tests with the mark ``anyio``."""
    return "asyncio"


@pytest.fixture
def installation() -> Iterator[SignInWorld]:
    """The routes of sign-in and the identity middleware over a new database, with a provider on loopback."""
    clock = FakeClock()
    with FakeProvider(clock.timestamp) as fake, sign_in_world(fake, clock) as made:
        yield made
