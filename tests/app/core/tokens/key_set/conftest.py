"""A key set whose fetch a test can stop."""

from __future__ import annotations

import pytest

from app.core.tokens.key_set import KeySet
from tests.app.core.tokens.key_set.gate import Gate
from tests.clock import FakeClock
from tests.issuer import Issuer


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
def gate(issuer: Issuer) -> Gate:
    return Gate(issuer)


@pytest.fixture
def keys(gate: Gate, clock: FakeClock) -> KeySet:
    return KeySet(gate, clock=clock.monotonic)
