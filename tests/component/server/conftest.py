"""The event loop of the tests of the protocols."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from tests.component.server.protocol_harness import Loop


@pytest.fixture
def loop() -> Iterator[Loop]:
    fresh = Loop()
    yield fresh
    for task in asyncio.all_tasks(fresh):
        task.cancel()
    fresh.run_until_complete(asyncio.sleep(0))
    fresh.close()
